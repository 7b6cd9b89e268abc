"""Smartcards: each bound to one account by its card number, or by authority and serial number."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    ForeignKey,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.certificate_authority import certificate_authorities
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime


@dataclass(frozen=True, slots=True)
class Smartcard:
    """A card: known by `card_number`, or else by `authority_id` and `serial` in hexadecimal."""

    id: UUID
    account_id: UUID
    card_number: str | None
    authority_id: UUID | None
    serial: str | None
    linked_at: datetime
    last_used_at: datetime | None


smartcards = Table(
    "smartcards",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("card_number", String(32), unique=True),
    Column("authority_id", ForeignKey(certificate_authorities.c.id)),
    Column("serial", String(64)),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    UniqueConstraint("authority_id", "serial"),
)

_ADD = Effect(insert(smartcards))
_BY_NUMBER = Statement(select(smartcards).where(smartcards.c.card_number == bindparam("number")), Smartcard)
_BY_SERIAL = Statement(
    select(smartcards)
    .where(smartcards.c.authority_id == bindparam("authority"))
    .where(smartcards.c.serial == bindparam("hexadecimal")),
    Smartcard,
)
_OF_ACCOUNT = Statement(
    select(smartcards)
    .where(smartcards.c.account_id == bindparam("account"))
    .order_by(smartcards.c.linked_at),
    Smartcard,
)
_LATEST = Statement(
    select(smartcards).order_by(smartcards.c.linked_at.desc(), smartcards.c.id).limit(bindparam("most")),
    Smartcard,
)
_USED = Effect(
    update(smartcards).where(smartcards.c.id == bindparam("card")).values(last_used_at=bindparam("now"))
)
_REMOVE = Effect(delete(smartcards).where(smartcards.c.id == bindparam("card")))


def add(connection: Connection, card: Smartcard) -> None:
    """Bind a card. Raises `Conflict` when it is bound already."""
    _ADD.run(
        connection,
        id=card.id,
        account_id=card.account_id,
        card_number=card.card_number,
        authority_id=card.authority_id,
        serial=card.serial,
        linked_at=card.linked_at,
        last_used_at=card.last_used_at,
    )


def find_by_number(connection: Connection, card_number: str) -> Smartcard | None:
    """The card that is known by this number."""
    return _BY_NUMBER.first(connection, number=card_number)


def find_by_serial(connection: Connection, authority_id: UUID, serial: str) -> Smartcard | None:
    """The card that is known by its issuer and serial number."""
    return _BY_SERIAL.first(connection, authority=authority_id, hexadecimal=serial)


def of_account(connection: Connection, account_id: UUID) -> list[Smartcard]:
    """The cards of an account, oldest first."""
    return _OF_ACCOUNT.all(connection, account=account_id)


def latest(connection: Connection, limit: int) -> list[Smartcard]:
    """The cards that were bound last."""
    return _LATEST.all(connection, most=limit)


def used(connection: Connection, card_id: UUID, now: datetime) -> bool:
    """Remember that a card was used. False when it is not bound any more."""
    return _USED.run(connection, card=card_id, now=now) == 1


def remove(connection: Connection, card_id: UUID) -> bool:
    """Release a card. False when that was done before."""
    return _REMOVE.run(connection, card=card_id) == 1
