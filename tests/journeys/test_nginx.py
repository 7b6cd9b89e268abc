"""Behind nginx only what nginx has seen is a card; a header that is forged signs nobody in."""

import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.db.signing_key import SigningKey
from tests import origin as origins
from tests.certificates import DAY, Authority, Card
from tests.journeys import nginx, smartcards
from tests.journeys.smartcards import Ward
from tests.origin import STATE, Answer, Origin

PATH = f"/smartcard?state={STATE}"
SECRET = "5e55" * 8


@pytest.fixture(scope="module")
def ward(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_sqlite: Path,
    keys_dir: Path,
    signing_keys: list[SigningKey],
    password_hash: str,
) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("ward")
    with smartcards.ward(folder, migrated_sqlite, keys_dir, signing_keys, password_hash) as made:
        yield made


@pytest.fixture(scope="module")
def behind(ward: Ward, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """The origin that nginx stands in front of, and nginx."""
    folder = tmp_path_factory.mktemp("behind")
    settings = {**ward.settings, "IDP_SMARTCARD_PROXY_SECRET": SECRET}
    with (
        origins.running(folder, origins.a_free_port(), settings, proxies="127.0.0.1") as running,
        nginx.running(folder, port=ward.origin_port, origin_port=running.port, tls=folder, secret=SECRET),
    ):
        yield running


@pytest.fixture
def through(ward: Ward, behind: Origin) -> Origin:
    """The same as a browser sees it: nginx."""
    return Origin(behind.process, ward.origin_port, behind.folder)


def raw_answer(through: Origin, host: str, asked: str, card: Card | None = None) -> bytes:
    """What nginx answers to this very text, over a connection that was opened for this host."""
    context = through.context(card)
    context.check_hostname = False
    raw = socket.create_connection(("127.0.0.1", through.port), timeout=10)
    with context.wrap_socket(raw, server_hostname=host) as line:
        line.sendall(asked.encode())
        return b"".join(iter(lambda: line.recv(4096), b""))


def is_proof(answer: Answer) -> bool:
    assert answer.status == 303
    return "proof" in answer.query


def field(card: Card) -> str:
    return f":{b64encode(card.der).decode()}:"


def test_nginx_passes_on_the_card_it_has_seen(ward: Ward, through: Origin) -> None:
    assert is_proof(through.ask(card=ward.card()))


@pytest.mark.parametrize("options", [{"lasts": DAY / 2}, {"number": "999999999999"}])
def test_a_card_that_fails_reaches_the_origin_too(
    ward: Ward, through: Origin, options: dict[str, object]
) -> None:
    assert not is_proof(through.ask(card=ward.card(**options)))  # type: ignore[arg-type]  # as they are
    foreign = Authority.root("Foreign", begins=origins.now() - DAY).card(begins=origins.now() - DAY)
    assert not is_proof(through.ask(card=foreign))


@pytest.mark.parametrize(
    "name", ["Client-Cert", "client-cert", "Client_Cert", "X-Client-Cert", "X-SSL-Client-Cert"]
)
def test_a_header_that_is_forged_to_nginx_is_no_card(ward: Ward, through: Origin, name: str) -> None:
    assert not is_proof(through.ask(headers={name: field(ward.card())}))


def test_a_header_that_is_forged_with_another_card_in_the_reader_is_taken_away(
    ward: Ward, through: Origin
) -> None:
    foreign = Authority.root("Foreign", begins=origins.now() - DAY).card(begins=origins.now() - DAY)
    assert not is_proof(through.ask(card=foreign, headers={"Client-Cert": field(ward.card())}))
    assert is_proof(through.ask(card=ward.card(), headers={"Client-Cert": field(foreign)}))


def test_headers_that_are_forged_twice_or_in_every_spelling_at_once_are_taken_away(
    ward: Ward, through: Origin
) -> None:
    forged = field(ward.card())
    names = ["Client-Cert", "Client-Cert", "CLIENT-CERT", "Client_Cert", "Client-Cert-Chain", "X-Client-Cert"]
    asked = "".join(f"{name}: {forged}\r\n" for name in names)
    for more in (
        "",
        f"Connection: close, Client-Cert\r\nTrailer: Client-Cert\r\nClient-Cert:\r\n {forged}\r\n",
    ):
        said = raw_answer(
            through, "localhost", f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{asked}{more}\r\n"
        )
        assert b"proof=" not in said
    with_a_card = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{asked}\r\n"
    foreign = Authority.root("Foreign", begins=origins.now() - DAY).card(begins=origins.now() - DAY)
    assert b"proof=" not in raw_answer(through, "localhost", with_a_card, foreign)
    assert b"proof=" in raw_answer(through, "localhost", with_a_card, ward.card())


def test_a_connection_to_the_issuer_is_none_to_the_card_s_host(ward: Ward, through: Origin) -> None:
    """There no card was asked for: what is said of one on the way is only said."""
    asked = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nClient-Cert: {field(ward.card())}\r\n\r\n"
    for card in (None, ward.card()):
        said = raw_answer(through, "id.example.nhs.uk", asked, card)
        assert said.startswith(b"HTTP/1.1 421 "), said


def test_a_header_that_is_forged_past_nginx_is_no_card(ward: Ward, behind: Origin) -> None:
    elsewhere = ("127.0.0.2", 0)
    try:
        line = http.client.HTTPConnection("127.0.0.1", behind.port, timeout=10, source_address=elsewhere)
        forged = {"Client-Cert": field(ward.card()), "Idp-Proxy-Secret": SECRET}
        line.request("GET", PATH, headers=forged)
    except OSError:
        pytest.skip("This machine has one loopback address alone.")
    response = line.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read())
    line.close()
    assert not is_proof(answer)
    assert is_proof(behind.ask(headers=forged))


def test_a_header_that_is_forged_on_the_machine_of_nginx_is_no_card(ward: Ward, behind: Origin) -> None:
    forged = {"Client-Cert": field(ward.card())}
    assert not is_proof(behind.ask(headers=forged))
    assert not is_proof(behind.ask(headers={**forged, "Idp-Proxy-Secret": "5e55" * 7}))
    assert not is_proof(behind.ask(headers={**forged, "Idp_Proxy_Secret": SECRET}))
    assert SECRET not in behind.log()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nginx_keeps_no_connection_and_no_session_for_the_next_person(
    ward: Ward, through: Origin, version: ssl.TLSVersion
) -> None:
    context = through.context(ward.card())
    context.minimum_version = context.maximum_version = version
    raw = socket.create_connection(("localhost", through.port), timeout=10)
    with context.wrap_socket(raw, server_hostname="localhost") as first:
        # The second one is for nobody: the first person may have gone.
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
        said = b"".join(iter(lambda: first.recv(4096), b""))
        session = first.session
    assert b"Connection: close" in said
    assert said.count(b"HTTP/1.1 ") == 1
    raw = socket.create_connection(("localhost", through.port), timeout=10)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as second:
        assert not second.session_reused
