"""Passkeys: the public key of each credential, and what its authenticator said of itself (WebAuthn §6.1)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey. `model` is its AAGUID, which somebody we trusted vouched for when it `is_attested`."""

    id: UUID
    credential_id: bytes
    account_id: UUID
    name: str
    public_key: bytes
    sign_count: int
    model: UUID | None
    transports: tuple[str, ...]
    is_backup_eligible: bool
    is_backed_up: bool
    is_attested: bool
    created_at: datetime
    last_used_at: datetime | None


passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("aaguid", Identifier()),
    Column("transports", Words, nullable=False),
    Column("is_backup_eligible", Boolean, nullable=False),
    Column("is_backed_up", Boolean, nullable=False),
    Column("is_attested", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)


def _passkey(
    passkey_id: UUID,
    credential_id: bytes,
    account_id: UUID,
    name: str,
    public_key: bytes,
    sign_count: int,
    model: UUID | None,
    transports: tuple[str, ...],
    is_backup_eligible: bool,
    is_backed_up: bool,
    is_attested: bool,
    created_at: datetime,
    last_used_at: datetime | None,
) -> Passkey:
    return Passkey(
        id=passkey_id,
        credential_id=bytes(credential_id),
        account_id=account_id,
        name=name,
        public_key=bytes(public_key),
        sign_count=sign_count,
        model=model,
        transports=transports,
        is_backup_eligible=is_backup_eligible,
        is_backed_up=is_backed_up,
        is_attested=is_attested,
        created_at=created_at,
        last_used_at=last_used_at,
    )


_is_its_own = and_(passkeys.c.id == bindparam("passkey"), passkeys.c.account_id == bindparam("account"))

_ADD = Effect(insert(passkeys))
_FIND = Statement(select(passkeys).where(passkeys.c.credential_id == bindparam("credential")), _passkey)
_OF_ACCOUNT = Statement(
    select(passkeys)
    .where(passkeys.c.account_id == bindparam("account"))
    .order_by(passkeys.c.created_at, passkeys.c.id),
    _passkey,
)
_USE = Effect(
    update(passkeys)
    .where(passkeys.c.id == bindparam("passkey"))
    .where(
        or_(
            passkeys.c.sign_count < bindparam("counted"),
            # Synced ones count nothing (WebAuthn §6.1.1).
            and_(passkeys.c.sign_count == 0, bindparam("counted", type_=BigInteger) == 0),
        )
    )
    .where(passkeys.c.is_backup_eligible == bindparam("eligible"))
    .values(
        sign_count=bindparam("counted"),
        is_backed_up=bindparam("backed_up"),
        last_used_at=bindparam("now"),
    )
)
_RENAME = Effect(update(passkeys).where(_is_its_own).values(name=bindparam("label")))
_REMOVE = Statement(delete(passkeys).where(_is_its_own).returning(*passkeys.c), _passkey)


def add(connection: Connection, passkey: Passkey) -> None:
    """Store a passkey. Raises `Conflict` when its credential is stored already, whoever's it is."""
    _ADD.run(
        connection,
        id=passkey.id,
        credential_id=passkey.credential_id,
        account_id=passkey.account_id,
        name=passkey.name,
        public_key=passkey.public_key,
        sign_count=passkey.sign_count,
        aaguid=passkey.model,
        transports=passkey.transports,
        is_backup_eligible=passkey.is_backup_eligible,
        is_backed_up=passkey.is_backed_up,
        is_attested=passkey.is_attested,
        created_at=passkey.created_at,
        last_used_at=passkey.last_used_at,
    )


def find(connection: Connection, credential_id: bytes) -> Passkey | None:
    """The passkey with that credential id, whoever's it is."""
    return _FIND.first(connection, credential=credential_id)


def of_account(connection: Connection, account_id: UUID) -> list[Passkey]:
    """All of an account's, the oldest first."""
    return _OF_ACCOUNT.all(connection, account=account_id)


def use(
    connection: Connection,
    passkey: Passkey,
    *,
    sign_count: int,
    is_backup_eligible: bool,
    is_backed_up: bool,
    now: datetime,
) -> bool:
    """Remember that it was used: the one statement that decides whether its counter went on.

    False when the counter stands still without being 0, goes back, or when it could be backed up and now
    cannot; or when it was removed.
    """
    touched = _USE.run(
        connection,
        passkey=passkey.id,
        counted=sign_count,
        eligible=is_backup_eligible,
        backed_up=is_backed_up,
        now=now,
    )
    return touched == 1


def rename(connection: Connection, passkey_id: UUID, account_id: UUID, name: str) -> bool:
    """Call it something else. False when it is not this account's."""
    return _RENAME.run(connection, passkey=passkey_id, account=account_id, label=name) == 1


def remove(connection: Connection, passkey_id: UUID, account_id: UUID) -> Passkey | None:
    """Remove it, and return what it was. None when it is not this account's."""
    return _REMOVE.first(connection, passkey=passkey_id, account=account_id)
