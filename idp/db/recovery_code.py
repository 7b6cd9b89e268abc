"""Recovery codes: ten of an account, hashed like passwords, each for one use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import UtcDateTime


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """A code, used or not."""

    account_id: UUID
    position: int
    code_hash: str
    created_at: datetime
    used_at: datetime | None


recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", ForeignKey(accounts.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("code_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

_ADD = Effect(insert(recovery_codes))
_REMOVE_ALL = Effect(delete(recovery_codes).where(recovery_codes.c.account_id == bindparam("account")))
_FIND = Statement(
    select(recovery_codes)
    .where(recovery_codes.c.account_id == bindparam("account"))
    .where(recovery_codes.c.position == bindparam("place")),
    RecoveryCode,
)
_USE = Effect(
    update(recovery_codes)
    .where(recovery_codes.c.account_id == bindparam("account"))
    .where(recovery_codes.c.position == bindparam("place"))
    # Of the very set that was read: a new one may have come meanwhile.
    .where(recovery_codes.c.code_hash == bindparam("phc"))
    .where(recovery_codes.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
_LEFT = Statement(
    select(func.count())
    .select_from(recovery_codes)
    .where(recovery_codes.c.account_id == bindparam("account"))
    .where(recovery_codes.c.used_at.is_(None)),
    int,
)


def replace_all(connection: Connection, account_id: UUID, hashes: Sequence[str], now: datetime) -> None:
    """Give an account these codes in place of those it had. The caller holds the account's row."""
    _REMOVE_ALL.run(connection, account=account_id)
    for position, code_hash in enumerate(hashes):
        _ADD.run(
            connection,
            account_id=account_id,
            position=position,
            code_hash=code_hash,
            created_at=now,
            used_at=None,
        )


def find(connection: Connection, account_id: UUID, position: int) -> RecoveryCode | None:
    """The code in this position, used or not."""
    return _FIND.first(connection, account=account_id, place=position)


def use(connection: Connection, code: RecoveryCode, now: datetime) -> bool:
    """Use a code: the one statement that decides who was first."""
    return (
        _USE.run(connection, account=code.account_id, place=code.position, phc=code.code_hash, now=now) == 1
    )


def left(connection: Connection, account_id: UUID) -> int:
    """How many codes have not been used."""
    return _LEFT.first(connection, account=account_id) or 0


def remove_all(connection: Connection, account_id: UUID) -> int:
    """Remove every code of an account, used ones too; how many there were."""
    return _REMOVE_ALL.run(connection, account=account_id)
