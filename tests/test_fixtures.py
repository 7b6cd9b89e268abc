import re
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from idp.db import Database, employer, migrate
from idp.services.clock import Clock
from idp.services.randomness import Randomness
from tests import postgresql
from tests.builders import an_employer
from tests.fakes import FakeClock, FakeRandomness
from tests.machine import REQUIRE_ALL, cannot

_RUN_UNTIL_KILLED = """
import time
from tests import postgresql

with postgresql.running() as server:
    print(server.folder, flush=True)
    time.sleep(60)
"""


def test_a_database_has_the_schema_of_this_release(database_url: str) -> None:
    assert migrate.current(database_url) == migrate.head()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_test_finds_nothing_that_another_left(database: Database, turn: str) -> None:
    with database.write() as connection:
        assert employer.every(connection) == [], turn
        employer.add(connection, an_employer())


def test_a_database_is_dropped_though_someone_is_connected(postgresql_server: postgresql.Server) -> None:
    with postgresql_server.database() as url:
        left_open = psycopg.connect(url.replace("+psycopg", ""))

    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    left_open.close()


@pytest.mark.usefixtures("postgresql_server")
def test_the_server_goes_even_when_the_run_is_killed() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN_UNTIL_KILLED],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert run.stdout is not None
    folder = Path(run.stdout.readline().strip())
    assert folder.is_dir()

    run.kill()
    run.communicate()

    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()


def test_a_machine_without_postgresql_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgresql, "_candidates", lambda: iter([tmp_path]))

    with pytest.raises(postgresql.NoPostgreSQL, match="no PostgreSQL here"), postgresql.running():
        pass


def test_what_a_machine_cannot_offer_is_skipped_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRE_ALL, raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"No moon\. Remedy: wait\."):
        cannot("No moon.", remedy="wait.")


def test_what_a_machine_cannot_offer_fails_where_all_must_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRE_ALL, "1")

    with pytest.raises(pytest.fail.Exception, match=r"No moon\. Remedy: wait\."):
        cannot("No moon.", remedy="wait.")


def test_a_fake_clock_moves_when_told(now: datetime) -> None:
    fake = FakeClock(now)
    clock: Clock = fake

    fake.advance(timedelta(minutes=5))

    assert clock.now() - now == timedelta(minutes=5)


def test_fake_randomness_repeats_itself_and_never_a_value() -> None:
    def drawn(randomness: Randomness) -> list[object]:
        draws = (randomness.token, randomness.uuid, randomness.reference)
        return [draw() for draw in draws for _ in range(1000)]

    assert drawn(FakeRandomness()) == drawn(FakeRandomness())
    assert len(set(drawn(FakeRandomness()))) == 3000


def test_fake_randomness_looks_like_the_real_one() -> None:
    randomness = FakeRandomness()

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", randomness.token())
    assert randomness.uuid().version == 4
    assert randomness.reference() == "0000-01"
