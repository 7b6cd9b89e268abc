"""Browser sessions: start one at sign-in, step it up, keep it alive, end it.

OWASP ASVS 5.0 §7. Every sign-in makes a new secret, and so does every further factor and every new password:
nothing that was planted in a browser before can become a person's session. The same person signing in again
keeps the session and what hangs on it; another person at the same workstation ends it. A session that waits
for a second factor is half, one begun with a password that must be changed is due: neither opens anything
until that is done.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from idp.db import Connection, Database, audit
from idp.db import browser_session as rows
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor, acr_of, amr_of, factors_of, is_level_3
from idp.policy.authentication import Authentication
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.services.digest import digest
from idp.services.randomness import Randomness

_TOUCH_EVERY = timedelta(seconds=60)
_LONGEST_AGENT = 256


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun. Only the browser gets the secret."""

    sid: UUID
    secret: str


def start(
    connection: Connection,
    randomness: Randomness,
    lifetimes: Lifetimes,
    *,
    account_id: UUID,
    proved: tuple[Factor, ...],
    lacks: str | None,
    user_agent: str | None,
    address: str | None,
    replaces: BrowserSession | None,
    now: datetime,
    auth_time: datetime | None = None,
    nhsid_useruid: str | None = None,
) -> NewSession:
    """Begin a session, or renew the one this very account has in this browser, under a new secret.

    It `lacks` nothing when it is live; else `SECOND_FACTOR_DUE` or `PASSWORD_DUE` stands for its assurance.
    `auth_time` is when that was proved, if not now; `nhsid_useruid` the number of the card that proved it.
    """
    secret = randomness.token()
    begun = BrowserSession(
        sid=randomness.uuid(),
        account_id=account_id,
        auth_time=auth_time or now,
        acr=lacks or acr_of(proved).value,
        amr=amr_of(proved),
        last_seen_at=now,
        expires_at=now + lifetimes.session_absolute,
        factors=proved,
        nhsid_useruid=nhsid_useruid,
    )
    idle_expires_at = now + idle(lifetimes, begun.acr)
    if replaces is not None and replaces.account_id == account_id:
        renewed = replace(begun, sid=replaces.sid)
        if rows.renew(connection, renewed, digest(secret), idle_expires_at):
            return NewSession(renewed.sid, secret)
    if replaces is not None:
        end(connection, replaces, address=address, client_id=None, now=now)
    agent = None if user_agent is None else user_agent[:_LONGEST_AGENT]
    rows.add(connection, begun, digest=digest(secret), idle_expires_at=idle_expires_at, user_agent=agent)
    return NewSession(begun.sid, secret)


def find(connection: Connection, secret: str | None, now: datetime) -> BrowserSession | None:
    """The live session that the cookie opens."""
    return None if not secret else rows.find_live(connection, digest(secret), now)


def find_due(connection: Connection, secret: str | None, now: datetime) -> BrowserSession | None:
    """The session that the cookie would open if its person had changed the password."""
    return None if not secret else rows.find_due(connection, digest(secret), now)


def find_half(connection: Connection, secret: str | None, now: datetime) -> BrowserSession | None:
    """The session that the cookie would open if its person had proved a second factor."""
    return None if not secret else rows.find_half(connection, digest(secret), now)


def find_unended(connection: Connection, secret: str | None) -> BrowserSession | None:
    """The session of the cookie until someone ends it: what has run out still has to be ended."""
    return None if not secret else rows.find_unended(connection, digest(secret))


def keep_alive(database: Database, session: BrowserSession, lifetimes: Lifetimes, now: datetime) -> None:
    """Move the idle end on, at most once a minute: a read must not become a write at every request."""
    if now - session.last_seen_at >= _TOUCH_EVERY:
        with database.write_once() as connection:
            rows.touch(connection, session.sid, now + idle(lifetimes, session.acr), now)


def step_up(
    connection: Connection,
    randomness: Randomness,
    lifetimes: Lifetimes,
    session: BrowserSession,
    proved: Factor,
    *,
    lacks: str | None,
    now: datetime,
) -> NewSession | None:
    """Add a factor to a session, half or live, under a new secret. None when it is not what it was.

    `auth_time` stays: it is that of the oldest factor.
    """
    secret = randomness.token()
    factors = tuple(dict.fromkeys((*factors_of(session.factors), proved)))
    acr = lacks or acr_of(factors).value
    after = replace(session, acr=acr, amr=amr_of(factors), factors=factors)
    stepped_up = rows.step_up(connection, session, after, digest(secret), now + idle(lifetimes, acr), now)
    return NewSession(session.sid, secret) if stepped_up else None


def change_secret(
    connection: Connection,
    randomness: Randomness,
    lifetimes: Lifetimes,
    session: BrowserSession,
    now: datetime,
) -> NewSession | None:
    """Open a session that is live or due with a new secret alone, and make it live.

    None when it is not what it was.
    """
    secret = randomness.token()
    acr = acr_of(factors_of(session.factors)).value
    changed = rows.change_secret(connection, session, acr, digest(secret), now + idle(lifetimes, acr), now)
    return NewSession(session.sid, secret) if changed else None


def end(
    connection: Connection,
    session: BrowserSession,
    *,
    address: str | None,
    client_id: str | None,
    now: datetime,
) -> bool:
    """Sign out: the session and what hangs on it. False when it had ended before."""
    ended = rows.end(connection, session.sid, now)
    if ended:
        audit.record(
            connection,
            AuditEvent(
                at=now,
                event=EventName.SIGN_OUT,
                account_id=session.account_id,
                sid=session.sid,
                address=address,
                client_id=client_id,
            ),
        )
    return ended


def authentication(session: BrowserSession) -> Authentication:
    """What the session says of how its person signed in."""
    return Authentication(
        session.account_id,
        session.sid,
        session.auth_time,
        session.acr,
        session.amr,
        session.nhsid_useruid,
    )


def idle(lifetimes: Lifetimes, acr: str) -> timedelta:
    """How long a session lives unused: a half one no longer than the page that asks for the other half.

    Nor does one whose password is due live longer than it takes to choose one.
    """
    if acr == rows.SECOND_FACTOR_DUE:
        return min(lifetimes.transaction, lifetimes.session_idle)
    if acr == rows.PASSWORD_DUE:
        return min(lifetimes.due_session_idle, lifetimes.session_idle)
    return (
        min(lifetimes.session_idle_aal3, lifetimes.session_idle)
        if is_level_3(acr)
        else lifetimes.session_idle
    )
