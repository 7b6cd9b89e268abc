import base64
import http.client
import json
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from idp import settings as settings_module
from idp.accounts.entry import Entered, Visit
from idp.accounts.sign_in import Credentials, Failed
from idp.app import assemble
from idp.cli.demo import folder, seed
from idp.cli.demo.clients import clients as clients_of
from idp.cli.demo.people import PEOPLE, Standing
from idp.cli.demo.place import Place
from idp.db import Database, account, client
from idp.db.client import Client
from idp.services.digest import digest
from tests import postgresql
from tests.cli import running

OFFSETS = (0, 1, 3)
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
    assert [running.status(demo.port + offset, "/") for offset in (1, 3)] == [200, 200]


def test_demo_json_says_where_everything_is(demo: Running) -> None:
    document = demo.document
    assert document["issuer"] == f"http://localhost:{demo.port}"
    assert document["mailbox"] == f"http://localhost:{demo.port}/dev/outbox"
    assert document["relying_party"] == f"http://localhost:{demo.port + 1}"
    assert document["outbox"] == str(demo.data / "outbox")
    assert (document["smartcard_origin"], document["ca"]) == (None, None)
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
        "smartcard": None,
        "note": "an everyday nurse: begin with her",
    }
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
    assert [running.status(first.port + offset, "/") for offset in OFFSETS] == [None, None, None]
    log = tmp_path / "again.log"
    again = running.start(log, "demo", "--data", str(first.data))
    try:
        running.wait_until(lambda: "Ready." in log.read_text(), log)
        assert Running(again, first.data, first.port, log).document == before
        assert running.status(first.port, "/readyz") == 200
    finally:
        running.stop(again)


@LINUX
def test_a_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    demo = begin(tmp_path, "--workers", "2")
    processes = running.descendants(demo.process.pid)
    assert len(processes) == 6
    demo.process.kill()
    demo.process.wait()
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
