"""How much one address has asked for: requests in a window, and how many different names it failed at.

Addresses are stored as HMACs. A hospital shares one public address, so these limits are generous and stop
spraying over many accounts; guessing at one account is `attempt`'s business.
"""

from datetime import datetime

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, bindparam, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import UtcDateTime

rates = Table(
    "rates",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("window_start", UtcDateTime, nullable=False, index=True),
    Column("n", Integer, nullable=False),
    **CLUSTERED,
)
address_failures = Table(
    "address_failures",
    metadata,
    Column("address", LargeBinary(32), primary_key=True),
    Column("name", LargeBinary(32), primary_key=True),
    Column("failed_at", UtcDateTime, nullable=False),
    **CLUSTERED,
)
Index("ix_address_failures_failed_at", address_failures.c.failed_at)


def _hit(insert: sqlite.Insert | postgresql.Insert) -> Statement[int]:
    same_window = rates.c.window_start == insert.excluded.window_start
    return Statement(
        insert.values(key=bindparam("whose"), window_start=bindparam("start"), n=1)
        .on_conflict_do_update(
            index_elements=[rates.c.key],
            set_={
                "n": case((same_window, rates.c.n + 1), else_=1),
                "window_start": insert.excluded.window_start,
            },
        )
        .returning(rates.c.n),
        int,
    )


def _failed(insert: sqlite.Insert | postgresql.Insert) -> Effect:
    return Effect(
        insert.on_conflict_do_update(
            index_elements=[address_failures.c.address, address_failures.c.name],
            set_={"failed_at": insert.excluded.failed_at},
        ),
        columns=("address", "name", "failed_at"),
    )


_HIT = {"sqlite": _hit(sqlite.insert(rates)), "postgresql": _hit(postgresql.insert(rates))}
_FAILED = {
    "sqlite": _failed(sqlite.insert(address_failures)),
    "postgresql": _failed(postgresql.insert(address_failures)),
}
_SUCCEEDED = Effect(
    delete(address_failures)
    .where(address_failures.c.address == bindparam("whose"))
    .where(address_failures.c.name == bindparam("which"))
)
_NAMES_FAILED = Statement(
    select(func.count())
    .select_from(address_failures)
    .where(address_failures.c.address == bindparam("whose"))
    .where(address_failures.c.failed_at > bindparam("since")),
    int,
)


def hit(connection: Connection, key: bytes, window_start: datetime) -> int:
    """Count a request in its window; how many there were, this one included."""
    n = _HIT[connection.dialect.name].first(connection, whose=key, start=window_start)
    if n is None:  # pragma: no cover - the statement always returns its row
        raise RuntimeError("A counted request left no count.")
    return n


def failed(connection: Connection, address: bytes, name: bytes, now: datetime) -> None:
    """An address failed at a name."""
    _FAILED[connection.dialect.name].run(connection, address=address, name=name, failed_at=now)


def succeeded(connection: Connection, address: bytes, name: bytes) -> None:
    """Whoever failed at this name from here got in after all: a corrected typing error is no spraying."""
    _SUCCEEDED.run(connection, whose=address, which=name)


def names_failed(connection: Connection, address: bytes, since: datetime) -> int:
    """At how many different names the address has failed."""
    return _NAMES_FAILED.first(connection, whose=address, since=since) or 0
