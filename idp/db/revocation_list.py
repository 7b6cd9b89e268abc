"""The last good revocation list of each authority, and how fetching the next went (RFC 5280 §5).

A list may have megabytes: what it says of itself is read by itself.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.base import metadata
from idp.db.certificate_authority import certificate_authorities
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import UtcDateTime


@dataclass(frozen=True, slots=True)
class RevocationList:
    """How things stand: the list we have, if any, by its number and times, and the last try to fetch one."""

    authority_id: UUID
    number: int | None
    this_update: datetime | None
    next_update: datetime | None
    fetched_at: datetime | None
    tried_at: datetime
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """A list itself, as its authority signed it."""

    der: bytes
    number: int
    this_update: datetime
    next_update: datetime


revocation_lists = Table(
    "revocation_lists",
    metadata,
    Column("authority_id", ForeignKey(certificate_authorities.c.id), primary_key=True),
    Column("der", LargeBinary),
    Column("number", Text),
    Column("this_update", UtcDateTime),
    Column("next_update", UtcDateTime),
    Column("fetched_at", UtcDateTime),
    Column("tried_at", UtcDateTime, nullable=False),
    Column("last_error", Text),
)


def _standing(
    authority_id: UUID,
    number: str | None,
    this_update: datetime | None,
    next_update: datetime | None,
    fetched_at: datetime | None,
    tried_at: datetime,
    last_error: str | None,
) -> RevocationList:
    # A number may have twenty bytes, more than a database counts to.
    counted = None if number is None else int(number)
    return RevocationList(authority_id, counted, this_update, next_update, fetched_at, tried_at, last_error)


_FIND = Statement(
    select(*(column for column in revocation_lists.c if column.name != "der")).where(
        revocation_lists.c.authority_id == bindparam("authority")
    ),
    _standing,
)
_DER = Statement(
    select(revocation_lists.c.der).where(revocation_lists.c.authority_id == bindparam("authority")),
    lambda der: der,
)
_REPLACE = Effect(
    update(revocation_lists)
    .where(revocation_lists.c.authority_id == bindparam("authority"))
    # Only while it is the one that the new list was compared with.
    .where(revocation_lists.c.number.is_not_distinct_from(bindparam("seen_number")))
    .where(revocation_lists.c.this_update.is_not_distinct_from(bindparam("seen_update")))
    .values(
        der=bindparam("list"),
        number=bindparam("count"),
        this_update=bindparam("made"),
        next_update=bindparam("until"),
        fetched_at=bindparam("now"),
        last_error=None,
    )
)
_FAILED = Effect(
    update(revocation_lists)
    .where(revocation_lists.c.authority_id == bindparam("authority"))
    .values(last_error=bindparam("error"))
)


@lru_cache(maxsize=2)
def _claim(dialect: str) -> Effect:
    insert = sqlite.insert(revocation_lists) if dialect == "sqlite" else postgresql.insert(revocation_lists)
    return Effect(
        insert.values(
            authority_id=bindparam("authority"), tried_at=bindparam("now", type_=UtcDateTime)
        ).on_conflict_do_update(
            index_elements=[revocation_lists.c.authority_id],
            set_={"tried_at": bindparam("now", type_=UtcDateTime)},
            where=revocation_lists.c.tried_at <= bindparam("before", type_=UtcDateTime),
        )
    )


def find(connection: Connection, authority_id: UUID) -> RevocationList | None:
    """How things stand with one authority; None when nobody has tried yet."""
    return _FIND.first(connection, authority=authority_id)


def read(connection: Connection, authority_id: UUID) -> bytes | None:
    """The list itself, in DER."""
    return _DER.first(connection, authority=authority_id)


def claim(connection: Connection, authority_id: UUID, before: datetime, now: datetime) -> bool:
    """Be the one who tries now. False when somebody has tried since `before`."""
    return (
        _claim(connection.dialect.name).run(connection, authority=authority_id, before=before, now=now) == 1
    )


def replace(
    connection: Connection, authority_id: UUID, seen: RevocationList, new: Content, now: datetime
) -> bool:
    """Keep a newer list. False when the one it was compared with is not there any more."""
    touched = _REPLACE.run(
        connection,
        authority=authority_id,
        seen_number=None if seen.number is None else str(seen.number),
        seen_update=seen.this_update,
        list=new.der,
        count=str(new.number),
        made=new.this_update,
        until=new.next_update,
        now=now,
    )
    return touched == 1


def failed(connection: Connection, authority_id: UUID, error: str) -> None:
    """Remember why there is no newer list; the one we have stays."""
    _FAILED.run(connection, authority=authority_id, error=error)
