"""`idp smartcard` asks every browser for a card, and believes what TLS has proved, never a header."""

import os
import shutil
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from idp.cli.smartcard import problems
from idp.db import Database, certificate_authority, revocation_list, smartcard
from idp.db.certificate_authority import CertificateAuthority
from idp.db.revocation_list import Content
from idp.db.smartcard import Smartcard
from idp.protocol import keyring
from idp.services.keys import MasterKeys
from idp.settings import Settings
from idp.web.smartcard_report import unseal
from tests import origin as origins
from tests.builders import ACCOUNT_ID, add_account, an_account
from tests.certificates import CARD_NUMBER, DAY, Authority, Card
from tests.cli import running
from tests.origin import STATE, Answer, Origin

SECOND = timedelta(seconds=1)
ISSUER = "https://id.example.nhs.uk"
BEGAN = origins.now() - DAY
CA = Authority.root(begins=BEGAN)
SUB = CA.intermediate(begins=BEGAN)
OTHER = Authority.root("Another CA", begins=BEGAN)
CARD = CA.card(begins=BEGAN)


@dataclass
class Place:
    """An installation with one card that opens an account."""

    folder: Path
    settings: dict[str, str]

    @property
    def masters(self) -> MasterKeys:
        return MasterKeys.load(self.folder / "keys")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Place:
    folder = tmp_path_factory.mktemp("smartcard")
    shutil.copy(migrated_sqlite, folder / "idp.sqlite3")
    url = f"sqlite:///{folder / 'idp.sqlite3'}"
    database, now = Database(url), origins.now()
    keyring.make(database, MasterKeys.create(folder / "keys"), now)
    with database.write() as connection:
        add_account(connection, an_account(now))
        smartcard.add(connection, Smartcard(UUID(int=1), ACCOUNT_ID, CARD_NUMBER, None, None, now, None))
        for number, authority in enumerate((CA, SUB), start=1):
            made = _believed(authority, UUID(int=number))
            certificate_authority.add(connection, made)
            revocation_list.claim(connection, made.id, now, now)
            seen = revocation_list.find(connection, made.id)
            assert seen is not None
            crl = authority.crl(at=BEGAN, until=now + DAY)
            revocation_list.replace(connection, made.id, seen, Content(crl, 1, BEGAN, now + DAY), now)
    database.close()
    return Place(
        folder, {"IDP_ISSUER": ISSUER, "IDP_DATABASE_URL": url, "IDP_KEYS_DIR": str(folder / "keys")}
    )


def _believed(authority: Authority, authority_id: UUID) -> CertificateAuthority:
    fingerprint = sha256(authority.der).digest()
    name = authority.certificate.subject.rfc4514_string()
    return CertificateAuthority(authority_id, name, authority.der, fingerprint, None, None, BEGAN, None)


@pytest.fixture(scope="module")
def origin(place: Place) -> Iterator[Origin]:
    """It speaks TLS itself."""
    with origins.running(place.folder, origins.a_free_port(), place.settings) as running_origin:
        yield running_origin


