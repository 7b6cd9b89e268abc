"""Browser sessions: start one at sign-in, keep it alive, end it.

OWASP ASVS 5.0 §7. Every sign-in makes a new secret, and so does every new password: nothing that was planted
in a browser before can become a person's session. The same person signing in again keeps the session and
what hangs on it; another person at the same workstation ends it. A session begun with a password that must be
changed is due: it opens nothing until that is done.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from idp.db import Connection, Database, audit
from idp.db import browser_session as rows
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import reached
from idp.policy.authentication import Authentication
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
    acr: str,
    amr: tuple[str, ...],
    user_agent: str | None,
    address: str | None,
    replaces: BrowserSession | None,
    now: datetime,
) -> NewSession:
    """Begin a session, or renew the one this very account has in this browser, under a new secret."""
    secret = randomness.token()
    begun = BrowserSession(
        randomness.uuid(), account_id, now, acr, amr, now, now + lifetimes.session_absolute
    )
    idle_expires_at = now + lifetimes.session_idle
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


def find_unended(connection: Connection, secret: str | None) -> BrowserSession | None:
    """The session of the cookie until someone ends it: what has run out still has to be ended."""
    return None if not secret else rows.find_unended(connection, digest(secret))


def keep_alive(database: Database, session: BrowserSession, lifetimes: Lifetimes, now: datetime) -> None:
    """Move the idle end on, at most once a minute: a read must not become a write at every request."""
    if now - session.last_seen_at >= _TOUCH_EVERY:
        with database.write_once() as connection:
            rows.touch(connection, session.sid, now + lifetimes.session_idle, now)


def change_secret(
    connection: Connection,
    randomness: Randomness,
    lifetimes: Lifetimes,
    session: BrowserSession,
    now: datetime,
) -> NewSession | None:
    """Open the session with a new secret alone, and make it live if it was due. None when it has ended."""
    secret = randomness.token()
    is_due = session.acr == rows.PASSWORD_DUE
    assured = replace(session, acr=reached(session.amr).value) if is_due else session
    changed = rows.change_secret(connection, assured, digest(secret), now + lifetimes.session_idle, now)
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
                event="sign_out",
                account_id=session.account_id,
                sid=session.sid,
                address=address,
                client_id=client_id,
            ),
        )
    return ended


def authentication(session: BrowserSession) -> Authentication:
    """What the session says of how its person signed in."""
    return Authentication(session.account_id, session.sid, session.auth_time, session.acr, session.amr)
