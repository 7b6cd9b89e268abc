"""Authorization requests that wait for a person, bound to one browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, bindparam, delete, insert, select, update

from idp.db.base import CLUSTERED, metadata
from idp.db.client import clients
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Identifier, Json, UtcDateTime


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A parked request. The `*_sid` columns say in which session a step was taken within this request."""

    digest: bytes
    binding_digest: bytes
    client_id: str
    parameters: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
    signed_in_sid: UUID | None
    selected_sid: UUID | None
    consented_sid: UUID | None
    completed_at: datetime | None


authorization_requests = Table(
    "authorization_requests",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("binding_digest", Digest(), nullable=False),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("parameters", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("signed_in_sid", Identifier()),
    Column("selected_sid", Identifier()),
    Column("consented_sid", Identifier()),
    Column("completed_at", UtcDateTime),
    **CLUSTERED,
)

_ADD = Effect(insert(authorization_requests))
_FIND = Statement(
    select(authorization_requests).where(authorization_requests.c.digest == bindparam("handle")),
    AuthorizationRequest,
)
_COMPLETE = Effect(
    update(authorization_requests)
    .where(authorization_requests.c.digest == bindparam("handle"))
    .where(authorization_requests.c.completed_at.is_(None))
    .values(completed_at=bindparam("now"))
)
_REMOVE_OF_CLIENT = Effect(
    delete(authorization_requests).where(authorization_requests.c.client_id == bindparam("client"))
)


def _mark(column: str) -> Effect:
    return Effect(
        update(authorization_requests)
        .where(authorization_requests.c.digest == bindparam("handle"))
        .where(authorization_requests.c.completed_at.is_(None))
        .values(**{column: bindparam("session")})
    )


_SIGNED_IN, _SELECTED, _CONSENTED = _mark("signed_in_sid"), _mark("selected_sid"), _mark("consented_sid")


def add(connection: Connection, request: AuthorizationRequest) -> None:
    """Park a request."""
    _ADD.run(
        connection,
        digest=request.digest,
        binding_digest=request.binding_digest,
        client_id=request.client_id,
        parameters=request.parameters,
        created_at=request.created_at,
        expires_at=request.expires_at,
        signed_in_sid=request.signed_in_sid,
        selected_sid=request.selected_sid,
        consented_sid=request.consented_sid,
        completed_at=request.completed_at,
    )


def find(connection: Connection, digest: bytes) -> AuthorizationRequest | None:
    """The request, expired and completed ones too, so that the page can say which."""
    return _FIND.first(connection, handle=digest)


def signed_in(connection: Connection, digest: bytes, sid: UUID) -> bool:
    """Someone signed in within this request. False when it was answered meanwhile."""
    return _SIGNED_IN.run(connection, handle=digest, session=sid) == 1


def selected(connection: Connection, digest: bytes, sid: UUID) -> bool:
    """The person chose to go on with this session."""
    return _SELECTED.run(connection, handle=digest, session=sid) == 1


def consented(connection: Connection, digest: bytes, sid: UUID) -> bool:
    """The person consented within this request."""
    return _CONSENTED.run(connection, handle=digest, session=sid) == 1


def complete(connection: Connection, digest: bytes, now: datetime) -> bool:
    """Answer the request, once. False when it was answered before."""
    return _COMPLETE.run(connection, handle=digest, now=now) == 1


def remove_of_client(connection: Connection, client_id: str) -> int:
    """Forget what waits for a client that is about to go; how many that were."""
    return _REMOVE_OF_CLIENT.run(connection, client=client_id)
