"""Requests for login details that matched nobody, encrypted, until administrators have been told.

Whoever reports takes the oldest row first, with one statement, and everything else only if it got that row:
of two workers one reports, though more is missed while they try. Where the address that was typed is on
record, there is most likely somebody to help: those are listed before what strangers made up.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Column, LargeBinary, Table, bindparam, insert, select, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime


@dataclass(frozen=True, slots=True)
class RecoveryMiss:
    """A request that matched nobody; `is_on_record` says that somebody has the address that was typed."""

    id: UUID
    at: datetime
    sealed: bytes
    is_on_record: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be reported `since` the oldest miss: those to list, and how many `more` there are."""

    since: datetime
    listed: tuple[RecoveryMiss, ...]
    more: int


recovery_misses = Table(
    "recovery_misses",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("reported_at", UtcDateTime),
    Column("is_on_record", Boolean, nullable=False),
)

_COLUMNS = (
    recovery_misses.c.id,
    recovery_misses.c.at,
    recovery_misses.c.sealed,
    recovery_misses.c.is_on_record,
)
_is_unreported = recovery_misses.c.reported_at.is_(None)
_was_reported_lately = (
    select(recovery_misses.c.id).where(recovery_misses.c.reported_at > bindparam("since")).exists()
)
_unreported = select(recovery_misses.c.id).where(_is_unreported)
_age = (recovery_misses.c.at, recovery_misses.c.id)
_by_age = _unreported.order_by(*_age)
_by_weight = _unreported.order_by(recovery_misses.c.is_on_record.desc(), *_age)
_report = update(recovery_misses).where(_is_unreported).values(reported_at=bindparam("now"))

_ADD = Effect(insert(recovery_misses), columns=("id", "at", "sealed", "is_on_record"))
_IS_DUE = Statement(
    select(recovery_misses.c.id).where(_is_unreported, ~_was_reported_lately).limit(1), lambda _: True
)
_OLDEST = Statement(
    _report.where(
        recovery_misses.c.id == _by_age.limit(1).scalar_subquery(), ~_was_reported_lately
    ).returning(*_COLUMNS),
    RecoveryMiss,
)
_NEXT = Statement(
    _report.where(recovery_misses.c.id.in_(_by_weight.limit(bindparam("count")))).returning(*_COLUMNS),
    RecoveryMiss,
)
_REST = Effect(_report)


def add(connection: Connection, miss: RecoveryMiss) -> None:
    """Remember a miss."""
    _ADD.run(connection, id=miss.id, at=miss.at, sealed=miss.sealed, is_on_record=miss.is_on_record)


def is_due(connection: Connection, since: datetime) -> bool:
    """Whether there is anything to report, and nothing was reported after `since`."""
    return _IS_DUE.first(connection, since=since) is not None


def report(connection: Connection, now: datetime, *, since: datetime, most: int) -> Report | None:
    """Take everything that is unreported: at `most` so many to be listed, the others counted.

    Listed are the oldest one, and those whose address is on record before the others. None when
    there is nothing, when something was reported after `since`, or when another worker is at it.
    """
    oldest = _OLDEST.first(connection, now=now, since=since)
    if oldest is None:
        return None
    following = _NEXT.all(connection, now=now, count=most - 1)
    listed = sorted([oldest, *following], key=lambda miss: (not miss.is_on_record, miss.at, miss.id))
    return Report(oldest.at, tuple(listed), _REST.run(connection, now=now))
