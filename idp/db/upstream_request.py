"""Requests on their way to the upstream provider and back: each opens one answer, once.

OpenID Connect Core §3.1.2.1. The row keeps what was asked for, so that the answer can be measured by it; what
only the browser may hold (`nonce`, the PKCE verifier) is not here.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, Table, bindparam, insert, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, UtcDateTime, Words


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request, answered or not. `digest` is that of its `state`, `max_age` is in seconds."""

    digest: bytes
    acr_values: tuple[str, ...]
    max_age: int
    asked_at: datetime
    expires_at: datetime
    used_at: datetime | None


upstream_requests = Table(
    "upstream_requests",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("acr_values", Words, nullable=False),
    Column("max_age", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

_ADD = Effect(insert(upstream_requests))
_REDEEM = Statement(
    update(upstream_requests)
    .where(upstream_requests.c.digest == bindparam("state"))
    .where(upstream_requests.c.used_at.is_(None))
    .where(upstream_requests.c.expires_at > bindparam("now"))
    .values(used_at=bindparam("now"))
    .returning(upstream_requests),
    UpstreamRequest,
)


def add(connection: Connection, request: UpstreamRequest) -> None:
    """Store a request."""
    _ADD.run(
        connection,
        digest=request.digest,
        acr_values=request.acr_values,
        max_age=request.max_age,
        asked_at=request.asked_at,
        expires_at=request.expires_at,
        used_at=request.used_at,
    )


def redeem(connection: Connection, digest: bytes, now: datetime) -> UpstreamRequest | None:
    """Use a request: the one statement that decides which answer was first. None unless it lives."""
    return _REDEEM.first(connection, state=digest, now=now)
