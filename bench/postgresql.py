"""A throw-away PostgreSQL that waits for the disk, as production's does.

`initdb` and `postgres` come from PATH or the distribution's folder; as root they run as user postgres or
nobody. A Unix socket only; a database for each server under measurement.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

_START_TIMEOUT: Final = 20.0
_POLL: Final = 0.1
_SETTINGS: Final = ("listen_addresses=", "max_connections=200", "shared_buffers=256MB", "fsync=on")


@contextmanager
def running(databases: Sequence[str]) -> Iterator[dict[str, str]]:
    """Run a server with these `databases`; gives the postgresql:// address of each."""
    user = _user()
    with tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder:
        data = Path(folder, "data")
        data.mkdir()
        if user is not None:
            for each in (folder, data):
                shutil.chown(each, user)
        create = [
            _program("initdb"),
            "--pgdata",
            str(data),
            "--auth=trust",
            "--username=bench",
            "--encoding=UTF8",
        ]
        subprocess.run([*create, "--locale=C"], check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder)
        options = [
            word for setting in (*_SETTINGS, f"unix_socket_directories={folder}") for word in ("-c", setting)
        ]
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen(
                [_program("postgres"), "-D", str(data), *options],
                user=user,
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        try:
            with _connected(folder) as connection:
                for name in databases:
                    connection.execute(f"CREATE DATABASE {name}".encode())
            yield {name: f"postgresql://bench@/{name}?host={folder}" for name in databases}
        finally:
            server.terminate()
            server.wait()


def _connected(folder: str) -> psycopg.Connection:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            return psycopg.connect(f"postgresql://bench@/postgres?host={folder}", autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)


def _program(name: str) -> str:
    places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))
    if found is None:
        raise FileNotFoundError(f"{name} is not here: install PostgreSQL, or run the bench on sqlite")
    return found


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
