"""An authority is asked about a card, and believed when it has signed the answer to this very question."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import SubjectKeyIdentifier
from cryptography.x509 import ocsp as crypto

from idp.services import http, ocsp
from tests.certificates import DAY, NOW, Authority, Card
from tests.fakes import FakeRandomness

ROOT = Authority.root()
CARD = ROOT.card(serial=77)
MINUTE = timedelta(minutes=1)
TOKEN = FakeRandomness().token()
ASKED = ocsp.question(ROOT.der, 77, TOKEN)


def said(answer: bytes) -> bool | None:
    return ocsp.read(answer, ASKED, NOW)


def test_a_question_names_the_card_and_carries_a_random_number() -> None:
    asked = crypto.load_der_ocsp_request(ASKED.der)
    assert asked.serial_number == 77
    assert (
        asked.issuer_key_hash
        == ROOT.certificate.extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest
    )
    assert ASKED.nonce == TOKEN.encode()[:32]


class TestAnAnswerIsBelieved:
    def test_of_the_authority_itself(self) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der)) is False
        assert said(ROOT.ocsp_answer(ASKED.der, revoked=True)) is True

    def test_of_its_delegate(self) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der, responder=ROOT.responder())) is False

    def test_that_does_not_say_when_it_ends_for_a_short_while(self) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der, until=None, at=NOW - 9 * MINUTE)) is False
        assert said(ROOT.ocsp_answer(ASKED.der, until=None, at=NOW - 10 * MINUTE)) is None


class TestAnAnswerIsNot:
    def test_to_another_question(self) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der, nonce=b"another question's number")) is None
        later = ocsp.question(ROOT.der, 77, FakeRandomness("later").token())
        assert ocsp.read(ROOT.ocsp_answer(ASKED.der), later, NOW) is None

    def test_about_another_card(self) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der, about=ROOT.card(serial=78))) is None

    def test_that_is_over_or_not_yet_made(self) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der, at=NOW - DAY, until=NOW)) is None
        assert said(ROOT.ocsp_answer(ASKED.der, at=NOW + 6 * MINUTE)) is None

    @pytest.mark.parametrize(
        "responder",
        [
            pytest.param(Authority.root("Another CA").responder(), id="another authority's"),
            pytest.param(Authority.root("Card CA").responder(), id="of one that calls itself the same"),
            pytest.param(ROOT.responder(may_answer=False), id="an ordinary card"),
            pytest.param(ROOT.responder(lasts=DAY / 2), id="expired"),
            pytest.param(ROOT.intermediate().responder(), id="the delegate of somebody below"),
        ],
    )
    def test_of_a_foreign_responder(self, responder: Card) -> None:
        assert said(ROOT.ocsp_answer(ASKED.der, responder=responder)) is None

    def test_that_was_altered_anywhere_in_what_is_signed_or_in_the_signature(self) -> None:
        good = ROOT.ocsp_answer(ASKED.der)
        signed = crypto.load_der_ocsp_response(good).tbs_response_bytes
        begin = good.index(signed)
        for at in (*range(begin, begin + len(signed), 3), len(good) - 1):
            assert said(good[:at] + bytes([good[at] ^ 0x01]) + good[at + 1 :]) is None, at

    def test_that_is_none(self) -> None:
        for status in (crypto.OCSPResponseStatus.TRY_LATER, crypto.OCSPResponseStatus.UNAUTHORIZED):
            built = crypto.OCSPResponseBuilder.build_unsuccessful(status)
            assert said(built.public_bytes(Encoding.DER)) is None
        for text in (b"", b"<html>", bytes(1000)):
            assert said(text) is None


def test_the_question_is_posted_to_the_configured_address() -> None:
    class Responder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            is_right = self.headers["Content-Type"] == "application/ocsp-request"
            self.send_response(200 if is_right else 400)
            self.end_headers()
            self.wfile.write(ROOT.ocsp_answer(question, revoked=True))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Responder) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert ocsp.ask(f"http://127.0.0.1:{server.server_port}/", ASKED, NOW) is True
        server.shutdown()

    with pytest.raises(http.NotFetched):
        ocsp.ask("http://127.0.0.1:9/", ASKED, NOW)