@pytest.fixture(scope="module")
def behind(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """A proxy on this machine speaks TLS for it."""
    folder = tmp_path_factory.mktemp("behind")
    with origins.running(
        folder, origins.a_free_port(), place.settings, proxies="127.0.0.1"
    ) as running_origin:
        yield running_origin


def problem(place: Place, answer: Answer) -> str | None:
    """What the browser is told, or None for a proof."""
    if "proof" in answer.query:
        return None
    report = unseal(place.masters, answer.query["report"], STATE, origins.now() + SECOND)
    assert report is not None
    assert report.problem is not None
    return report.problem.value


class TestACardInTheReader:
    def test_is_proved(self, place: Place, origin: Origin) -> None:
        answer = origin.ask(card=CARD)
        assert answer.status == 303
        assert answer.headers["Location"].startswith(f"{ISSUER}/smartcard/return?state={STATE}&proof=")
        assert problem(place, answer) is None

    def test_is_proved_with_the_authority_between_that_it_brings(self, place: Place, origin: Origin) -> None:
        card = SUB.card(begins=BEGAN)
        assert len(card.chain) == 2
        assert problem(place, origin.ask(card=card)) is None

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_is_proved_over_any_sound_version_of_tls(
        self, place: Place, origin: Origin, version: ssl.TLSVersion
    ) -> None:
        context = origin.context(CARD)
        context.minimum_version = context.maximum_version = version
        assert problem(place, origin.ask(context=context)) is None

    @pytest.mark.parametrize(
        ("card", "expected"),
        [
            pytest.param(None, "no_card", id="none"),
            pytest.param(CA.card("999999999999", begins=BEGAN), "unknown_card", id="unknown"),
            pytest.param(CA.card(begins=BEGAN, lasts=DAY / 2), "expired", id="expired"),
            pytest.param(OTHER.card(begins=BEGAN), "untrusted", id="of a foreign authority"),
            pytest.param(CA.card(begins=BEGAN, extensions={"extended": None}), "wrong_use", id="wrong use"),
        ],
    )
    def test_that_fails_is_told_by_us_and_not_by_the_browser(
        self, place: Place, origin: Origin, card: Card | None, expected: str
    ) -> None:
        assert problem(place, origin.ask(card=card)) == expected

    def test_may_be_of_a_kind_that_is_not_accepted(self, place: Place, origin: Origin) -> None:
        weak = CA.card(begins=BEGAN, key=rsa.generate_private_key(65_537, 1024))  # noqa: S505 - the point
        context = origin.context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        chain, key = place.folder / "weak.pem", place.folder / "weak.key"
        chain.write_bytes(weak.pem)
        key.write_bytes(weak.key_pem)
        context.load_cert_chain(chain, key)
        assert problem(place, origin.ask(context=context)) == "weak"

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_is_looked_at_afresh_on_every_connection(self, origin: Origin, version: ssl.TLSVersion) -> None:
        context = origin.context(CARD)
        context.minimum_version = context.maximum_version = version
        with _connected(origin, context) as first:
            first.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert first.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
            session = first.session
        with _connected(origin, context, session) as second:
            assert not second.session_reused

    def test_is_not_exchanged_for_another_on_the_way(self, origin: Origin) -> None:
        """TLS 1.2 lets either side shake hands again, with other certificates (RFC 5746)."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        with socket.create_connection(("127.0.0.1", origin.port), timeout=10) as raw:
            raw.settimeout(None)
            line = SSL.Connection(context, raw)
            line.set_connect_state()
            line.do_handshake()
            line.renegotiate()
            with pytest.raises(SSL.Error):
                line.do_handshake()

    def test_serves_one_request_a_connection(self, origin: Origin) -> None:
        assert origin.ask("/healthz").headers["Connection"] == "close"

    def test_of_many_at_once_each_is_its_own(self, place: Place, origin: Origin) -> None:
        good, bad = origin.context(CARD), origin.context(OTHER.card(begins=BEGAN))
        with ThreadPoolExecutor(12) as crowd:
            contexts = [good, bad] * 12
            answers = list(crowd.map(lambda context: origin.ask(context=context), contexts))
        assert [problem(place, answer) for answer in answers] == [None, "untrusted"] * 12


def _connected(
    origin: Origin, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    raw = socket.create_connection(("localhost", origin.port), timeout=10)
    return context.wrap_socket(raw, server_hostname="localhost", session=session)


def _drip(line: socket.socket) -> None:
    for _ in range(100):
        line.sendall(b"G")
        time.sleep(0.2)


class TestNoHeaderIsACard:
    @pytest.mark.parametrize(
        "name",
        [
            "Client-Cert",
            "client-cert",
            "Client_Cert",
            "CLIENT_CERT",
            "X-Client-Cert",
            "X-SSL-Cert",
            "X-SSL-Client-Cert",
            "SSL-Client-Cert",
            "SSL_CLIENT_CERT",
            "X-Forwarded-Client-Cert",
            "X-Forwarded-Tls-Client-Cert",
            "X-Amzn-Mtls-Clientcert",
            "X-ARR-ClientCert",
        ],
    )
    def test_to_an_origin_that_speaks_tls_itself(self, place: Place, origin: Origin, name: str) -> None:
        assert problem(place, origin.ask(headers={name: _field(CARD)})) == "no_card"
        assert problem(place, origin.ask(headers={name: CARD.pem.decode().replace("\n", "%0A")})) == "no_card"

    @pytest.mark.parametrize(
        "name", ["Client_Cert", "CLIENT_CERT", "X-Client-Cert", "X-Forwarded-Client-Cert"]
    )
    def test_to_an_origin_behind_a_proxy_but_the_one(self, place: Place, behind: Origin, name: str) -> None:
        assert problem(place, behind.ask(headers={name: _field(CARD)})) == "no_card"

    def test_unless_the_proxy_sends_it(self, place: Place, behind: Origin) -> None:
        assert problem(place, behind.ask(headers={"Client-Cert": _field(CARD)})) is None
        card = SUB.card(begins=BEGAN)
        chain = f":{b64encode(SUB.der).decode()}:"
        headers = {"Client-Cert": _field(card), "Client-Cert-Chain": chain}
        assert problem(place, behind.ask(headers=headers)) is None

    def test_twice(self, place: Place, behind: Origin) -> None:
        with socket.create_connection(("127.0.0.1", behind.port), timeout=10) as line:
            twice = f"Client-Cert: {_field(CARD)}\r\n" * 2
            line.sendall(f"GET /smartcard?state={STATE} HTTP/1.1\r\nHost: x\r\n{twice}\r\n".encode())
            said = line.recv(16_384).decode()
        location = next(each for each in said.splitlines() if each.startswith("Location: "))
        answer = Answer(303, {"Location": location.partition(" ")[2]}, b"")
        assert problem(place, answer) == "malformed"

    def test_from_a_peer_that_is_not_the_proxy(self, place: Place, tmp_path: Path) -> None:
        with origins.running(tmp_path, origins.a_free_port(), place.settings, proxies="192.0.2.1") as strange:
            assert problem(place, strange.ask(headers={"Client-Cert": _field(CARD)})) == "no_card"


def _field(card: Card) -> str:
    return f":{b64encode(card.der).decode()}:"


class TestStrangers:
    def test_who_speak_no_tls_are_hung_up_on(self, origin: Origin) -> None:
        with socket.create_connection(("localhost", origin.port), timeout=10) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" not in line.recv(4096)

    def test_who_speak_an_old_tls_are_refused(self, origin: Origin) -> None:
        context = origin.context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            origin.ask(context=context)

    def test_who_say_nothing_keep_nobody_waiting(self, origin: Origin) -> None:
        silent = [socket.create_connection(("localhost", origin.port)) for _ in range(100)]
        try:
            started = time.monotonic()
            assert origin.ask("/healthz").status == 200
            assert time.monotonic() - started < 5
        finally:
            for line in silent:
                line.close()

    def test_who_stop_in_the_middle_of_a_handshake_keep_nobody_else_waiting(self, origin: Origin) -> None:
        slow = [socket.create_connection(("127.0.0.1", origin.port)) for _ in range(300)]
        for line in slow:
            line.sendall(b"\x16\x03\x01\x02\x00\x01")
        try:
            try:
                raw = socket.create_connection(
                    ("127.0.0.1", origin.port), timeout=10, source_address=("127.0.0.2", 0)
                )
            except OSError:
                pytest.skip("This machine has one loopback address alone.")
            with origin.context(CARD).wrap_socket(raw, server_hostname="localhost") as other:
                other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert other.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        finally:
            for line in slow:
                line.close()
        # They are forgotten when they go.
        assert origin.ask("/healthz").status == 200

    def test_who_do_not_hang_up_keep_nobody_waiting(self, origin: Origin) -> None:
        plain = [socket.create_connection(("127.0.0.1", origin.port), timeout=10) for _ in range(20)]
        lingering: list[socket.socket] = [_connected(origin, origin.context()) for _ in range(20)]
        try:
            started = time.monotonic()
            for line in (*plain, *lingering):
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for line in lingering:
                assert line.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
            assert origin.ask("/healthz").status == 200
            assert time.monotonic() - started < 5
        finally:
            for line in (*plain, *lingering):
                line.close()

    def test_who_ask_too_slowly_are_cut_off(self, origin: Origin) -> None:
        with _connected(origin, origin.context()) as line:
            started = time.monotonic()
            with pytest.raises(OSError, match=r"EOF|Broken pipe|reset|closed"):
                _drip(line)
        assert 9 < time.monotonic() - started < 15

    def test_who_choose_no_card_and_go_are_no_fault(self, origin: Origin) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        browser = origin.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            browser.do_handshake()
        close_notify = b"\x15\x03\x03\x00\x02\x01\x00"
        with socket.create_connection(("127.0.0.1", origin.port), timeout=10) as line:
            line.sendall(outgoing.read() + close_notify)
            while said := line.recv(65_536):
                assert b"HTTP" not in said
        assert '"level": "error"' not in origin.log()

    def test_who_send_too_much_are_refused(self, origin: Origin, behind: Origin) -> None:
        assert origin.ask(headers={"X-Large": "x" * 10_000}).status >= 400
        assert behind.ask(headers={"Client-Cert": f":{'A' * 100_000}:"}).status >= 400
        assert origin.ask("/smartcard?state=" + "A" * 10_000).status >= 400

    def test_certificate_of_a_hundred_kilobytes_is_refused_at_once(
        self, place: Place, behind: Origin
    ) -> None:
        started = time.monotonic()
        large = b64encode(os.urandom(30_000)).decode()
        assert problem(place, behind.ask(headers={"Client-Cert": f":{large}:"})) == "malformed"
        small = f":{b64encode(OTHER.der).decode()}:"
        chain = ", ".join([small] * 49)
        headers = {"Client-Cert": _field(CARD), "Client-Cert-Chain": chain}
        assert problem(place, behind.ask(headers=headers)) == "malformed"
        assert time.monotonic() - started < 2

    def test_leave_no_trace_of_a_fault(self, origin: Origin, behind: Origin) -> None:
        for each in (origin, behind):
            assert '"level": "error"' not in each.log()


class TestStarting:
    def settings(self, place: Place, **more: object) -> Settings:
        given: dict[str, Any] = {
            "issuer": ISSUER,
            "database_url": place.settings["IDP_DATABASE_URL"],
            "keys_dir": place.folder / "keys",
            "smartcard_port": origins.a_free_port(),
            "smartcard_origin": "https://card.example.nhs.uk",
        }
        return Settings(**{**given, **more})

    def test_needs_an_origin_and_somebody_who_speaks_tls(self, place: Place) -> None:
        found = problems(self.settings(place, smartcard_origin=None))
        assert [each.split()[0] for each in found] == ["IDP_SMARTCARD_ORIGIN", "Nobody"]

    def test_needs_a_certificate_that_can_be_used(self, place: Place, tmp_path: Path) -> None:
        origins.make_tls(tmp_path)
        good = {"smartcard_certificate": tmp_path / "tls.pem", "smartcard_key": tmp_path / "tls.key"}
        assert problems(self.settings(place, **good)) == []
        for wrong in (tmp_path / "none", Path(__file__), tmp_path / "tls-ca.pem"):
            (found,) = problems(self.settings(place, **{**good, "smartcard_key": wrong}))
            assert found.startswith("IDP_SMARTCARD_CERTIFICATE and IDP_SMARTCARD_KEY cannot be used")

    def test_needs_a_port_and_keys(self, place: Place, tmp_path: Path) -> None:
        origins.make_tls(tmp_path)
        good = {"smartcard_certificate": tmp_path / "tls.pem", "smartcard_key": tmp_path / "tls.key"}
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            (found,) = problems(self.settings(place, **good, smartcard_port=port))
        assert "IDP_SMARTCARD_PORT" in found
        assert any(
            "idp key init" in each for each in problems(self.settings(place, **good, keys_dir=tmp_path))
        )

    def test_says_everything_at_once(self) -> None:
        done = running.idp("smartcard", environ={"IDP_ISSUER": "https://id.example.nhs.uk"})
        assert done.returncode == 2
        assert "idp smartcard does not start:" in done.stderr
