import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from operator import methodcaller
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from idp.db import Conflict, Connection, Database, Unavailable, account, employer, migrate
from idp.db.employer import Employer
from idp.db.statement import Statement
from tests.builders import an_account, an_employer
from tests.crowd import together
from tests.postgresql import Server

OTHER = Employer("456", "Ysbyty Glan Clwyd", None, None, None)


Step = Callable[[Connection], object]


def _write(database: Database, *steps: Step) -> None:
    """One transaction of several steps."""
    with database.write() as connection:
        for step in steps:
            step(connection)


def _adding(row: Employer) -> Step:
    return lambda connection: employer.add(connection, row)


def _raising(error: BaseException) -> Step:
    def step(_connection: Connection) -> None:
        raise error

    return step


def _caught(step: Step, error: type[Exception]) -> Step:
    """A caller that goes on as if nothing had happened."""

    def caught(connection: Connection) -> None:
        with pytest.raises(error):
            step(connection)

    return caught


def _one(connection: Connection, sql: str) -> object:
    """The only value that a query answers."""
    return connection.execute(sql, (), methodcaller("fetchone"))[0]


def _write_once(database: Database, step: Step) -> None:
    with database.write_once() as connection:
        step(connection)


def _kill_all(url: str) -> None:
    """End every other connection to a PostgreSQL database, as a restart does."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as control:
        control.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _killing(url: str) -> Step:
    return lambda _connection: _kill_all(url)


def test_a_write_is_kept_when_its_block_ends(database: Database) -> None:
    with database.write() as connection:
        employer.add(connection, an_employer())

    with database.read() as connection:
        assert employer.every(connection) == [an_employer()]


def test_a_write_is_kept_when_its_block_returns(database: Database) -> None:
    def add() -> str:
        with database.write() as connection:
            employer.add(connection, an_employer())
            return "invalid_grant"

    assert add() == "invalid_grant"

    with database.read() as connection:
        assert employer.find(connection, "123") == an_employer()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_write_is_undone_when_its_block_raises(database: Database, error: type[BaseException]) -> None:
    with pytest.raises(error):
        _write(database, _adding(an_employer()), _raising(error()))

    with database.write() as connection:
        assert employer.every(connection) == []


def test_nobody_sees_a_write_before_it_is_committed(database: Database) -> None:
    with database.write() as connection:
        employer.add(connection, an_employer())
        with database.read() as elsewhere:
            assert employer.every(elsewhere) == []


def test_a_statement_by_itself_is_kept_at_once(database: Database) -> None:
    with database.write_once() as connection:
        employer.add(connection, an_employer())
        with database.read() as elsewhere:
            assert employer.every(elsewhere) == [an_employer()]


def test_a_key_that_is_taken_is_a_conflict(database: Database) -> None:
    with database.write() as connection:
        employer.add(connection, an_employer())

    with pytest.raises(Conflict), database.write() as connection:
        employer.add(connection, an_employer())


def test_a_row_that_refers_to_nothing_is_a_conflict(database: Database, now: datetime) -> None:
    with pytest.raises(Conflict), database.write() as connection:
        account.add(connection, an_account(now))


def test_a_transaction_in_which_a_statement_failed_keeps_nothing(database: Database) -> None:
    with database.write() as connection:
        employer.add(connection, an_employer())

    with pytest.raises(Conflict):
        _write(database, _adding(OTHER), _caught(_adding(an_employer()), Conflict))

    with database.read() as connection:
        assert employer.every(connection) == [an_employer()]


def test_after_a_failure_the_connection_is_good_again(database: Database) -> None:
    for _ in range(3):
        with pytest.raises(Conflict):
            _write(database, _adding(an_employer()), _adding(an_employer()))

    with database.write() as connection:
        employer.add(connection, an_employer())


def test_sql_that_is_wrong_is_a_bug_on_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with pytest.raises(psycopg.ProgrammingError), database.read() as connection:
        Statement(select(text("no_such_column")), int).first(connection)
    database.close()


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"postgresql+psycopg://postgres@/idp?host={tmp_path}")

    with pytest.raises(Unavailable), database.read():
        pass


def test_a_pool_without_a_free_connection_is_unavailable(database_url: str) -> None:
    database = Database(database_url, pool_size=1, patience=1)
    with database.read(), database.read(), pytest.raises(Unavailable), database.read():
        pass
    database.close()


class TestSqlite:
    @pytest.fixture
    def database(self, sqlite_url: str) -> Iterator[Database]:
        opened = Database(sqlite_url, patience=1)
        yield opened
        opened.close()

    @pytest.mark.parametrize("umask", [0o022, 0o000])
    def test_only_the_owner_may_read_the_files(self, tmp_path: Path, umask: int) -> None:
        before = os.umask(umask)
        try:
            path = tmp_path / "private.sqlite3"
            migrate.upgrade(f"sqlite:///{path}")
            database = Database(f"sqlite:///{path}")
            with database.write() as connection:
                employer.add(connection, an_employer())
                modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
            database.close()
        finally:
            os.umask(before)

        assert modes == {
            "private.sqlite3": 0o600,
            "private.sqlite3-wal": 0o600,
            "private.sqlite3-shm": 0o600,
        }

    def test_a_file_that_the_pool_makes_is_private_too(self, tmp_path: Path) -> None:
        path = tmp_path / "new.sqlite3"
        Database(f"sqlite:///{path}").close()

        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        ("pragma", "value"),
        [
            ("journal_mode", "wal"),
            ("synchronous", 2),  # FULL
            ("foreign_keys", 1),
            ("busy_timeout", 1000),
            ("temp_store", 2),  # MEMORY
        ],
    )
    def test_every_connection_has_its_pragmas(self, database: Database, pragma: str, value: object) -> None:
        with database.read() as one, database.read() as two, database.write() as three:
            assert [_one(each, f"PRAGMA {pragma}") for each in (one, two, three)] == [value] * 3

    def test_five_seconds_is_how_long_it_waits_unless_told(self, sqlite_url: str) -> None:
        database = Database(sqlite_url)
        with database.read() as connection:
            assert _one(connection, "PRAGMA busy_timeout") == 5000
        database.close()

    def test_another_process_that_holds_the_lock_too_long_makes_it_unavailable(
        self, database: Database
    ) -> None:
        with _holding(database.url):
            started = time.monotonic()
            with pytest.raises(Unavailable, match="locked"), database.write():
                pass
            assert 0.9 < time.monotonic() - started < 4
            with database.read() as connection:
                assert employer.every(connection) == []

        with database.write() as connection:
            employer.add(connection, an_employer())

    def test_a_writer_of_this_process_that_takes_too_long_makes_it_unavailable(
        self, database: Database
    ) -> None:
        with database.write():
            with pytest.raises(Unavailable, match="too long"), database.write():
                pass
            with pytest.raises(Unavailable, match="too long"), database.write_once():
                pass

    def test_a_read_does_not_wait_for_a_writer(self, database: Database) -> None:
        with database.write() as connection:
            employer.add(connection, an_employer())
            assert together(lambda: _employers(database)) == [0] * 12

    def test_a_full_disk_makes_it_unavailable_and_is_survived(self, database: Database) -> None:
        with database.write() as connection:
            _one(connection, "PRAGMA max_page_count=1")
        with pytest.raises(Unavailable, match="full"), database.write() as connection:
            employer.add(connection, Employer("999", "x" * 1_000_000, None, None, None))

        with database.write() as connection:
            _one(connection, "PRAGMA max_page_count=1000000")
            employer.add(connection, an_employer())
        assert _employers(database) == 1


def _employers(database: Database) -> int:
    with database.read() as connection:
        return len(employer.every(connection))


_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
connection.close()
"""


