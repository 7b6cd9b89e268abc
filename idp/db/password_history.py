"""The hashes of passwords an account has had, the current one included."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, bindparam, delete, insert, select, update

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime

password_history = Table(
    "password_history",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Index("ix_password_history_account_id", password_history.c.account_id, password_history.c.created_at)

MOST = 24
"""Hashes of one account: as many as a setting may ask for."""

_ADD = Effect(insert(password_history))
_PRUNE = Effect(
    delete(password_history)
    .where(password_history.c.account_id == bindparam("account"))
    .where(
        password_history.c.id.not_in(
            select(password_history.c.id)
            .where(password_history.c.account_id == bindparam("account"))
            .order_by(password_history.c.created_at.desc())
            .limit(MOST)
        )
    )
)
_RECENT = Statement(
    select(password_history.c.password_hash)
    .where(password_history.c.account_id == bindparam("account"))
    .order_by(password_history.c.created_at.desc())
    .limit(bindparam("count")),
    str,
)
_REHASH = Effect(
    update(password_history)
    .where(password_history.c.account_id == bindparam("account"))
    .where(password_history.c.password_hash == bindparam("before"))
    .values(password_hash=bindparam("phc"))
)


def add(connection: Connection, entry_id: UUID, account_id: UUID, password_hash: str, now: datetime) -> None:
    """Remember a password the account has from now on, and forget the oldest beyond `MOST`."""
    _ADD.run(connection, id=entry_id, account_id=account_id, password_hash=password_hash, created_at=now)
    _PRUNE.run(connection, account=account_id)


def recent(connection: Connection, account_id: UUID, count: int) -> list[str]:
    """The newest hashes first, the current password's among them."""
    return _RECENT.all(connection, account=account_id, count=count)


def rehash(connection: Connection, account_id: UUID, before: str, after: str) -> None:
    """Remember the same password under today's parameters."""
    _REHASH.run(connection, account=account_id, before=before, phc=after)
