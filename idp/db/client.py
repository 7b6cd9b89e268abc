"""Relying parties: their registered metadata (RFC 7591) and the digest of their secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, String, Table, bindparam, delete, insert, select, update

from idp.db.base import metadata as tables
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Json, UtcDateTime


@dataclass(frozen=True, slots=True)
class Client:
    """A client as stored. `metadata` is what `policy.client_metadata` writes and reads."""

    client_id: str
    metadata: Mapping[str, Any]
    secret_digest: bytes | None
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None


clients = Table(
    "clients",
    tables,
    Column("client_id", String(255), primary_key=True),
    Column("metadata", Json, nullable=False),
    Column("secret_digest", Digest()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

_ADD = Effect(insert(clients))
_FIND = Statement(select(clients).where(clients.c.client_id == bindparam("id")), Client)
_ALL = Statement(select(clients).order_by(clients.c.created_at, clients.c.client_id), Client)
_SET_SECRET = Effect(
    update(clients)
    .where(clients.c.client_id == bindparam("id"))
    .values(secret_digest=bindparam("secret"), updated_at=bindparam("at"))
)
_DISABLE = Effect(
    update(clients)
    .where(clients.c.client_id == bindparam("id"))
    .values(disabled_at=bindparam("since"), updated_at=bindparam("at"))
)
_REMOVE = Effect(delete(clients).where(clients.c.client_id == bindparam("id")))


def add(connection: Connection, client: Client) -> None:
    """Register a client. Raises `Conflict` when the id is taken."""
    _ADD.run(
        connection,
        client_id=client.client_id,
        metadata=client.metadata,
        secret_digest=client.secret_digest,
        created_at=client.created_at,
        updated_at=client.updated_at,
        disabled_at=client.disabled_at,
    )


def find(connection: Connection, client_id: str) -> Client | None:
    """The client, disabled or not."""
    return _FIND.first(connection, id=client_id)


def every(connection: Connection) -> list[Client]:
    """All clients, oldest first."""
    return _ALL.all(connection)


def set_secret(connection: Connection, client_id: str, secret_digest: bytes, now: datetime) -> bool:
    """Replace the secret. False when there is no such client."""
    return _SET_SECRET.run(connection, id=client_id, secret=secret_digest, at=now) == 1


def set_disabled(connection: Connection, client_id: str, disabled: bool, now: datetime) -> bool:
    """Disable or enable. False when there is no such client."""
    return _DISABLE.run(connection, id=client_id, since=now if disabled else None, at=now) == 1


def remove(connection: Connection, client_id: str) -> bool:
    """Remove a client that nothing refers to any more. Raises `Conflict` while something does."""
    return _REMOVE.run(connection, id=client_id) == 1
