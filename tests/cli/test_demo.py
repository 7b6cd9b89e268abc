import base64
import http.client
import json
import socket
import ssl
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyotp import TOTP

from idp import settings as settings_module
from idp.accounts.entry import Entered, Visit
from idp.accounts.sign_in import Credentials, Failed
from idp.accounts.totp import Match
from idp.app import assemble
from idp.cli.demo import certificates, folder, seed
from idp.cli.demo.certificates import CARDS
from idp.cli.demo.clients import clients as clients_of
from idp.cli.demo.people import PEOPLE, Standing
from idp.cli.demo.place import Place
from idp.db import Database, account, certificate_authority, client, outbox, totp_device
from idp.db.client import Client
from idp.policy import recovery_code as codes
from idp.services.clock import SystemClock
from idp.services.digest import digest
from tests import postgresql
from tests.certificates import Authority, a_name
from tests.cli import running

OFFSETS = (0, 1, 2, 3, 4, 6)
LINUX = pytest.mark.skipif(not Path("/proc/self").exists(), reason="PR_SET_PDEATHSIG and /proc are Linux's")


@dataclass(frozen=True)
class Running:
    process: "subprocess.Popen[bytes]"
    data: Path
    port: int
    log: Path

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.data / "demo.json").read_text(encoding="utf-8"))
        return read


