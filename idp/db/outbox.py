"""Mail that waits to be sent: stored in the transaction of its cause, its content encrypted until then.

A worker claims one row at a time for as long as sending may take, in a transaction of its own. The number of
the attempt is the fence: a worker that was held up beyond its lease marks nothing, because another one has
claimed the row since. `last_error` is empty while somebody is sending.

`person_id` and `reference` say whose it is and which page promised it. No foreign key: what was sent stays
true after a person is removed.

Welcome letters go last: nobody who has lost a password waits for the thousands of an import.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Update,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime

outbox = Table(
    "outbox",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("next_attempt_at", UtcDateTime, index=True),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("failed_at", UtcDateTime, index=True),
    Column("person_id", Identifier(), index=True),
    Column("reference", String(16), index=True),
    Column("last_error", Text),
)
# A literal, so that both databases see that the index below is meant.
_is_urgent = outbox.c.kind != literal_column("'welcome'")
Index("ix_outbox_urgent", outbox.c.next_attempt_at, sqlite_where=_is_urgent, postgresql_where=_is_urgent)


class State(StrEnum):
    """Where a mail is: to be sent, at once or later; with the mail server; or not sent for a day.

    Or not needed any more: a newer one says the same with links that work.
    """

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this worker alone may send, until `until`. `attempts` counts this attempt."""

    id: UUID
    kind: str
    sealed: bytes | None
    created_at: datetime
    attempts: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """What administrators see of a mail: never its content, of which they learn only whether it is kept."""

    id: UUID
    kind: str
    created_at: datetime
    next_attempt_at: datetime | None
    attempts: int
    delivered_at: datetime | None
    failed_at: datetime | None
    person_id: UUID | None
    reference: str | None
    last_error: str | None
    has_content: bool

    @property
    def state(self) -> State:
        """Where it is."""
        if self.delivered_at is not None:
            return State.SENT
        if self.failed_at is not None:
            return State.GIVEN_UP
        return State.SUPERSEDED if self.next_attempt_at is None else State.WAITING


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to worry about. `oldest_waiting` is when the oldest unsent mail was stored."""

    waiting: int
    given_up: int
    oldest_waiting: datetime | None


_IS: dict[State, tuple[ColumnElement[bool], ...]] = {
    State.WAITING: (outbox.c.next_attempt_at.is_not(None),),
    State.SENT: (outbox.c.delivered_at.is_not(None),),
    State.GIVEN_UP: (outbox.c.failed_at.is_not(None),),
    State.SUPERSEDED: tuple(
        column.is_(None) for column in (outbox.c.next_attempt_at, outbox.c.delivered_at, outbox.c.failed_at)
    ),
}

_NEW = ("id", "kind", "sealed", "created_at", "next_attempt_at", "attempts", "person_id", "reference")
_ADD = Effect(insert(outbox), columns=_NEW)

_is_due = outbox.c.next_attempt_at <= bindparam("now")
_next = (
    select(outbox.c.id)
    .where(_is_due)
    .order_by(outbox.c.next_attempt_at)
    .limit(1)
    # PostgreSQL: workers do not queue behind one another, each takes the next row.
    .with_for_update(skip_locked=True)
)
_CLAIM = Statement(
    update(outbox)
    .where(
        outbox.c.id == func.coalesce(_next.where(_is_urgent).scalar_subquery(), _next.scalar_subquery()),
        _is_due,
    )
    .values(
        next_attempt_at=bindparam("lease_until"),
        attempts=outbox.c.attempts + 1,
        last_error=None,
    )
    .returning(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.sealed,
        outbox.c.created_at,
        outbox.c.attempts,
        outbox.c.next_attempt_at,
    ),
    Claimed,
)


def _of_this_attempt() -> Update:
    return (
        update(outbox)
        .where(outbox.c.id == bindparam("mail"))
        .where(outbox.c.attempts == bindparam("attempt"))
        .where(outbox.c.next_attempt_at.is_not(None))
    )


_DELIVERED = Effect(
    _of_this_attempt().values(
        delivered_at=bindparam("at"), sealed=None, next_attempt_at=None, last_error=None
    )
)
_PUT_OFF = Effect(_of_this_attempt().values(next_attempt_at=bindparam("until"), last_error=bindparam("why")))
_GIVE_UP = Effect(
    _of_this_attempt().values(failed_at=bindparam("at"), next_attempt_at=None, last_error=bindparam("why"))
)

_SEEN = (
    outbox.c.id,
    outbox.c.kind,
    outbox.c.created_at,
    outbox.c.next_attempt_at,
    outbox.c.attempts,
    outbox.c.delivered_at,
    outbox.c.failed_at,
    outbox.c.person_id,
    outbox.c.reference,
    outbox.c.last_error,
    outbox.c.sealed.is_not(None),
)
_FIND = Statement(select(*_SEEN).where(outbox.c.id == bindparam("mail")), Mail)

# Not while a worker is sending it: it would go out twice, or be called unsent though it went out.
_is_idle = or_(outbox.c.attempts == 0, outbox.c.last_error.is_not(None), _is_due)
_SUPERSEDE = Effect(
    update(outbox)
    .where(outbox.c.person_id == bindparam("person"))
    .where(outbox.c.kind == bindparam("which"))
    .where(*_IS[State.WAITING], _is_idle)
    .values(sealed=None, next_attempt_at=None, last_error=bindparam("why"))
)

_has_content = outbox.c.sealed.is_not(None)
_again = update(outbox).values(next_attempt_at=bindparam("now"), failed_at=None)
_RETRY = Effect(
    _again.where(
        outbox.c.id == bindparam("mail"),
        _has_content,
        _is_idle,
    )
)
_RETRY_GIVEN_UP = Effect(_again.where(_has_content, *_IS[State.GIVEN_UP]))

_WAITING = Statement(
    select(func.count(), func.min(outbox.c.created_at)).where(*_IS[State.WAITING]),
    lambda count, oldest: (count, oldest),
)
_GIVEN_UP = Statement(
    select(func.count()).select_from(outbox).where(*_IS[State.GIVEN_UP]), lambda count: count
)


def add(
    connection: Connection,
    mail_id: UUID,
    kind: str,
    sealed: bytes,
    *,
    person_id: UUID | None,
    reference: str | None,
    now: datetime,
) -> None:
    """Store a mail that is due at once."""
    _ADD.run(
        connection,
        id=mail_id,
        kind=kind,
        sealed=sealed,
        created_at=now,
        next_attempt_at=now,
        attempts=0,
        person_id=person_id,
        reference=reference,
    )


def claim(connection: Connection, now: datetime, lease: timedelta) -> Claimed | None:
    """Take a mail for the length of the lease; None when none is due.

    It is the one that has been due for longest, and a welcome only when nothing else is due.
    """
    return _CLAIM.first(connection, now=now, lease_until=now + lease)


def delivered(connection: Connection, mail_id: UUID, attempts: int, now: datetime) -> bool:
    """Note that it was sent, and erase its content; False when somebody else has claimed it since."""
    return _DELIVERED.run(connection, mail=mail_id, attempt=attempts, at=now) == 1


def put_off(connection: Connection, mail_id: UUID, attempts: int, until: datetime, why: str) -> bool:
    """Try again at `until`; False when somebody else has claimed it since."""
    return _PUT_OFF.run(connection, mail=mail_id, attempt=attempts, until=until, why=why) == 1


def give_up(connection: Connection, mail_id: UUID, attempts: int, now: datetime, why: str) -> bool:
    """Try no more, unless an administrator says so; False when somebody else has claimed it since."""
    return _GIVE_UP.run(connection, mail=mail_id, attempt=attempts, at=now, why=why) == 1


def supersede(connection: Connection, person_id: UUID, kind: str, now: datetime) -> int:
    """Send a person's mails of this kind no more that wait, and erase their content; how many.

    One that a worker is sending at this moment goes out.
    """
    return _SUPERSEDE.run(connection, person=person_id, which=kind, now=now, why="A newer one took its place")


def find(connection: Connection, mail_id: UUID) -> Mail | None:
    """One mail."""
    return _FIND.first(connection, mail=mail_id)


def newest(
    connection: Connection,
    limit: int,
    *,
    state: State | None = None,
    person_id: UUID | None = None,
    reference: str | None = None,
) -> Sequence[Mail]:
    """Mails for administrators, newest first, of a state, person and reference as far as they are named."""
    clause = select(*_SEEN).where(*(() if state is None else _IS[state]))
    if person_id is not None:
        clause = clause.where(outbox.c.person_id == person_id)
    if reference is not None:
        clause = clause.where(outbox.c.reference == reference)
    ordered = clause.order_by(outbox.c.created_at.desc(), outbox.c.id).limit(limit)
    return Statement(ordered, Mail).all(connection)


def retry(connection: Connection, mail_id: UUID, now: datetime) -> bool:
    """Make a mail due now; False when its content is gone, or a worker is sending it at this moment."""
    return _RETRY.run(connection, mail=mail_id, now=now) == 1


def retry_given_up(connection: Connection, now: datetime) -> int:
    """Make every mail due now that was given up; how many."""
    return _RETRY_GIVEN_UP.run(connection, now=now)


def counts(connection: Connection) -> Counts:
    """How many mails wait and were given up."""
    waiting, oldest = _WAITING.first(connection) or (0, None)
    return Counts(waiting, _GIVEN_UP.first(connection) or 0, oldest)
