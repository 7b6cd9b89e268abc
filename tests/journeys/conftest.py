"""Whole stories, told to a real server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from idp.db.signing_key import SigningKey
from idp.services.clock import SystemClock
from tests import site as sites
from tests.journeys import browser as browsers
from tests.journeys import demo as demos
from tests.journeys import live
from tests.journeys.demo import Demo
from tests.journeys.live import LiveServer
from tests.postgresql import Server as PostgreSQL
from tests.site import PASSWORD
from tests.site_fixtures import keys_dir, password_hash, signing_keys

__all__ = ["keys_dir", "password_hash", "signing_keys"]

WORKERS = 2
_PATIENCE_MS = 15_000


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`idp demo`, for all: a test that would spoil one of its people for others hires somebody."""
    with demos.running(tmp_path_factory.mktemp("demo") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A Chromium for the tests of one module: while it runs, no other can."""
    expect.set_options(timeout=_PATIENCE_MS)
    with browsers.chromium() as running:
        yield running
    expect.set_options(timeout=None)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> LiveServer:
    """`idp serve` with two workers, one person and one client, for the tests of one module."""
    running: LiveServer = request.getfixturevalue(f"server_on_{request.param}")
    return running


@pytest.fixture(scope="module")
def server_on_sqlite(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_sqlite: Path,
    keys_dir: Path,
    signing_keys: list[SigningKey],
    password_hash: str,
) -> Iterator[LiveServer]:
    """It, on SQLite."""
    folder = tmp_path_factory.mktemp("serve")
    shutil.copy(migrated_sqlite, folder / "idp.sqlite3")
    url = f"sqlite:///{folder}/idp.sqlite3"
    with _running(url, keys_dir, signing_keys, password_hash, folder) as running:
        yield running


@pytest.fixture(scope="module")
def server_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql_server: PostgreSQL,
    keys_dir: Path,
    signing_keys: list[SigningKey],
    password_hash: str,
) -> Iterator[LiveServer]:
    """It, on PostgreSQL."""
    folder = tmp_path_factory.mktemp("serve")
    with (
        postgresql_server.database() as url,
        _running(url, keys_dir, signing_keys, password_hash, folder) as running,
    ):
        yield running


@contextmanager
def _running(
    url: str, keys_dir: Path, rows: list[SigningKey], password_hash: str, folder: Path
) -> Iterator[LiveServer]:
    site = sites.build(url, keys_dir, rows, password_hash, SystemClock().now())
    site.add_account()
    site.add_client()
    try:
        with live.serve(site, keys_dir=keys_dir, folder=folder, workers=WORKERS) as running:
            yield running
    finally:
        site.provider.database.close()
    assert PASSWORD not in running.log.read_text(encoding="utf-8")
    assert not running.errors()