def begin(folder: Path, *more: str) -> Running:
    port, log = running.free_port(OFFSETS), folder / "demo.log"
    data = folder / "data"
    process = running.start(log, "demo", "--data", str(data), "--port", str(port), *more)
    running.wait_until(lambda: process.poll() is not None or "Ready." in log.read_text(), log)
    assert process.poll() is None, log.read_text()
    return Running(process, data, port, log)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One demo on SQLite that several tests look at."""
    begun = begin(tmp_path_factory.mktemp("demo"))
    yield begun
    running.stop(begun.process)


def test_everything_answers(demo: Running) -> None:
    assert running.status(demo.port, "/.well-known/openid-configuration") == 200
    assert [running.status(demo.port + offset, "/") for offset in (1, 3, 4)] == [200, 200, 200]
    assert running.status(demo.port + 6, "/cards.crl") == 200


def test_demo_json_says_where_everything_is(demo: Running) -> None:
    document = demo.document
    assert document["issuer"] == f"http://localhost:{demo.port}"
    assert document["mailbox"] == f"http://localhost:{demo.port}/dev/outbox"
    assert document["relying_party"] == f"http://localhost:{demo.port + 1}"
    assert document["outbox"] == str(demo.data / "outbox")
    assert document["smartcard_origin"] == f"https://localhost:{demo.port + 2}"
    assert document["ca"] == str(demo.data / "ca.pem")
    assert document["care_identity"] == f"http://localhost:{demo.port + 4}"
    assert running.status(demo.port, "/dev/outbox") == 200


def test_demo_json_has_a_persona_for_every_need(demo: Running) -> None:
    accounts = {each["username"]: each for each in demo.document["accounts"]}
    assert accounts["918JSMITH01"] == {
        "username": "918JSMITH01",
        "password": "Marble-Tango-58",
        "given_name": "Jane",
        "family_name": "Smith",
        "email": "jane.smith@nhsbt.example",
        "date_of_birth": "1984-02-29",
        "employer": "918",
        "totp_secret": None,
        "recovery_codes": [],
        "smartcard": None,
        "note": "an everyday nurse: begin with her",
    }
    cards = demo.data / "cards"
    assert accounts["432RCLARKE01"]["smartcard"] == {
        "card_number": "656005750104",
        "p12": str(cards / "432RCLARKE01.p12"),
        "p12_password": "smartcard",
        "pem": str(cards / "432RCLARKE01.pem"),
        "key": str(cards / "432RCLARKE01.key"),
    }
    assert len(TOTP(accounts["918ABELLO01"]["totp_secret"]).byte_secret()) == 20
    assert len(accounts["918ABELLO01"]["recovery_codes"]) == 10
    assert accounts["432TNOWAK01"]["password"] is None
    names = {each["family_name"] for each in accounts.values()}
    assert {"O'Neill", "Pengŵern"} <= names
    assert accounts["432SSURYANI01"]["given_name"] is None
    assert accounts["918PPATEL01"]["email"] == accounts["432PPATEL01"]["email"]


def test_demo_json_has_a_client_for_every_method(demo: Running) -> None:
    clients = {each["client_id"]: each for each in demo.document["clients"]}
    methods = {client_id: each["token_endpoint_auth_method"] for client_id, each in clients.items()}
    assert methods == {
        "my-esr-self-service": "client_secret_basic",
        "learning": "client_secret_basic",
        "test-code": "client_secret_basic",
        "test-refresh": "client_secret_basic",
        "test-service": "client_secret_basic",
        "test-public": "none",
        "test-private-key": "private_key_jwt",
        "rota-planner": "client_secret_basic",
    }
    assert clients["my-esr-self-service"]["redirect_uris"] == [f"http://localhost:{demo.port + 1}/callback"]
    assert clients["learning"]["redirect_uris"] == [f"http://localhost:{demo.port + 3}/callback"]
    assert clients["test-public"]["client_secret"] is None
    (key,) = json.loads(Path(clients["test-private-key"]["private_jwks"]).read_text())["keys"]
    assert (key["kty"], key["alg"], "d" in key) == ("EC", "ES256", True)


def test_demo_json_has_a_card_for_every_way_to_be_refused(demo: Running) -> None:
    cards = {each["name"]: each for each in demo.document["cards"]}
    assert {name: each["card_number"] for name, each in cards.items()} == {
        "432RCLARKE01": "656005750104",
        "revoked": "656005750112",
        "expired": "656005750104",
        "unknown": "656005750120",
        "foreign": "656005750104",
    }
    for each in cards.values():
        text = Path(each["p12"]).read_bytes()
        key, certificate, _ = pkcs12.load_key_and_certificates(text, each["p12_password"].encode())
        assert key is not None
        assert certificate == x509.load_pem_x509_certificate(Path(each["pem"]).read_bytes())
        assert key.public_key() == load_pem_private_key(Path(each["key"]).read_bytes(), None).public_key()


@pytest.mark.parametrize(
    ("card", "answered"),
    [
        ("432RCLARKE01", "proof"),
        ("revoked", "report"),
        ("expired", "report"),
        ("unknown", "report"),
        ("foreign", "report"),
        (None, "report"),
    ],
)
def test_the_smartcard_origin_proves_the_one_good_card(
    demo: Running, card: str | None, answered: str
) -> None:
    context = ssl.create_default_context(cafile=demo.document["ca"])
    if card is not None:
        cards = demo.data / "cards"
        context.load_cert_chain(cards / f"{card}.pem", cards / f"{card}.key")
    connection = http.client.HTTPSConnection("localhost", demo.port + 2, context=context, timeout=10)
    connection.request("GET", f"/smartcard?state={'A' * 43}")
    location = connection.getresponse().headers["Location"]
    connection.close()
    assert location.startswith(f"http://localhost:{demo.port}/smartcard/return?")
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    assert asked.keys() == {"state", answered}


def test_the_list_of_revoked_cards_is_there_at_once_and_renewed_by_asking(demo: Running) -> None:
    """In force for days, and fetched every ten minutes: it does not end however long the demo runs."""
    (before,) = _crls(demo, "show")
    assert before["last_error"] is None
    made, until = (datetime.fromisoformat(str(before[name])) for name in ("this_update", "next_update"))
    assert until - made == timedelta(days=7)
    time.sleep(1)  # Its number is the second it was made in.
    (fetched,) = _crls(demo, "fetch")
    assert fetched["fetched"] is True
    (after,) = _crls(demo, "show")
    assert int(str(after["number"])) > int(str(before["number"]))


def test_the_login_page_offers_the_smartcard(demo: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=10)
    connection.request("GET", "/login", headers={"Host": f"localhost:{demo.port}"})
    assert "Log in via Smartcard" in connection.getresponse().read().decode()
    connection.close()


def test_the_printed_tables_name_the_cards_and_the_app(demo: Running) -> None:
    said = demo.log.read_text(encoding="utf-8")
    assert said.startswith("\nMy ESR Self-Service  http://localhost:")
    (app,) = (each["totp_secret"] for each in demo.document["accounts"] if each["totp_secret"])
    assert f"918ABELLO01  {app}" in said
    assert f"{demo.data / 'cards'}   the password of each file is smartcard" in said
    for name in ("432RCLARKE01", "revoked", "expired", "unknown", "foreign"):
        assert f"\n{name}.p12 " in said


def test_the_service_client_gets_a_token(demo: Running) -> None:
    (service,) = (each for each in demo.document["clients"] if each["client_id"] == "test-service")
    assert _token(demo.port, service["client_id"], service["client_secret"]) == 200
    assert _token(demo.port, service["client_id"], "wrong") == 401


def test_nobody_else_may_read_the_folder(demo: Running) -> None:
    assert demo.data.stat().st_mode & 0o077 == 0


def test_operator_commands_find_the_demo_by_its_folder(demo: Running) -> None:
    done = running.idp("--data", str(demo.data), "client", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert "rota-planner" in done.stdout


def test_a_second_demo_at_the_port_is_refused(demo: Running, tmp_path: Path) -> None:
    done = running.idp("demo", "--data", str(tmp_path / "data"), "--port", str(demo.port))
    assert done.returncode == 1
    assert f"port {demo.port} is in use by another program" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_second_demo_in_the_folder_is_refused(demo: Running) -> None:
    other = running.free_port(OFFSETS)
    done = running.idp("demo", "--data", str(demo.data), "--reset", "--port", str(other))
    assert done.returncode == 1
    assert f"Another demo is running in {demo.data}" in done.stderr
    assert running.status(demo.port, "/readyz") == 200


def test_a_demo_stops_whole_and_starts_again_with_what_it_had(tmp_path: Path) -> None:
    first = begin(tmp_path)
    before = first.document
    assert running.stop(first.process) == 0
    assert {running.status(first.port + offset, "/") for offset in OFFSETS} == {None}
    made = {path: path.read_bytes() for path in _certificates(first.data)}
    log = tmp_path / "again.log"
    again = running.start(log, "demo", "--data", str(first.data))
    try:
        running.wait_until(lambda: "Ready." in log.read_text(), log)
        assert Running(again, first.data, first.port, log).document == before
        assert running.status(first.port, "/readyz") == 200
        assert {path: path.read_bytes() for path in _certificates(first.data)} == made
    finally:
        running.stop(again)


@LINUX
def test_a_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    demo = begin(tmp_path, "--workers", "2")
    processes = running.descendants(demo.process.pid)
    demo.process.kill()
    demo.process.wait()
    assert len(processes) == 10
    running.wait_until(lambda: not any(map(running.is_alive, processes)), demo.log)


@LINUX
def test_a_process_that_dies_ends_the_demo_with_its_last_words(tmp_path: Path) -> None:
    demo = begin(tmp_path)
    processes = running.descendants(demo.process.pid)
    (learning,) = (pid for pid in processes if b"learning.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
    subprocess.run(["kill", "-9", str(learning)], check=True)
    assert demo.process.wait(running.PATIENCE) == 1
    said = demo.log.read_text()
    assert "learning ended (-9). Its log ends:" in said
    assert f"Learning is at http://localhost:{demo.port + 3}" in said
    assert not any(map(running.is_alive, processes))


def test_the_whole_demo_runs_on_postgresql(tmp_path: Path, postgresql_server: postgresql.Server) -> None:
    with postgresql_server.database(migrated=False) as url:
        demo = begin(tmp_path, "--database-url", url)
        assert running.stop(demo.process) == 0
        assert not (demo.data / "idp.db").exists()
        assert _sub(demo.data) != ""


def test_a_reset_demo_begins_again_in_the_same_database(
    tmp_path: Path, postgresql_server: postgresql.Server
) -> None:
    with postgresql_server.database(migrated=False) as url:
        demo = begin(tmp_path, "--database-url", url)
        running.stop(demo.process)
        before = _sub(demo.data)
        log = tmp_path / "again.log"
        again = running.start(log, "demo", "--data", str(demo.data), "--reset")
        running.wait_until(lambda: again.poll() is not None or "Ready." in log.read_text(), log)
        assert running.stop(again) == 0, log.read_text()
        assert running.status(demo.port, "/") is None
        assert _sub(demo.data) != before


def test_a_database_that_others_use_is_refused(tmp_path: Path, postgresql_url: str) -> None:
    port = str(running.free_port(OFFSETS))
    data = tmp_path / "data"
    done = running.idp("demo", "--data", str(data), "--port", port, "--database-url", postgresql_url)
    assert done.returncode == 1
    assert "The database is in use by another installation" in done.stderr
    database = Database(postgresql_url)
    with database.read() as connection:
        assert client.every(connection) == []
    database.close()


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        pytest.param(("--host", "0.0.0.0"), 2, "Use localhost.", id="a host that others reach"),  # noqa: S104
        pytest.param(("--port", "65533"), 2, "65533 is not in the range", id="no room for all ports"),
        pytest.param(("--database-url", "mysql://x"), 2, "postgresql+psycopg://", id="another database"),
        pytest.param(("--reset",), 1, "is not empty, and no demo's", id="a folder of somebody else's"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changed(
    words: tuple[str, ...], exit_code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("Chapter 1")
    done = running.idp("demo", "--data", str(tmp_path), *words)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_any_taken_port_of_the_demo_is_named(tmp_path: Path) -> None:
    port = running.free_port(OFFSETS)
    with socket.create_server(("127.0.0.1", port + 3)):
        done = running.idp("demo", "--data", str(tmp_path / "data"), "--port", str(port))
    assert done.returncode == 1
    assert f"Learning cannot start: port {port + 3} is in use" in done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A demo whose folder and database are made, of which nothing runs."""
    folder_path = tmp_path / "data"
    folder_path.mkdir()
    url = f"sqlite:///{folder_path / 'idp.db'}"
    if request.param == "sqlite":
        yield _made(Place(folder=folder_path, host="127.0.0.1", port=8000, workers=1, database_url=url))
        return
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    with server.database(migrated=False) as url:
        yield _made(Place(folder=folder_path, host="127.0.0.1", port=8000, workers=1, database_url=url))