@contextmanager
def _holding(url: str) -> Iterator[None]:
    """Another process holds the write lock."""
    path = url.removeprefix("sqlite:///")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.stdin.close()


class TestPostgresql:
    @pytest.fixture
    def database(self, postgresql_url: str) -> Iterator[Database]:
        opened = Database(postgresql_url)
        yield opened
        opened.close()

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("lock_timeout", "2s"),
            ("statement_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("TimeZone", "UTC"),
            ("transaction_isolation", "read committed"),
        ],
    )
    def test_every_connection_has_its_settings(self, database: Database, setting: str, value: str) -> None:
        with database.read() as one, database.write() as two:
            assert [_one(each, f"SHOW {setting}") for each in (one, two)] == [value] * 2

    @pytest.mark.parametrize(
        "use",
        [
            pytest.param(_employers, id="a read"),
            pytest.param(lambda database: _write(database, _adding(OTHER)), id="a write"),
            pytest.param(lambda database: _write_once(database, _adding(OTHER)), id="a lone write"),
        ],
    )
    def test_a_connection_that_died_while_idle_is_replaced_unnoticed(
        self, database: Database, use: Callable[[Database], object]
    ) -> None:
        together(lambda: _employers(database))  # The pool holds several connections now.
        _kill_all(database.url)

        use(database)

    def test_a_restart_costs_nobody_an_error(self, database: Database) -> None:
        together(lambda: _employers(database))
        _kill_all(database.url)

        assert together(lambda: _employers(database), times=48) == [0] * 48

    def test_a_connection_that_dies_within_a_transaction_makes_it_unavailable(
        self, database: Database
    ) -> None:
        with pytest.raises(Unavailable):
            _write(database, _adding(an_employer()), _killing(database.url), _adding(OTHER))

        assert _employers(database) == 0

    def test_a_connection_that_dies_before_commit_makes_it_unavailable(self, database: Database) -> None:
        with pytest.raises(Unavailable):
            _write(database, _adding(an_employer()), _killing(database.url))

        assert _employers(database) == 0

    def test_an_error_of_the_caller_is_not_hidden_by_a_dead_connection(self, database: Database) -> None:
        with pytest.raises(ValueError, match="the caller's"):
            _write(database, _killing(database.url), _raising(ValueError("the caller's")))

        assert _employers(database) == 0

    def test_a_transaction_that_goes_on_after_its_connection_died_stays_unavailable(
        self, database: Database
    ) -> None:
        add = _caught(_adding(an_employer()), Unavailable)
        with pytest.raises(Unavailable):
            _write(database, _killing(database.url), add, add)

        assert _employers(database) == 0

    def test_a_read_that_lost_its_server_is_unavailable(self, postgresql_server: Server) -> None:
        with postgresql_server.database() as url:
            database = Database(url)
            assert _employers(database) == 0

        for _ in range(2):
            with pytest.raises(Unavailable):
                _employers(database)
        database.close()

    def test_a_lock_that_someone_else_holds_makes_it_unavailable(self, database: Database) -> None:
        with psycopg.connect(database.url.replace("+psycopg", "")) as other:
            other.execute("LOCK TABLE employers")
            with pytest.raises(Unavailable, match="lock timeout"), database.write() as connection:
                employer.add(connection, an_employer())

        assert _employers(database) == 0
