"""Authorization codes: issued once, redeemed once (RFC 6749 §4.1)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, Text, bindparam, delete, insert, select, update

from idp.db.account import accounts
from idp.db.base import CLUSTERED, metadata
from idp.db.client import clients
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Identifier, UtcDateTime, Words


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for. `grant_id` names the grant its redemption makes."""

    digest: bytes
    client_id: str
    grant_id: UUID
    account_id: UUID
    sid: UUID
    redirect_uri: str
    scope: tuple[str, ...]
    nonce: str | None
    code_challenge: str | None
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    nhsid_useruid: str | None = None


authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("grant_id", Identifier(), nullable=False),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False),
    Column("sid", Identifier(), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("scope", Words, nullable=False),
    Column("nonce", Text),
    Column("code_challenge", Text),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("acr", Text, nullable=False),
    Column("amr", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("redeemed_at", UtcDateTime),
    Column("nhsid_useruid", Text),
    **CLUSTERED,
)

_COLUMNS = tuple(column for column in authorization_codes.c if column.name != "redeemed_at")

_ADD = Effect(insert(authorization_codes), columns=[column.name for column in _COLUMNS])
_REDEEM = Statement(
    update(authorization_codes)
    .where(authorization_codes.c.digest == bindparam("code"))
    .where(authorization_codes.c.client_id == bindparam("client"))
    .where(authorization_codes.c.redeemed_at.is_(None))
    .values(redeemed_at=bindparam("now"))
    .returning(*_COLUMNS),
    AuthorizationCode,
)
_FIND_REDEEMED = Statement(
    select(authorization_codes.c.grant_id)
    .where(authorization_codes.c.digest == bindparam("code"))
    .where(authorization_codes.c.client_id == bindparam("client"))
    .where(authorization_codes.c.redeemed_at.is_not(None)),
    lambda grant_id: grant_id,
)
_REMOVE_LOST = Effect(
    delete(authorization_codes)
    .where(authorization_codes.c.client_id == bindparam("client"))
    .where(authorization_codes.c.redeemed_at.is_(None))
    .where(authorization_codes.c.expires_at <= bindparam("now"))
)

_REMOVE_UNREDEEMED = Effect(
    delete(authorization_codes).where(
        authorization_codes.c.digest.in_(
            select(authorization_codes.c.digest)
            .where(authorization_codes.c.account_id == bindparam("account"))
            .where(authorization_codes.c.client_id == bindparam("client"))
            .where(authorization_codes.c.redeemed_at.is_(None))
            # Who redeems one now waits for the session or the consent that we hold: we do not wait in turn.
            .with_for_update(skip_locked=True)
        )
    )
)


def add(connection: Connection, code: AuthorizationCode) -> None:
    """Store a code."""
    _ADD.run(connection, **{column.name: getattr(code, column.name) for column in _COLUMNS})


def redeem(connection: Connection, digest: bytes, client_id: str, now: datetime) -> AuthorizationCode | None:
    """Spend the code of this client: the one statement that decides who was first. Expiry is the caller's."""
    return _REDEEM.first(connection, code=digest, client=client_id, now=now)


def find_redeemed(connection: Connection, digest: bytes, client_id: str) -> UUID | None:
    """The grant of a code that this client has spent before (RFC 6749 §4.1.2: it must be revoked)."""
    return _FIND_REDEEMED.first(connection, code=digest, client=client_id)


def remove_lost(connection: Connection, client_id: str, now: datetime) -> int:
    """Forget the codes that a client let expire; how many that were."""
    return _REMOVE_LOST.run(connection, client=client_id, now=now)


def remove_unredeemed(connection: Connection, account_id: UUID, client_id: str) -> int:
    """Forget the codes of an account that a client has not redeemed yet; how many that were.

    One that is being redeemed at this moment is left alone.
    """
    return _REMOVE_UNREDEEMED.run(connection, account=account_id, client=client_id)