def test_every_persona_stands_as_the_table_says(place: Place) -> None:
    outcomes = {persona.username: type(_sign_in(place, persona.username)) for persona in PEOPLE}
    wanted = {
        Standing.ACTIVE: Entered,
        Standing.PENDING: Failed,
        Standing.THROTTLED: Failed,
        Standing.MUST_CHANGE_PASSWORD: Entered,
        Standing.DISABLED: Failed,
    }
    assert outcomes == {persona.username: wanted[persona.standing] for persona in PEOPLE}


def test_making_it_again_changes_nothing(place: Place) -> None:
    clients = clients_of(place)
    before = _rows(place)
    folder.make(place, clients)
    seed.fill(place, clients)
    assert _rows(place) == before


def test_the_app_and_the_recovery_codes_are_those_of_the_table(place: Place) -> None:
    provider = assemble(settings_module.load({}, place.folder))
    (amara,) = (persona for persona in PEOPLE if persona.totp_secret)
    secret, now = amara.totp_secret or "", SystemClock().now()
    with provider.database.write() as connection:
        found = account.find(connection, amara.username)
        assert found is not None
        matched = provider.mfa.totp.match(connection, found.id, TOTP(secret).at(now), now)
        assert isinstance(matched, Match)
        assert provider.mfa.totp.use(connection, matched, now)
        held = provider.mfa.recovery_codes
        assert held.left(connection, found.id) == 10
        stored = [held.find(connection, found.id, codes.read(code) or "") for code in amara.recovery_codes]
    with held.hasher.place() as there:
        assert held.is_right(there, stored[9], codes.read(amara.recovery_codes[9]) or "")
        assert not held.is_right(there, stored[9], codes.read(amara.recovery_codes[8]) or "")
    provider.database.close()


