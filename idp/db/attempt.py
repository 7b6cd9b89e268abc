"""Attempts: how often someone guessed, counted before the guess is checked.

A key is the HMAC of a person, or of a username that nobody has, so that strangers and members leave rows
of one shape. One statement counts and locks: of a hundred guesses at once only the free ones pass. A
stranger's row says so, because anybody can make as many of them as there are names: it goes after two days.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    case,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Choice, UtcDateTime
from idp.policy.lockout import LockoutRule, delay, is_shut

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""`not_before` of a bucket that stays shut until its owner or the service desk opens it."""


class Bucket(StrEnum):
    """Whether the browser has proved before that it belongs to this person."""

    KNOWN = "known"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempts:
    """One bucket: how many guesses since the last success, and when the next one is heard."""

    factor: str
    bucket: Bucket
    n: int
    not_before: datetime


attempts = Table(
    "attempts",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("factor", String(16), primary_key=True),
    Column("bucket", Choice(Bucket), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("stranger", Boolean, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    **CLUSTERED,
)
Index("ix_attempts_stranger_updated_at", attempts.c.stranger, attempts.c.updated_at)

_THIS = (
    attempts.c.key == bindparam("whose"),
    attempts.c.factor == bindparam("which"),
    attempts.c.bucket == bindparam("where"),
)


@lru_cache(maxsize=8)
def _count(rule: LockoutRule, bucket: Bucket, dialect: str) -> tuple[Statement[int], tuple[int, ...]]:
    """The statement for a rule, and the counts it wants a time for as `t6`, `t7`, …; after them `last`."""
    shut_at = rule.shut_known if bucket is Bucket.KNOWN else rule.shut_unknown
    growing = tuple(range(rule.free + 1, min(rule.steady_from, shut_at)))
    after = attempts.c.n + 1
    insert = sqlite.insert(attempts) if dialect == "sqlite" else postgresql.insert(attempts)
    not_before = case(
        (after >= shut_at, bindparam("never", type_=UtcDateTime)),
        (after <= rule.free, bindparam("now", type_=UtcDateTime)),
        *((after == n, bindparam(f"t{n}", type_=UtcDateTime)) for n in growing),
        else_=bindparam("last", type_=UtcDateTime),
    )
    return (
        Statement(
            insert.values(
                key=bindparam("whose"),
                factor=bindparam("which"),
                bucket=bindparam("where"),
                n=1,
                not_before=bindparam("first", type_=UtcDateTime),
                stranger=bindparam("is_stranger"),
                updated_at=bindparam("now", type_=UtcDateTime),
            )
            .on_conflict_do_update(
                index_elements=[attempts.c.key, attempts.c.factor, attempts.c.bucket],
                set_={
                    "n": after,
                    "not_before": not_before,
                    "updated_at": bindparam("now", type_=UtcDateTime),
                },
                where=attempts.c.not_before <= bindparam("now", type_=UtcDateTime),
            )
            .returning(attempts.c.n),
            int,
        ),
        growing,
    )


_RESET = Effect(
    update(attempts).where(*_THIS).values(n=0, not_before=bindparam("now"), updated_at=bindparam("now"))
)
_REOPEN = Effect(
    update(attempts)
    .where(*_THIS)
    .where(attempts.c.not_before == NEVER)
    .values(n=0, not_before=bindparam("now"), updated_at=bindparam("now"))
)
_CLEAR = Effect(delete(attempts).where(attempts.c.key == bindparam("whose")))
_CLEAR_FACTOR = Effect(
    delete(attempts)
    .where(attempts.c.key == bindparam("whose"))
    .where(attempts.c.factor == bindparam("which"))
)
_OF_KEY = Statement(
    select(attempts.c.factor, attempts.c.bucket, attempts.c.n, attempts.c.not_before)
    .where(attempts.c.key == bindparam("whose"))
    .order_by(attempts.c.factor, attempts.c.bucket),
    Attempts,
)


def count(
    connection: Connection,
    rule: LockoutRule,
    key: bytes,
    factor: str,
    bucket: Bucket,
    now: datetime,
    *,
    stranger: bool = False,
) -> int | None:
    """Count a guess before it is checked; the count, or None while guesses are neither heard nor counted.

    `stranger` says that the key is of a name that nobody has.
    """
    statement, growing = _count(rule, bucket, connection.dialect.name)
    is_last = is_shut(rule, 1, known=bucket is Bucket.KNOWN)
    times = {f"t{n}": now + delay(rule, n) for n in growing}
    return statement.first(
        connection,
        whose=key,
        which=factor,
        where=bucket,
        now=now,
        never=NEVER,
        first=NEVER if is_last else now + delay(rule, 1),
        is_stranger=stranger,
        last=now + delay(rule, rule.steady_from),
        **times,
    )


def succeeded(connection: Connection, key: bytes, factor: str, bucket: Bucket, now: datetime) -> None:
    """Start this bucket afresh, and open the other one if it was shut: the owner has come."""
    _RESET.run(connection, whose=key, which=factor, where=bucket, now=now)
    other = Bucket.UNKNOWN if bucket is Bucket.KNOWN else Bucket.KNOWN
    _REOPEN.run(connection, whose=key, which=factor, where=other, now=now)


def clear(connection: Connection, key: bytes, factor: str | None = None) -> int:
    """Forget the guesses at this key, at one factor or at all of them; how many buckets there were."""
    if factor is None:
        return _CLEAR.run(connection, whose=key)
    return _CLEAR_FACTOR.run(connection, whose=key, which=factor)


def of_key(connection: Connection, key: bytes) -> list[Attempts]:
    """The buckets of one key."""
    return _OF_KEY.all(connection, whose=key)
