"""Trusted devices: browsers in which an account is not asked for its second factor for a while.

The cookie holds a 256-bit token, the row its digest. A row ends by time or by a revocation, and never lives
again.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, Text, bindparam, insert, select, update

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Identifier, UtcDateTime


@dataclass(frozen=True, slots=True)
class TrustedDevice:
    """A browser that is trusted, as its owner may see it."""

    id: UUID
    account_id: UUID
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


trusted_devices = Table(
    "trusted_devices",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("digest", Digest(), nullable=False, unique=True),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("user_agent", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
)

_SHOWN = (
    trusted_devices.c.id,
    trusted_devices.c.account_id,
    trusted_devices.c.user_agent,
    trusted_devices.c.created_at,
    trusted_devices.c.last_used_at,
    trusted_devices.c.expires_at,
)
_OF_ACCOUNT_AND_LIVE = (
    trusted_devices.c.account_id == bindparam("account"),
    trusted_devices.c.revoked_at.is_(None),
    trusted_devices.c.expires_at > bindparam("now"),
)
_ADD = Effect(insert(trusted_devices))
_FIND = Statement(
    select(*_SHOWN).where(trusted_devices.c.digest == bindparam("token")).where(*_OF_ACCOUNT_AND_LIVE),
    TrustedDevice,
)
_TOUCH = Effect(
    update(trusted_devices)
    .where(trusted_devices.c.id == bindparam("device"))
    .where(trusted_devices.c.revoked_at.is_(None))
    .values(last_used_at=bindparam("now"))
)
_OF_ACCOUNT = Statement(
    select(*_SHOWN)
    .where(*_OF_ACCOUNT_AND_LIVE)
    .order_by(trusted_devices.c.last_used_at.desc(), trusted_devices.c.id),
    TrustedDevice,
)
_REVOKE = Effect(
    update(trusted_devices)
    .where(trusted_devices.c.id == bindparam("device"))
    .where(*_OF_ACCOUNT_AND_LIVE)
    .values(revoked_at=bindparam("now"))
)
_REVOKE_ALL = Effect(update(trusted_devices).where(*_OF_ACCOUNT_AND_LIVE).values(revoked_at=bindparam("now")))


def add(connection: Connection, device: TrustedDevice, digest: bytes) -> None:
    """Trust the browser that holds the token with this digest."""
    _ADD.run(
        connection,
        id=device.id,
        digest=digest,
        account_id=device.account_id,
        user_agent=device.user_agent,
        created_at=device.created_at,
        last_used_at=device.last_used_at,
        expires_at=device.expires_at,
        revoked_at=None,
    )


def find(connection: Connection, digest: bytes, account_id: UUID, now: datetime) -> TrustedDevice | None:
    """The trusted browser of this token and this very account, while it is trusted."""
    return _FIND.first(connection, token=digest, account=account_id, now=now)


def touch(connection: Connection, device_id: UUID, now: datetime) -> None:
    """Note that it was used."""
    _TOUCH.run(connection, device=device_id, now=now)


def of_account(connection: Connection, account_id: UUID, now: datetime) -> list[TrustedDevice]:
    """Those an account trusts, the one that was used last first."""
    return _OF_ACCOUNT.all(connection, account=account_id, now=now)


def revoke(connection: Connection, device_id: UUID, account_id: UUID, now: datetime) -> bool:
    """Trust it no longer. False when it is not this account's, or was trusted no more."""
    return _REVOKE.run(connection, device=device_id, account=account_id, now=now) == 1


def revoke_all(connection: Connection, account_id: UUID, now: datetime) -> int:
    """Trust none of an account's any longer; how many there were."""
    return _REVOKE_ALL.run(connection, account=account_id, now=now)