def test_an_app_that_was_removed_comes_back_with_the_next_release(place: Place) -> None:
    database = Database(place.database_url)
    with database.write() as connection:
        found = account.find(connection, "918ABELLO01")
        assert found is not None
        totp_device.remove_all(connection, found.id)
    folder.incomplete(place)
    seed.fill(place, clients_of(place))
    with database.read() as connection:
        assert totp_device.count(connection, found.id) == 1
    database.close()


def test_nobody_is_mailed_for_what_a_demo_begins_with(place: Place) -> None:
    provider = assemble(settings_module.load({}, place.folder))
    with provider.database.read() as connection:
        assert outbox.counts(connection).waiting == 0
    provider.database.close()


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "localhost.pem", "localhost.key", "cards/unknown.p12"])
def test_a_lost_file_of_a_certificate_is_made_again(place: Place, name: str) -> None:
    clients = clients_of(place)
    (place.folder / name).unlink()
    assert not folder.is_complete(place, clients)
    folder.make(place, clients)
    seed.fill(place, clients)
    assert folder.is_complete(place, clients)
    ca = x509.load_pem_x509_certificate(place.ca.read_bytes())
    for path in (place.server_certificate, *(place.cards / f"{card.name}.pem" for card in CARDS[:4])):
        x509.load_pem_x509_certificate(path.read_bytes()).verify_directly_issued_by(ca)


