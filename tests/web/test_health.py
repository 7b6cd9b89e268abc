"""Load balancers ask two questions."""

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests import site as sites
from tests.site import Site, body
from tests.web.outage import take_away


def test_a_process_that_runs_is_alive(site: Site) -> None:
    answer = site.browser().get("/healthz")
    assert (answer.status_code, body(answer)) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_with_its_schema_and_its_keys_it_is_ready(site: Site) -> None:
    answer = site.browser().get("/readyz")
    assert (answer.status_code, body(answer)) == (200, {"status": "ready"})


def not_ready(site: Site) -> bool:
    answer = site.browser().get("/readyz")
    assert site.browser().get("/healthz").status_code == 200
    return (answer.status_code, body(answer)) == (503, {"status": "not ready"})


@pytest.fixture
def keyless(database_url: str, keys_dir: Path, now: datetime) -> Iterator[Site]:
    built = sites.build(database_url, keys_dir, [], "", now)
    yield built
    built.provider.database.close()


def test_without_signing_keys_it_is_not_ready(keyless: Site) -> None:
    assert not_ready(keyless)


def test_without_an_announced_key_it_is_ready_and_warns(site: Site, log: io.StringIO) -> None:
    database = site.provider.database
    with database.write() as connection:
        connection.execute(
            "DELETE FROM signing_keys WHERE alg = 'ES256' AND stage = 'announced'", (), lambda _: None
        )
    answer = site.browser().get("/readyz")
    assert (answer.status_code, body(answer)) == (200, {"status": "ready"})
    assert log.getvalue().count('"no_key_announced"') == 1


def test_with_a_pending_migration_it_is_not_ready(site: Site) -> None:
    with site.provider.database.write() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2020_01_01'", (), lambda _: None)
    assert not_ready(site)


def test_on_a_database_that_was_never_migrated_it_is_not_ready(site: Site) -> None:
    with site.provider.database.write() as connection:
        connection.execute("DROP TABLE alembic_version", (), lambda _: None)
    assert not_ready(site)


def test_without_its_database_it_is_not_ready(site: Site, tmp_path: Path) -> None:
    take_away(site.provider.database, tmp_path)
    assert not_ready(site)
