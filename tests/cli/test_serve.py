import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from idp.cli.serve import problems
from idp.db import Database, migrate
from idp.protocol import keyring
from idp.services.keys import MasterKeys
from idp.settings import Settings
from tests.cli import running

LINUX = pytest.mark.skipif(not Path("/proc/self").exists(), reason="PR_SET_PDEATHSIG and /proc are Linux's")


@pytest.fixture
def settings(tmp_path: Path, database: Database, database_url: str, now: datetime) -> Settings:
    masters = MasterKeys.create(tmp_path / "keys")
    keyring.make(database, masters, now)
    port = running.free_port()
    return Settings(
        issuer=f"http://localhost:{port}", database_url=database_url, keys_dir=tmp_path / "keys", port=port
    )


def environ(settings: Settings) -> dict[str, str]:
    return {
        "IDP_ISSUER": settings.issuer,
        "IDP_DATABASE_URL": settings.database_url,
        "IDP_KEYS_DIR": str(settings.keys_dir),
        "IDP_PORT": str(settings.port),
        "IDP_WORKERS": str(settings.workers),
    }


def test_wrong_settings_are_all_said_at_once_and_end_with_2() -> None:
    done = running.idp("serve", environ={"IDP_ISSUER": "http://idp.example", "IDP_PORT": "0"})
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert [line.split()[0].rstrip(":") for line in said[1:]] == [
        "IDP_ISSUER",
        "IDP_PORT",
        "IDP_DATABASE_URL",
        "IDP_KEYS_DIR",
    ]
    assert done.stdout == ""


def test_a_sound_installation_has_no_problem(settings: Settings) -> None:
    assert problems(settings) == []


def test_missing_keys_name_their_file_and_remedy(settings: Settings) -> None:
    (settings.keys_dir / "pepper.key").unlink()
    (problem,) = problems(settings)
    assert problem.startswith(f"{settings.keys_dir}/pepper.key is missing. ")
    assert "`idp key init`" in problem


def test_a_missing_sqlite_file_is_not_made(settings: Settings, tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    assert problems(replace(settings, database_url=f"sqlite:///{missing}")) == [
        "There is no database yet at IDP_DATABASE_URL. Run: idp db upgrade"
    ]
    assert not missing.exists()


def test_a_database_that_does_not_answer_is_said_without_its_password(settings: Settings) -> None:
    url = f"postgresql+psycopg://idp:hunter22@127.0.0.1:{running.free_port()}/idp"
    (problem,) = problems(replace(settings, database_url=url))
    assert problem.startswith("The database cannot be used: ")
    assert problem.endswith("Check IDP_DATABASE_URL, and that it runs.")
    assert "hunter22" not in problem


def test_a_pending_migration_names_the_command(settings: Settings) -> None:
    migrate.downgrade(settings.database_url, "-1")
    (problem,) = problems(settings)
    assert problem.startswith("The database lacks the migration ")
    assert problem.endswith("Run: idp db upgrade")


def test_a_database_without_signing_keys_names_the_command(settings: Settings, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    migrate.upgrade(empty)
    (problem,) = problems(replace(settings, database_url=empty))
    assert "There is no active RS256 key." in problem


def test_the_keys_of_another_database_are_noticed(settings: Settings, tmp_path: Path) -> None:
    MasterKeys.create(tmp_path / "other")
    (problem,) = problems(replace(settings, keys_dir=tmp_path / "other"))
    assert "were made under another master key" in problem


def test_a_taken_port_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port), reuse_port=True):
        (problem,) = problems(settings)
    assert problem.startswith(f"Port {settings.port} is in use by another program. ")
    assert "IDP_PORT" in problem


@pytest.mark.parametrize(
    ("issuer", "host"),
    [
        pytest.param("https://id.example.nhs.uk", "127.0.0.1", id="a public issuer"),
        pytest.param("http://localhost:8000", "0.0.0.0", id="a public address"),  # noqa: S104 - what is refused
    ],
)
def test_the_keys_of_a_demo_serve_this_machine_alone(settings: Settings, issuer: str, host: str) -> None:
    (settings.keys_dir / "DEMO").touch()
    assert problems(settings) == []
    (problem,) = problems(replace(settings, issuer=issuer, host=host))
    assert problem.startswith(f"The keys in {settings.keys_dir} are a demo's")