def test_an_authority_that_was_made_again_is_the_only_one_believed(place: Place) -> None:
    clients = clients_of(place)
    place.ca_key.unlink()
    folder.make(place, clients)
    seed.fill(place, clients)
    database = Database(place.database_url)
    with database.read() as connection:
        believed = certificate_authority.enabled(connection)
        assert len(certificate_authority.every(connection)) == 2
    database.close()
    ca = x509.load_pem_x509_certificate(place.ca.read_bytes())
    assert [each.certificate for each in believed] == [ca.public_bytes(Encoding.DER)]
    assert [each.crl_url for each in believed] == ["http://127.0.0.1:8006/cards.crl"]


def test_the_servers_certificate_is_renewed_before_it_is_over_and_the_cards_after(place: Place) -> None:
    now = SystemClock().now()
    assert certificates.is_complete(place, now + timedelta(days=366))
    later = now + timedelta(days=368)
    assert not certificates.is_complete(place, later)
    before = {path: path.read_bytes() for path in _certificates(place.folder)}
    certificates.make(place, later)
    changed = {path.name for path, text in before.items() if path.read_bytes() != text}
    assert changed == {"localhost.pem", "localhost.key"}
    assert certificates.is_complete(place, later)
    much_later = now + timedelta(days=6 * 365)
    certificates.make(place, much_later)
    unchanged = {path.name for path, text in before.items() if path.read_bytes() == text}
    assert unchanged == {"ca.pem", "ca.key", "expired.pem", "expired.key", "expired.p12"}


