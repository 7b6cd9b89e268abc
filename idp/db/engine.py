"""Connections and transactions on SQLite and PostgreSQL.

Three ways in: `read` (each statement its own snapshot), `write` (one short transaction) and `write_once`
(one statement that is its own transaction, which spares PostgreSQL two round trips).

SQLite: WAL with synchronous=FULL, because NORMAL may lose acknowledged commits at power loss; BEGIN
IMMEDIATE, because a read that turns into a write cannot wait for its lock; one writer a process at a time,
because a queue in the process is fairer than SQLite's busy handler. PostgreSQL: READ COMMITTED, with
time-outs so that a stuck lock never holds a page. A connection that broke while it was idle is replaced
before anything is sent on it; no round trip is spent on asking.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import NullPool, QueuePool

from idp.db.errors import Conflict, Unavailable

_BUSY_SECONDS = 5
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)
_POSTGRESQL_OPTIONS = (
    "-c timezone=UTC -c lock_timeout=2s -c statement_timeout=5s -c idle_in_transaction_session_timeout=10s"
)


class Connection:
    """A driver connection for the length of one `read` or `write`; only statements run on it."""

    __slots__ = ("_database", "_fairy", "_may_retry", "dialect")

    def __init__(self, database: "Database", *, may_retry: bool) -> None:
        self._database = database
        self._may_retry = may_retry
        self._fairy = database.checkout()
        self.dialect: Dialect = database.dialect

    def execute(self, sql: str, values: Any) -> Any:  # noqa: ANN401 - the driver's parameters and cursor
        """Run SQL on the driver. Raises `Conflict` or `Unavailable`; other driver errors are bugs."""
        try:
            return self._fairy.dbapi_connection.execute(sql, values)
        except self._database.driver.Error as error:
            if self._may_retry and self._is_broken(error):
                # Only reads and BEGIN come here again: nothing can have happened twice.
                self._may_retry = False
                self.renew(error)
                return self.execute(sql, values)
            raise self._explained(error) from error

    def renew(self, error: BaseException) -> None:
        """Throw away this connection and all idle ones (they broke together) and take a new one."""
        self._fairy.invalidate(error)
        self._database.drop_idle()
        self._fairy = self._database.checkout()

    def begin(self) -> None:
        """Start a transaction; on SQLite take the write lock at once."""
        self._may_retry = True
        self.execute("BEGIN IMMEDIATE" if self.dialect.name == "sqlite" else "BEGIN", ())
        self._may_retry = False

    def rollback(self) -> None:
        """Undo; a connection that cannot is thrown away, which undoes as well."""
        try:
            self._fairy.dbapi_connection.execute("ROLLBACK")
        except self._database.driver.Error as error:
            self._fairy.invalidate(error)

    def close(self) -> None:
        """Give the connection back."""
        self._fairy.close()

    def _is_broken(self, error: Any) -> bool:  # noqa: ANN401 - the driver's own class
        return bool(self.dialect.is_disconnect(error, self._fairy.dbapi_connection, None))

    def _explained(self, error: Exception) -> Exception:
        driver = self._database.driver
        if isinstance(error, driver.IntegrityError):
            return Conflict(str(error))
        if self._is_broken(error):
            self._fairy.invalidate(error)
            return Unavailable(str(error))
        return Unavailable(str(error)) if isinstance(error, driver.OperationalError) else error


class Database:
    """The pool of one database, `sqlite:///PATH` or `postgresql+psycopg://…`."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.url = url
        self._engine = _pooled_engine(url, pool_size)
        self.dialect: Dialect = self._engine.dialect
        self.driver: Any = self._engine.dialect.loaded_dbapi
        self._writer = threading.Lock() if self.dialect.name == "sqlite" else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Statements that change nothing, each on its own snapshot."""
        connection = Connection(self, may_retry=True)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone when it raises. Keep it short."""
        self._queue()
        try:
            connection = Connection(self, may_retry=False)
            try:
                connection.begin()
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.execute("COMMIT", ())
            finally:
                connection.close()
        finally:
            self._leave()

    @contextmanager
    def write_once(self) -> Iterator[Connection]:
        """Exactly one statement, which is its own transaction."""
        self._queue()
        try:
            connection = Connection(self, may_retry=False)
            try:
                yield connection
            finally:
                connection.close()
        finally:
            self._leave()

    def checkout(self) -> Any:  # noqa: ANN401 - SQLAlchemy's pool proxy
        """A driver connection from the pool. Raises `Unavailable` when none is to be had."""
        try:
            return self._engine.raw_connection()
        except Exception as error:
            raise Unavailable(str(error)) from error

    def drop_idle(self) -> None:
        """Forget the idle connections."""
        self._engine.dispose()

    def close(self) -> None:
        """Close every idle connection, for the end of a process or a fork."""
        self._engine.dispose()

    def _queue(self) -> None:
        if self._writer is not None and not self._writer.acquire(timeout=_BUSY_SECONDS):
            raise Unavailable("Other writers held the database for too long.")

    def _leave(self) -> None:
        if self._writer is not None:
            self._writer.release()


def migration_engine(url: str) -> Engine:
    """An engine for Alembic: SQLAlchemy's own transactions, no pool, DDL inside the transaction on SQLite."""
    _make_sqlite_file(url)
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _autocommit(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
            dbapi_connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _pooled_engine(url: str, pool_size: int) -> Engine:
    _make_sqlite_file(url)
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=_BUSY_SECONDS,
        pool_reset_on_return=None,
        connect_args=(
            {"check_same_thread": False, "timeout": _BUSY_SECONDS}
            if is_sqlite
            else {"options": _POSTGRESQL_OPTIONS, "connect_timeout": _BUSY_SECONDS}
        ),
    )

    @event.listens_for(engine, "connect")
    def _set_up(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
        if is_sqlite:
            dbapi_connection.isolation_level = None
            for pragma in _SQLITE_PRAGMAS:
                dbapi_connection.execute(pragma)
        else:
            dbapi_connection.autocommit = True

    return engine


def _make_sqlite_file(url: str) -> None:
    """Only the owner may read the database; its -wal and -shm files take their mode from it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        path = Path(parsed.database)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
