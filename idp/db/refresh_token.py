"""Refresh tokens: a chain in which each is used once and begets the next (RFC 9700 §4.14.2)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, bindparam, insert, select, update

from idp.db.base import CLUSTERED, metadata
from idp.db.client import clients
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Identifier, UtcDateTime, Words


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of the chain. `rotated_at` is when it was exchanged for the next."""

    digest: bytes
    client_id: str
    grant_id: UUID
    parent_digest: bytes | None
    scope: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    ends_at: datetime
    rotated_at: datetime | None


refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("grant_id", Identifier(), ForeignKey("grants.id"), nullable=False, index=True),
    # A token has at most one child whatever else goes wrong: the child's digest follows from its parent.
    Column("parent_digest", Digest()),
    Column("scope", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
    Column("rotated_at", UtcDateTime),
    **CLUSTERED,
)

_ADD = Effect(insert(refresh_tokens))
_ROTATE = Statement(
    update(refresh_tokens)
    .where(refresh_tokens.c.digest == bindparam("token"))
    .where(refresh_tokens.c.client_id == bindparam("client"))
    .where(refresh_tokens.c.rotated_at.is_(None))
    .where(refresh_tokens.c.expires_at > bindparam("now"))
    .where(refresh_tokens.c.ends_at > bindparam("now"))
    .values(rotated_at=bindparam("now"))
    .returning(*refresh_tokens.c),
    RefreshToken,
)
_FIND = Statement(
    select(refresh_tokens)
    .where(refresh_tokens.c.digest == bindparam("token"))
    .where(refresh_tokens.c.client_id == bindparam("client")),
    RefreshToken,
)
_FIND_ANY = Statement(
    select(refresh_tokens).where(refresh_tokens.c.digest == bindparam("token")), RefreshToken
)


def add(connection: Connection, token: RefreshToken) -> None:
    """Store a token."""
    _ADD.run(
        connection,
        digest=token.digest,
        client_id=token.client_id,
        grant_id=token.grant_id,
        parent_digest=token.parent_digest,
        scope=token.scope,
        created_at=token.created_at,
        expires_at=token.expires_at,
        ends_at=token.ends_at,
        rotated_at=token.rotated_at,
    )


def rotate(connection: Connection, digest: bytes, client_id: str, now: datetime) -> RefreshToken | None:
    """Use the token: the one statement that decides who was first."""
    return _ROTATE.first(connection, token=digest, client=client_id, now=now)


def find(connection: Connection, digest: bytes, client_id: str) -> RefreshToken | None:
    """A token of this client, used or not."""
    return _FIND.first(connection, token=digest, client=client_id)


def find_any(connection: Connection, digest: bytes) -> RefreshToken | None:
    """A token, whosever it is."""
    return _FIND_ANY.first(connection, token=digest)