Server = Callable[[Settings], "subprocess.Popen[bytes]"]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Server]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(settings: Settings) -> subprocess.Popen[bytes]:
        log = tmp_path / "serve.log"
        started.append(running.start(log, "serve", environ=environ(settings)))
        running.wait_until(lambda: running.status(settings.port, "/readyz") == 200, log)
        return started[-1]

    yield begin
    for process in started:
        running.stop(process)


@pytest.fixture
def sqlite_settings(tmp_path: Path, sqlite_url: str, now: datetime) -> Settings:
    database = Database(sqlite_url)
    keyring.make(database, MasterKeys.create(tmp_path / "keys"), now)
    database.close()
    port = running.free_port()
    return Settings(
        issuer=f"http://localhost:{port}", database_url=sqlite_url, keys_dir=tmp_path / "keys", port=port
    )


def test_it_serves_and_logs_only_json(serve: Server, settings: Settings, tmp_path: Path) -> None:
    process = serve(settings)
    assert running.status(settings.port, "/.well-known/openid-configuration") == 200
    assert running.stop(process) == 0
    said = [json.loads(line) for line in (tmp_path / "serve.log").read_text().splitlines()]
    assert [line["event"] for line in said] == ["serving"]


@LINUX
def test_a_worker_that_dies_is_replaced(serve: Server, sqlite_settings: Settings, tmp_path: Path) -> None:
    process = serve(sqlite_settings)
    (before,) = running.descendants(process.pid)
    os.kill(before, signal.SIGKILL)
    log = tmp_path / "serve.log"
    running.wait_until(lambda: running.descendants(process.pid) - {before}, log)
    running.wait_until(lambda: running.status(sqlite_settings.port, "/readyz") == 200, log)
    assert running.stop(process) == 0


@LINUX
def test_workers_end_with_a_server_that_is_killed(
    serve: Server, sqlite_settings: Settings, tmp_path: Path
) -> None:
    process = serve(replace(sqlite_settings, workers=2))
    workers = running.descendants(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    running.wait_until(lambda: not any(map(running.is_alive, workers)), tmp_path / "serve.log")


@LINUX
def test_a_worker_of_tasks_that_dies_is_started_again_and_stops_with_the_server(
    sqlite_settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "serve.log"
    process = running.start(log, "serve", "--with-worker", environ=environ(sqlite_settings))
    try:
        running.wait_until(lambda: log.read_text().count('"worker_started"') == 1, log)
        (first,) = tasks(process.pid)
        os.kill(first, signal.SIGKILL)
        running.wait_until(lambda: log.read_text().count('"worker_started"') == 2, log)
        (second,) = tasks(process.pid)
        assert second != first
        (ended,) = [
            line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "worker_ended"
        ]
        assert (ended["exit_status"], ended["again_in_seconds"]) == (-9, 1.0)
    finally:
        assert running.stop(process) == 0
    assert not running.is_alive(second)
    assert log.read_text().count('"worker_ended"') == 1


@LINUX
def test_a_worker_of_tasks_ends_with_a_server_that_is_killed(
    sqlite_settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "serve.log"
    process = running.start(log, "serve", "--with-worker", environ=environ(sqlite_settings))
    running.wait_until(lambda: log.read_text().count('"worker_started"') == 1, log)
    (worker,) = tasks(process.pid)
    process.kill()
    process.wait()
    running.wait_until(lambda: not running.is_alive(worker), log)


def tasks(pid: int) -> list[int]:
    """The descendants that are `idp worker`."""
    return [
        child
        for child in running.descendants(pid)
        if b"worker" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    ]


def test_a_request_in_flight_is_finished_when_it_stops(serve: Server, sqlite_settings: Settings) -> None:
    process = serve(sqlite_settings)
    body = b"grant_type=client_credentials"
    head = (
        f"POST /token HTTP/1.1\r\nHost: localhost:{sqlite_settings.port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", sqlite_settings.port), timeout=30) as connection:
        connection.sendall(head.encode() + body[:5])
        # The worker reads the head and waits for the rest.
        assert running.status(sqlite_settings.port, "/healthz") == 200
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        connection.sendall(body[5:])
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 401")
    assert process.wait(running.PATIENCE) == 0
