"""Care identities, each bound to one smartcard, and the sessions that were begun with one.

A binding goes with its card, and what is known of a session with the session: the database deletes both.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from idp.db.base import metadata
from idp.db.browser_session import browser_sessions
from idp.db.engine import Connection
from idp.db.smartcard import smartcards
from idp.db.statement import Effect, Statement
from idp.db.types import UtcDateTime


@dataclass(frozen=True, slots=True)
class CareIdentity:
    """A person as the upstream provider `issuer` knows them, and the one card of theirs that it is."""

    issuer: str
    subject: str
    smartcard_id: UUID
    linked_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class CareIdentitySession:
    """A session here that rests on one of the upstream provider, which it may have named."""

    sid: UUID
    issuer: str
    subject: str
    upstream_sid: str | None
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class BegunSession:
    """A session that the upstream provider's word ends, and whose it is."""

    sid: UUID
    account_id: UUID


care_identities = Table(
    "care_identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("smartcard_id", ForeignKey(smartcards.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
    UniqueConstraint("issuer", "smartcard_id"),
)

care_identity_sessions = Table(
    "care_identity_sessions",
    metadata,
    Column("sid", ForeignKey(browser_sessions.c.sid, ondelete="CASCADE"), primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("upstream_sid", Text),
    Column("begun_at", UtcDateTime, nullable=False),
)
Index(
    "ix_care_identity_sessions_upstream_sid",
    care_identity_sessions.c.issuer,
    care_identity_sessions.c.upstream_sid,
)
Index("ix_care_identity_sessions_subject", care_identity_sessions.c.issuer, care_identity_sessions.c.subject)

_ADD = Effect(insert(care_identities))
_IS_IT = and_(
    care_identities.c.issuer == bindparam("provider"), care_identities.c.subject == bindparam("sub")
)
_FIND = Statement(select(care_identities).where(_IS_IT), CareIdentity)
_OF_CARD = Statement(
    select(care_identities)
    .where(care_identities.c.issuer == bindparam("provider"))
    .where(care_identities.c.smartcard_id == bindparam("card")),
    CareIdentity,
)
_USED = Effect(
    update(care_identities)
    .where(_IS_IT)
    .where(care_identities.c.smartcard_id == bindparam("card"))
    .values(last_used_at=bindparam("now"))
)
_FORGET = Effect(delete(care_identity_sessions).where(care_identity_sessions.c.sid == bindparam("session")))
_BEGIN = Effect(insert(care_identity_sessions))
# Who signed in here anew since, with something else, has a session that owes nothing to the old one. Without
# a name for its own session, an answer can only be ended with all of the person's.
_BEGUN = Statement(
    select(browser_sessions.c.sid, browser_sessions.c.account_id)
    .join(care_identity_sessions, care_identity_sessions.c.sid == browser_sessions.c.sid)
    .where(care_identity_sessions.c.issuer == bindparam("provider"))
    .where(care_identity_sessions.c.begun_at <= bindparam("until"))
    .where(browser_sessions.c.auth_time <= care_identity_sessions.c.begun_at)
    .where(browser_sessions.c.ended_at.is_(None))
    .where(
        or_(
            care_identity_sessions.c.upstream_sid == bindparam("upstream"),
            and_(
                care_identity_sessions.c.subject == bindparam("sub"),
                or_(care_identity_sessions.c.upstream_sid.is_(None), bindparam("all_of_them", type_=Boolean)),
            ),
        )
    )
    .order_by(browser_sessions.c.sid),
    BegunSession,
)


def add(connection: Connection, identity: CareIdentity) -> None:
    """Bind an identity. Raises `Conflict` when it, or the card, is bound already."""
    _ADD.run(
        connection,
        issuer=identity.issuer,
        subject=identity.subject,
        smartcard_id=identity.smartcard_id,
        linked_at=identity.linked_at,
        last_used_at=identity.last_used_at,
    )


def find(connection: Connection, issuer: str, subject: str) -> CareIdentity | None:
    """The identity of that subject at that provider, and of nobody else."""
    return _FIND.first(connection, provider=issuer, sub=subject)


def find_of_card(connection: Connection, issuer: str, smartcard_id: UUID) -> CareIdentity | None:
    """The identity that a card is bound to."""
    return _OF_CARD.first(connection, provider=issuer, card=smartcard_id)


def used(connection: Connection, identity: CareIdentity, now: datetime) -> bool:
    """Remember that it was used. False when it is not bound to this card (any more)."""
    touched = _USED.run(
        connection, provider=identity.issuer, sub=identity.subject, card=identity.smartcard_id, now=now
    )
    return touched == 1


def begin_session(connection: Connection, session: CareIdentitySession) -> None:
    """Remember what a session rests on, in place of what it did before."""
    _FORGET.run(connection, session=session.sid)
    _BEGIN.run(
        connection,
        sid=session.sid,
        issuer=session.issuer,
        subject=session.subject,
        upstream_sid=session.upstream_sid,
        begun_at=session.begun_at,
    )


def begun_sessions(
    connection: Connection, issuer: str, subject: str | None, upstream_sid: str | None, until: datetime
) -> list[BegunSession]:
    """The sessions that ended upstream: those of its session, or all of the subject when it names none.

    None that was begun after `until`.
    """
    return _BEGUN.all(
        connection,
        provider=issuer,
        sub=subject,
        upstream=upstream_sid,
        all_of_them=upstream_sid is None,
        until=until,
    )
