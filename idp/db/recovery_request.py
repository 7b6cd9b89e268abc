"""Requests for login details: what a person typed, encrypted, until a worker has looked whose it is.

A page stores one of these and nothing else, so that a stranger's request and a member's cost the same. The
browser's handle finds its row again by digest, to send the mail once more.

A worker claims one row at a time, in a transaction of its own; the number of the attempt is the fence for one
that was held up beyond its lease. What is finished has no `next_attempt_at`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Integer, LargeBinary, String, Table, bindparam, func, insert, select, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Choice, Digest, UtcDateTime
from idp.policy.recovery import Kind


@dataclass(frozen=True, slots=True)
class RecoveryRequest:
    """A request. `attempts` counts how often a worker has claimed it."""

    digest: bytes
    kind: Kind
    reference: str
    sealed: bytes
    created_at: datetime
    expires_at: datetime
    next_attempt_at: datetime | None
    attempts: int


recovery_requests = Table(
    "recovery_requests",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("kind", Choice(Kind), nullable=False),
    Column("reference", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("next_attempt_at", UtcDateTime, index=True),
    Column("attempts", Integer, nullable=False),
)

_ADD = Effect(insert(recovery_requests))
_FIND = Statement(
    select(recovery_requests).where(recovery_requests.c.digest == bindparam("handle")), RecoveryRequest
)
_OF_REFERENCE = Statement(
    select(recovery_requests)
    .where(recovery_requests.c.reference == bindparam("ref"))
    .order_by(recovery_requests.c.created_at),
    RecoveryRequest,
)
_is_due = recovery_requests.c.next_attempt_at <= bindparam("now")
_CLAIM = Statement(
    update(recovery_requests)
    .where(
        recovery_requests.c.digest
        == select(recovery_requests.c.digest)
        .where(_is_due)
        .order_by(recovery_requests.c.next_attempt_at)
        .limit(1)
        # PostgreSQL: workers do not queue behind one another, each takes the next row.
        .with_for_update(skip_locked=True)
        .scalar_subquery(),
        _is_due,
    )
    .values(next_attempt_at=bindparam("lease_until"), attempts=recovery_requests.c.attempts + 1)
    .returning(recovery_requests),
    RecoveryRequest,
)
_SCHEDULE = Effect(
    update(recovery_requests)
    .where(recovery_requests.c.digest == bindparam("handle"))
    .where(recovery_requests.c.attempts == bindparam("attempt"))
    .where(recovery_requests.c.next_attempt_at.is_not(None))
    .values(next_attempt_at=bindparam("next"))
)
_AGAIN = Effect(
    update(recovery_requests)
    .where(recovery_requests.c.digest == bindparam("handle"))
    # What still waits is answered soon; what is being answered must not be answered twice at once.
    .where(recovery_requests.c.next_attempt_at.is_(None))
    .values(next_attempt_at=bindparam("now"))
)

_WAITING = Statement(
    select(func.count())
    .select_from(recovery_requests)
    .where(recovery_requests.c.next_attempt_at.is_not(None)),
    lambda count: count,
)


def add(connection: Connection, request: RecoveryRequest) -> None:
    """Store a request."""
    _ADD.run(
        connection,
        digest=request.digest,
        kind=request.kind,
        reference=request.reference,
        sealed=request.sealed,
        created_at=request.created_at,
        expires_at=request.expires_at,
        next_attempt_at=request.next_attempt_at,
        attempts=request.attempts,
    )


def find(connection: Connection, digest: bytes) -> RecoveryRequest | None:
    """The request of that handle."""
    return _FIND.first(connection, handle=digest)


def of_reference(connection: Connection, reference: str) -> list[RecoveryRequest]:
    """The requests under a reference, which two may share; those that are still kept."""
    return _OF_REFERENCE.all(connection, ref=reference)


def claim(connection: Connection, now: datetime, lease: timedelta) -> RecoveryRequest | None:
    """Take the request that has been due for longest, for the length of the lease; None when none is due."""
    return _CLAIM.first(connection, now=now, lease_until=now + lease)


def finish(connection: Connection, request: RecoveryRequest) -> bool:
    """Note that nothing is left to do; False when somebody else has claimed or finished it since."""
    return _schedule(connection, request, None)


def put_off(connection: Connection, request: RecoveryRequest, until: datetime) -> bool:
    """Try again at `until`; False when somebody else has claimed or finished it since."""
    return _schedule(connection, request, until)


def again(connection: Connection, digest: bytes, now: datetime) -> bool:
    """Make a finished request due once more; False when it is not finished."""
    return _AGAIN.run(connection, handle=digest, now=now) == 1


def waiting(connection: Connection) -> int:
    """How many requests no worker has finished."""
    return _WAITING.first(connection) or 0


def _schedule(connection: Connection, request: RecoveryRequest, at: datetime | None) -> bool:
    return _SCHEDULE.run(connection, handle=request.digest, attempt=request.attempts, next=at) == 1
