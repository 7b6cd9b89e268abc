"""Authenticator apps: a sealed secret each, and the last time step a code was used for (RFC 6238 §5.2)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime


@dataclass(frozen=True, slots=True)
class TotpDevice:
    """An authenticator app. It counts from the moment its owner has entered a code of it."""

    id: UUID
    account_id: UUID
    name: str
    sealed: bytes
    last_step: int | None
    created_at: datetime
    confirmed_at: datetime | None
    last_used_at: datetime | None


totp_devices = Table(
    "totp_devices",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("last_step", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
)

_THIS = and_(totp_devices.c.id == bindparam("device"), totp_devices.c.account_id == bindparam("account"))
_ADD = Effect(insert(totp_devices))
_OF_ACCOUNT = Statement(
    select(totp_devices)
    .where(totp_devices.c.account_id == bindparam("account"))
    .where(totp_devices.c.confirmed_at.is_not(None))
    .order_by(totp_devices.c.confirmed_at, totp_devices.c.id),
    TotpDevice,
)
_COUNT = Statement(
    select(func.count())
    .select_from(totp_devices)
    .where(totp_devices.c.account_id == bindparam("account"))
    .where(totp_devices.c.confirmed_at.is_not(None)),
    int,
)
_FIND_UNCONFIRMED = Statement(
    select(totp_devices)
    .where(_THIS)
    .where(totp_devices.c.confirmed_at.is_(None))
    .where(totp_devices.c.created_at > bindparam("since")),
    TotpDevice,
)
_CONFIRM = Effect(
    update(totp_devices)
    .where(_THIS)
    .where(totp_devices.c.confirmed_at.is_(None))
    .values(confirmed_at=bindparam("now"), last_used_at=bindparam("now"), last_step=bindparam("step"))
)
_USE = Effect(
    update(totp_devices)
    .where(_THIS)
    .where(totp_devices.c.confirmed_at.is_not(None))
    .where(or_(totp_devices.c.last_step.is_(None), totp_devices.c.last_step < bindparam("step")))
    .values(last_step=bindparam("step"), last_used_at=bindparam("now"))
)
_RENAME = Effect(
    update(totp_devices)
    .where(_THIS)
    .where(totp_devices.c.confirmed_at.is_not(None))
    .values(name=bindparam("called"))
)
_REMOVE = Statement(
    delete(totp_devices).where(_THIS).where(totp_devices.c.confirmed_at.is_not(None)).returning(totp_devices),
    TotpDevice,
)
_REMOVE_ALL = Effect(delete(totp_devices).where(totp_devices.c.account_id == bindparam("account")))
_REMOVE_UNCONFIRMED = Effect(
    delete(totp_devices)
    .where(totp_devices.c.account_id == bindparam("account"))
    .where(totp_devices.c.confirmed_at.is_(None))
)


def add(connection: Connection, device: TotpDevice) -> None:
    """Store an app whose first code has not come yet."""
    _ADD.run(
        connection,
        id=device.id,
        account_id=device.account_id,
        name=device.name,
        sealed=device.sealed,
        last_step=device.last_step,
        created_at=device.created_at,
        confirmed_at=device.confirmed_at,
        last_used_at=device.last_used_at,
    )


def of_account(connection: Connection, account_id: UUID) -> list[TotpDevice]:
    """The apps that count, in the order in which they came."""
    return _OF_ACCOUNT.all(connection, account=account_id)


def count(connection: Connection, account_id: UUID) -> int:
    """How many apps count."""
    return _COUNT.first(connection, account=account_id) or 0


def find_unconfirmed(
    connection: Connection, device_id: UUID, account_id: UUID, since: datetime
) -> TotpDevice | None:
    """An app of this account whose first code is waited for, if it was begun after `since`."""
    return _FIND_UNCONFIRMED.first(connection, device=device_id, account=account_id, since=since)


def confirm(connection: Connection, device_id: UUID, account_id: UUID, step: int, now: datetime) -> bool:
    """Its first code has come, for this step; from now on it counts. False when it did already."""
    return _CONFIRM.run(connection, device=device_id, account=account_id, step=step, now=now) == 1


def use(connection: Connection, device_id: UUID, account_id: UUID, step: int, now: datetime) -> bool:
    """Use the code of a step: the one statement that decides who was first, and that no step comes again."""
    return _USE.run(connection, device=device_id, account=account_id, step=step, now=now) == 1


def rename(connection: Connection, device_id: UUID, account_id: UUID, name: str) -> bool:
    """Give it another name. False when this account has no such app."""
    return _RENAME.run(connection, device=device_id, account=account_id, called=name) == 1


def remove(connection: Connection, device_id: UUID, account_id: UUID) -> TotpDevice | None:
    """Remove it; what it was, or None when this account has no such app."""
    return _REMOVE.first(connection, device=device_id, account=account_id)


def remove_all(connection: Connection, account_id: UUID) -> int:
    """Remove every app of an account, those without a first code too; how many there were."""
    return _REMOVE_ALL.run(connection, account=account_id)


def remove_unconfirmed(connection: Connection, account_id: UUID) -> int:
    """Remove those whose first code never came; how many there were."""
    return _REMOVE_UNCONFIRMED.run(connection, account=account_id)
