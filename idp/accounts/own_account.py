"""What owners see of their own account, and end: sessions, trusted devices, what was not them.

OWASP ASVS 5.0 §6.3.5, §7.4.4, §7.5.2. Each act begins with the account's row and the session that acts: one
that has ended meanwhile changes nothing any more. What is named by an id is looked for within the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from idp.accounts.browser_session import idle
from idp.db import Connection, activity, audit, consent, link, person, trusted_device
from idp.db import browser_session as rows
from idp.db.activity import Event
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession, OpenSession
from idp.db.consent import Consent
from idp.db.trusted_device import TrustedDevice
from idp.policy.activity import DISOWNED
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.services.digest import digest

RECENT: Final = timedelta(days=30)
"""How far back an owner sees."""

MOST_EVENTS: Final = 50


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, from where and when: the person of a live session."""

    session: BrowserSession
    address: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is of an account. `this_device` is the trusted device of the browser that asks."""

    sessions: list[OpenSession]
    devices: list[TrustedDevice]
    this_device: UUID | None
    consents: list[Consent]


@dataclass(frozen=True, slots=True)
class History:
    """What happened lately, newest first, and the numbers of those events that the owner has disowned."""

    events: list[Event]
    disowned: frozenset[int]


def look(connection: Connection, acting: Acting, trusted: str | None) -> Seen:
    """What is open in the name of an account; `trusted` is the token of the browser that asks, if any."""
    account_id, now = acting.session.account_id, acting.now
    this = trusted_device.find(connection, digest(trusted), account_id, now) if trusted else None
    return Seen(
        rows.live_of_account(connection, account_id, now),
        trusted_device.of_account(connection, account_id, now),
        None if this is None else this.id,
        consent.of_account(connection, account_id),
    )


def look_back(connection: Connection, acting: Acting, limit: int = MOST_EVENTS) -> History:
    """What happened to an account lately."""
    account_id, since = acting.session.account_id, acting.now - RECENT
    return History(
        activity.of_account(connection, account_id, since, limit),
        activity.disowned(connection, account_id, since),
    )


def hold(connection: Connection, acting: Acting, lifetimes: Lifetimes) -> bool:
    """Whether the session still acts; until the transaction ends nobody else changes its account."""
    session = acting.session
    link.hold_account(connection, session.account_id)
    return rows.touch(connection, session.sid, acting.now + idle(lifetimes, session.acr), acting.now)


def end_session(connection: Connection, acting: Acting, sid: UUID) -> bool:
    """Sign out in one browser, and end what applications got there. False without such a session."""
    if not rows.end_own(connection, sid, acting.session.account_id, acting.now):
        return False
    _record(connection, acting, EventName.SESSION_ENDED, {"sid": str(sid)})
    return True


def end_other_sessions(connection: Connection, acting: Acting) -> bool:
    """Sign out everywhere but here."""
    ended = rows.end_elsewhere(connection, acting.session.account_id, acting.session.sid, acting.now)
    _record(connection, acting, EventName.SESSION_ENDED, {"sessions": ended})
    return True


def revoke_device(connection: Connection, acting: Acting, device_id: UUID) -> bool:
    """Ask for the second factor again on a device. False without such a device."""
    if not trusted_device.revoke(connection, device_id, acting.session.account_id, acting.now):
        return False
    _record(connection, acting, EventName.TRUSTED_DEVICE_REVOKED, {"device": str(device_id)})
    return True


def disown(connection: Connection, acting: Acting, seq: int) -> bool:
    """The owner says that an event was somebody else's: that one must be out before the password is changed.

    The event stays as it was, a new one marks it. False without such an event.
    """
    account_id, now = acting.session.account_id, acting.now
    found = activity.find(connection, account_id, seq, now - RECENT)
    if found is None:
        return False
    ended = rows.end_elsewhere(connection, account_id, acting.session.sid, now)
    revoked = trusted_device.revoke_all(connection, account_id, now)
    detail = {"seq": seq, "event": found.event, "sessions": ended, "trusted_devices": revoked}
    _record(connection, acting, DISOWNED, detail)
    return True


def set_language(connection: Connection, acting: Acting, person_id: UUID, language: str) -> bool:
    """Write to the person in this language from now on. False when that was so."""
    if not person.set_language(connection, person_id, language):
        return False
    _record(connection, acting, EventName.PERSON_LANGUAGE_CHANGED, {"language": language})
    return True


def _record(connection: Connection, acting: Acting, event: EventName, detail: Mapping[str, object]) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=acting.now,
            event=event,
            account_id=acting.session.account_id,
            sid=acting.session.sid,
            address=acting.address,
            detail=detail,
        ),
    )
