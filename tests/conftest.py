"""The fixtures every test may ask for: a moment, a database of its own, and that database's URL.

A test that uses `database_url` or `database` runs on SQLite and on PostgreSQL.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from idp.db import Database, migrate
from tests import postgresql
from tests.machine import cannot


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgresql_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgresql)


@pytest.fixture
def now() -> datetime:
    """A Monday morning at the beginning of a shift."""
    return datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database that nobody else uses: the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The open database."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """A migrated SQLite database."""
    path = tmp_path / "idp.sqlite3"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """A migrated PostgreSQL database, for tests that need PostgreSQL in particular."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that every SQLite database is copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """The server of this test run, started when the first test needs it."""
    with ExitStack() as until_the_end:
        try:
            server = until_the_end.enter_context(postgresql.running())
        except postgresql.NoPostgreSQL as absent:
            cannot(str(absent), remedy=postgresql.REMEDY)
        yield server
