"""Connections and transactions on SQLite and PostgreSQL.

Three ways in: `read` (each statement its own snapshot), `write` (one short transaction) and `write_once`
(one statement that is its own transaction, which spares PostgreSQL two round trips).

SQLite: WAL with synchronous=FULL, because NORMAL may lose acknowledged commits at power loss; BEGIN
IMMEDIATE, because a read that turns into a write cannot wait for its lock; one writer a process at a time,
because a queue in the process is fairer than SQLite's busy handler. PostgreSQL: READ COMMITTED, with
time-outs so that a stuck lock never holds a page. A connection that broke while it was idle is replaced: a
read or a BEGIN is sent again on a new one, and before a lone write its socket is looked at. No round trip is
spent on asking.
"""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import NullPool, QueuePool

from idp.db.errors import Conflict, Unavailable
from idp.db.turn import Turn

T = TypeVar("T")

_WAL = "PRAGMA journal_mode=WAL"
_SQLITE_PRAGMAS = (
    _WAL,
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    # Pages that many commits touch are copied back once for all of them.
    "PRAGMA wal_autocheckpoint=4000",
)
_POSTGRESQL_OPTIONS = (
    "-c timezone=UTC -c lock_timeout=2s -c statement_timeout=5s -c idle_in_transaction_session_timeout=10s"
)


class Connection:
    """A driver connection for the length of one `read` or `write`; only statements run on it."""

    __slots__ = ("_database", "_failure", "_fairy", "_may_retry", "dialect")

    def __init__(self, database: "Database", *, may_retry: bool) -> None:
        self._database = database
        self._may_retry = may_retry
        self._failure: Exception | None = None
        self._fairy = database.checkout()
        self.dialect: Dialect = database.dialect

    def execute(self, sql: str, values: Any, take: Callable[[Any], T]) -> T:  # noqa: ANN401 - the driver's values
        """Run SQL on the driver and take the answer from its cursor.

        Raises `Conflict` or `Unavailable`; other driver errors are bugs.
        """
        driver_connection = self._fairy.dbapi_connection
        if driver_connection is None:
            raise Unavailable("The connection broke before this statement.")
        try:
            cursor = driver_connection.execute(sql, values)
            answer = take(cursor)
            cursor.close()
        except self._database.driver.Error as error:
            if self._may_retry and self._is_broken(error):
                # Only reads and BEGIN come here again: nothing can have happened twice.
                self._may_retry = False
                self._renew()
                return self.execute(sql, values, take)
            self._failure = self._explained(error)
            raise self._failure from error
        return answer

    def renew_if_broken(self) -> None:
        """Replace a connection that the server has closed, or said anything on, while nobody asked."""
        if self.dialect.name == "postgresql":
            heard = select.poll()
            heard.register(self._fairy.dbapi_connection.fileno(), select.POLLIN)
            if heard.poll(0):
                self._renew()

    def begin(self) -> None:
        """Start a transaction; on SQLite take the write lock at once."""
        self._may_retry = True
        self.execute("BEGIN IMMEDIATE" if self.dialect.name == "sqlite" else "BEGIN", (), _nothing)
        self._may_retry = False

    def commit(self) -> None:
        """Keep what was done.

        Raises again what a statement raised, though its caller went on: PostgreSQL keeps nothing then and
        answers COMMIT without an error, and SQLite must not mean something else.
        """
        if self._failure is not None:
            raise self._failure
        self.execute("COMMIT", (), _nothing)

    def rollback(self) -> None:
        """Undo; a connection that cannot is thrown away, which undoes as well."""
        if self._fairy.dbapi_connection is None:
            return
        try:
            self._fairy.dbapi_connection.execute("ROLLBACK")
        except self._database.driver.Error as error:
            self._fairy.invalidate(error)

    def close(self) -> None:
        """Give the connection back."""
        self._fairy.close()

    def _renew(self) -> None:
        self._database.drop(self._fairy)
        self._fairy = self._database.checkout()

    def _is_broken(self, error: Any) -> bool:  # noqa: ANN401 - the driver's own class
        return bool(self.dialect.is_disconnect(error, self._fairy.dbapi_connection, None))

    def _explained(self, error: Exception) -> Exception:
        driver = self._database.driver
        if isinstance(error, driver.IntegrityError):
            return Conflict(str(error))
        if self._is_broken(error):
            self._database.drop(self._fairy)
            return Unavailable(str(error))
        return Unavailable(str(error)) if isinstance(error, driver.OperationalError) else error


def _nothing(_cursor: object) -> None:
    """What BEGIN and COMMIT answer."""


class Database:
    """The pool of one database, `sqlite:///PATH` or `postgresql+psycopg://…`.

    `patience`, in seconds, is how long it waits for a free connection, for a server that does not answer,
    and on SQLite for other writers: once in this process and once for other processes.
    """

    def __init__(self, url: str, *, pool_size: int = 16, patience: int = 5) -> None:
        self.url = url
        self._patience = patience
        self._engine = _pooled_engine(url, pool_size, patience)
        self.dialect: Dialect = self._engine.dialect
        self.driver: Any = self._engine.dialect.loaded_dbapi
        is_sqlite = self.dialect.name == "sqlite"
        self._writer = threading.Lock() if is_sqlite else None
        self._turn = Turn() if is_sqlite else None

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
        with self._writing():
            connection = Connection(self, may_retry=False)
            try:
                connection.begin()
                try:
                    yield connection
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
            finally:
                connection.close()

    @contextmanager
    def write_once(self) -> Iterator[Connection]:
        """Exactly one statement, which is its own transaction."""
        with self._writing():
            connection = Connection(self, may_retry=False)
            try:
                connection.renew_if_broken()
                yield connection
            finally:
                connection.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Work alone in this process, except while writing: see `turn`. On PostgreSQL nobody waits."""
        if self._turn is None:
            yield
            return
        with self._turn.take():
            yield

    def checkout(self) -> Any:  # noqa: ANN401 - SQLAlchemy's pool proxy
        """A driver connection from the pool. Raises `Unavailable` when none is to be had."""
        try:
            return self._engine.raw_connection()
        except Exception as error:
            raise Unavailable(str(error)) from error

    def drop(self, broken: Any) -> None:  # noqa: ANN401 - SQLAlchemy's pool proxy
        """Throw away a connection, and before their next use all that are as old: they broke together."""
        self._engine.pool._invalidate(broken)  # noqa: SLF001 - what SQLAlchemy itself does then

    def close(self) -> None:
        """Close every idle connection, for the end of a process or a fork."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._writer is None or self._turn is None:
            yield
            return
        # Aside first: the writer must never wait for a turn that another one holds while it waits to write.
        with self._turn.aside():
            if not self._writer.acquire(timeout=self._patience):
                raise Unavailable("Other writers held the database for too long.")
            try:
                yield
            finally:
                self._writer.release()


def migration_engine(url: str) -> Engine:
    """An engine for Alembic: SQLAlchemy's own transactions, no pool, DDL inside the transaction on SQLite.

    It leaves a SQLite file in WAL mode: while anyone writes, a worker that starts could not switch to it.
    """
    _make_sqlite_file(url)
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _autocommit(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
            dbapi_connection.isolation_level = None
            dbapi_connection.execute(_WAL)

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _pooled_engine(url: str, pool_size: int, patience: int) -> Engine:
    _make_sqlite_file(url)
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=patience,
        pool_reset_on_return=None,
        connect_args=(
            {"check_same_thread": False, "timeout": patience}
            if is_sqlite
            else {"options": _POSTGRESQL_OPTIONS, "connect_timeout": patience}
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
