"""Single-use links that are mailed to people: a digest, a purpose, one account.

One live link for each account and purpose: who makes another holds the account's row until the transaction
ends, so two at once cannot both miss what the other makes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, bindparam, insert, or_, select, update

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Choice, Digest, UtcDateTime


class Purpose(StrEnum):
    """What a link is for, and for nothing else."""

    ACTIVATE = "activate"
    RESET = "reset"
    UNLOCK = "unlock"
    ENROL = "enrol"


@dataclass(frozen=True, slots=True)
class Link:
    """A link, live or not."""

    digest: bytes
    purpose: Purpose
    account_id: UUID
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    superseded_at: datetime | None


links = Table(
    "links",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("purpose", Choice(Purpose, 16), nullable=False),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("superseded_at", UtcDateTime),
)

_ADD = Effect(insert(links))
_FIND = Statement(select(links).where(links.c.digest == bindparam("token")), Link)
_HOLD_ACCOUNT = Statement(
    # FOR NO KEY UPDATE on PostgreSQL; on SQLite nobody else writes meanwhile.
    select(accounts.c.id).where(accounts.c.id == bindparam("account")).with_for_update(key_share=True),
    lambda account_id: account_id,
)
_IS_LIVE = (
    links.c.used_at.is_(None),
    links.c.superseded_at.is_(None),
    links.c.expires_at > bindparam("now"),
)
_SUPERSEDE = Effect(
    update(links)
    .where(links.c.account_id == bindparam("account"))
    .where(links.c.purpose == bindparam("which"))
    .where(*_IS_LIVE)
    .values(superseded_at=bindparam("now"))
)


@lru_cache(maxsize=8)
def _redeem(purposes: frozenset[Purpose]) -> Statement[Link]:
    return Statement(
        update(links)
        .where(links.c.digest == bindparam("token"))
        .where(or_(*(links.c.purpose == purpose for purpose in purposes)))
        .where(*_IS_LIVE)
        .values(used_at=bindparam("now"))
        .returning(links),
        Link,
    )


def hold_account(connection: Connection, account_id: UUID) -> bool:
    """Keep others from making links of this account until the transaction ends. False when there is none."""
    return _HOLD_ACCOUNT.first(connection, account=account_id) is not None


def add(connection: Connection, link: Link) -> None:
    """Store a link."""
    _ADD.run(
        connection,
        digest=link.digest,
        purpose=link.purpose,
        account_id=link.account_id,
        created_at=link.created_at,
        expires_at=link.expires_at,
        used_at=link.used_at,
        superseded_at=link.superseded_at,
    )


def find(connection: Connection, digest: bytes) -> Link | None:
    """The link, used and expired ones too, so that a page can say which."""
    return _FIND.first(connection, token=digest)


def redeem(
    connection: Connection, digest: bytes, purposes: Collection[Purpose], now: datetime
) -> Link | None:
    """Use the link: the one statement that decides who was first. None unless it is live and for this."""
    return _redeem(frozenset(purposes)).first(connection, token=digest, now=now)


def supersede(connection: Connection, account_id: UUID, purpose: Purpose, now: datetime) -> int:
    """End the live link of this account and purpose; how many there were."""
    return _SUPERSEDE.run(connection, account=account_id, which=purpose, now=now)