@pytest.mark.parametrize(("name", "is_believed"), [("localhost", True), ("id.example.nhs.uk", False)])
def test_who_trusts_the_authority_trusts_it_for_this_machine_alone(
    place: Place, name: str, *, is_believed: bool
) -> None:
    """Its key lies in the folder: whoever reads that must not be able to pose as anybody else."""
    ca = x509.load_pem_x509_certificate(place.ca.read_bytes())
    stolen = load_pem_private_key(place.ca_key.read_bytes(), None)
    now = SystemClock().now().replace(microsecond=0)
    posing = Authority(ca, stolen).card(
        None,
        name=a_name(name),
        begins=now - timedelta(days=1),
        extensions={
            "names": (x509.SubjectAlternativeName([x509.DNSName(name)]), False),
            "extended": (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        },
    )
    certificate, key = place.folder / "posing.pem", place.folder / "posing.key"
    certificate.write_bytes(posing.pem)
    key.write_bytes(posing.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    assert _believes(ssl.create_default_context(cafile=str(place.ca)), server, name) is is_believed


def test_a_card_that_is_half_made_is_made_whole(place: Place) -> None:
    """A kill leaves a key without its certificate, because the certificate is written last."""
    (place.cards / "unknown.pem").unlink()
    (place.cards / "unknown.key").write_text("half a ke")
    assert not certificates.is_complete(place, SystemClock().now())
    certificates.make(place, SystemClock().now())
    pem, key = (place.cards / "unknown.pem").read_bytes(), (place.cards / "unknown.key").read_bytes()
    ours = x509.load_pem_x509_certificate(pem).public_key()
    assert load_pem_private_key(key, None).public_key() == ours


def test_a_lost_secret_is_drawn_again_and_told_to_the_database(place: Place) -> None:
    clients = clients_of(place)
    lost = place.clients / "test-code.secret"
    before = lost.read_text()
    lost.unlink()
    assert not folder.is_complete(place, clients)
    folder.make(place, clients)
    seed.fill(place, clients)
    assert lost.read_text() != before
    row = _rows(place)["test-code"]
    assert isinstance(row, Client)
    assert row.secret_digest == digest(lost.read_text().strip())


def test_removing_leaves_what_others_put_there(place: Place) -> None:
    (place.folder / "notes.txt").write_text("mine")
    folder.remove(place.folder)
    assert [path.name for path in place.folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("left", [(), ("keys.new",), ("lock",)], ids=["new", "killed early", "killed later"])
def test_a_folder_without_anything_of_others_is_taken(left: tuple[str, ...], tmp_path: Path) -> None:
    for name in left:
        (tmp_path / name).mkdir()
    folder.check(tmp_path)


@pytest.mark.parametrize("password", [persona.password for persona in PEOPLE if persona.password])
def test_passwords_satisfy_the_default_policy(password: str) -> None:
    lower = password.lower()
    assert len(password) >= 12
    assert not any(one == other for one, other in pairwise(lower))
    for run in ("abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba", "0123456789", "9876543210"):
        assert not any(run[i : i + 4] in lower for i in range(len(run) - 3))


def _crls(demo: Running, command: str) -> list[dict[str, object]]:
    """What `idp crl` says of the demo."""
    done = running.idp("--data", str(demo.data), "crl", command, "--json")
    assert done.returncode == 0, done.stderr
    said: list[dict[str, object]] = json.loads(done.stdout)
    return said


def _believes(browser: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    """Whether a browser that asks for this name goes on when the server has shaken hands."""
    to_server, to_browser = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = browser.wrap_bio(to_browser, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_browser, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return asking.getpeercert() is not None


def _certificates(data: Path) -> list[Path]:
    """Every file of a certificate or its key."""
    return sorted([*data.glob("ca.*"), *data.glob("localhost.*"), *(data / "cards").iterdir()])


def _made(place: Place) -> Place:
    clients = clients_of(place)
    folder.make(place, clients)
    folder.write_settings(place)
    seed.fill(place, clients)
    folder.completed(place, clients)
    assert folder.is_complete(place, clients)
    return place


def _sign_in(place: Place, username: str) -> object:
    provider = assemble(settings_module.load({}, place.folder))
    password = next(persona.password for persona in PEOPLE if persona.username == username)
    try:
        return provider.sign_in.with_password(
            Credentials(
                username=username,
                password=password or "",
                visit=Visit(
                    address="127.0.0.1",
                    user_agent=None,
                    known_device=None,
                    trusted_device=None,
                    current=None,
                    request_digest=None,
                    is_trusted_network=False,
                    reference="7F3K-2Q",
                ),
                limits=provider.limits,
            )
        )
    finally:
        provider.database.close()


def _rows(place: Place) -> dict[str, object]:
    database = Database(place.database_url)
    with database.read() as connection:
        rows: dict[str, object] = {row.client_id: row for row in client.every(connection)}
        rows |= {persona.username: account.find(connection, persona.username) for persona in PEOPLE}
    database.close()
    return rows


def _sub(data: Path) -> str:
    """Who the everyday nurse is in the demo's database."""
    database = Database(settings_module.load({}, data).database_url)
    assert database.url.startswith("postgresql")
    with database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    database.close()
    return "" if found is None else str(found.id)


def _token(port: int, client_id: str, secret: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    headers = {
        "Host": f"localhost:{port}",
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urllib.parse.urlencode({"grant_type": "client_credentials"})
    connection.request("POST", "/token", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status
