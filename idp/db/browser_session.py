"""Browser sessions: who is signed in at the provider, in which browser, since when and how.

The cookie holds a 256-bit secret; the row is found by its digest. `sid` names the session to relying
parties (OpenID Connect Front-Channel Logout §3) and never opens it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, and_, bindparam, insert, or_, select, update

from idp.db.account import AccountState, accounts
from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.grant import grants
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Identifier, UtcDateTime, Words

PASSWORD_DUE = "password_due"  # noqa: S105 - what stands in place of an assurance
"""`acr` of a session that was begun with a password that must be changed: it assures nobody of anything."""

SECOND_FACTOR_DUE = "second_factor_due"
"""`acr` of a half session: one factor was proved, and another is due before it opens anything."""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session that is live, due or half when it was read. `factors` are those of `policy.assurance`.

    `nhsid_useruid` is the number of the card that was used, if it was one that has a number.
    """

    sid: UUID
    account_id: UUID
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    last_seen_at: datetime
    expires_at: datetime
    factors: tuple[str, ...]
    nhsid_useruid: str | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A live session, as its owner may see it."""

    sid: UUID
    user_agent: str | None
    created_at: datetime
    auth_time: datetime
    last_seen_at: datetime


browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("sid", Identifier(), primary_key=True),
    Column("digest", Digest(), nullable=False, unique=True),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("acr", Text, nullable=False),
    Column("amr", Words, nullable=False),
    Column("user_agent", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("idle_expires_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("factors", Words),
    Column("nhsid_useruid", Text),
    **CLUSTERED,
)
Index("ix_browser_sessions_expires_at", browser_sessions.c.expires_at)

_LIVE = and_(
    browser_sessions.c.ended_at.is_(None),
    browser_sessions.c.idle_expires_at > bindparam("now"),
    browser_sessions.c.expires_at > bindparam("now"),
)

_SESSION_COLUMNS = (
    browser_sessions.c.sid,
    browser_sessions.c.account_id,
    browser_sessions.c.auth_time,
    browser_sessions.c.acr,
    browser_sessions.c.amr,
    browser_sessions.c.last_seen_at,
    browser_sessions.c.expires_at,
    browser_sessions.c.factors,
    browser_sessions.c.nhsid_useruid,
)


def _session(
    sid: UUID,
    account_id: UUID,
    auth_time: datetime,
    acr: str,
    amr: tuple[str, ...],
    last_seen_at: datetime,
    expires_at: datetime,
    factors: tuple[str, ...] | None,
    nhsid_useruid: str | None,
) -> BrowserSession:
    # Before there was a second factor, sessions did not say what all of them were begun with.
    proved = factors or ("password",)
    return BrowserSession(
        sid, account_id, auth_time, acr, amr, last_seen_at, expires_at, proved, nhsid_useruid
    )


_ADD = Effect(insert(browser_sessions))
_UNEXPIRED = (
    select(*_SESSION_COLUMNS)
    .join(accounts, browser_sessions.c.account_id == accounts.c.id)
    .where(browser_sessions.c.digest == bindparam("secret"))
    .where(_LIVE)
    .where(or_(accounts.c.ends_on.is_(None), accounts.c.ends_on >= bindparam("today")))
)
_FIND = Statement(
    _UNEXPIRED.where(accounts.c.state == AccountState.ACTIVE)
    .where(browser_sessions.c.acr != PASSWORD_DUE)
    .where(browser_sessions.c.acr != SECOND_FACTOR_DUE),
    _session,
)
_FIND_DUE = Statement(
    _UNEXPIRED.where(accounts.c.state == AccountState.MUST_CHANGE_PASSWORD).where(
        browser_sessions.c.acr == PASSWORD_DUE
    ),
    _session,
)
_FIND_HALF = Statement(
    _UNEXPIRED.where(
        or_(
            accounts.c.state == AccountState.ACTIVE,
            accounts.c.state == AccountState.MUST_CHANGE_PASSWORD,
        )
    ).where(browser_sessions.c.acr == SECOND_FACTOR_DUE),
    _session,
)
_FIND_UNENDED = Statement(
    select(*_SESSION_COLUMNS)
    .where(browser_sessions.c.digest == bindparam("secret"))
    .where(browser_sessions.c.ended_at.is_(None)),
    _session,
)
# Of two factors proved at once none may be forgotten, and a sign-in that came between has begun it anew.
_AS_IT_WAS = and_(
    browser_sessions.c.sid == bindparam("session"),
    _LIVE,
    browser_sessions.c.acr == bindparam("seen_acr"),
    browser_sessions.c.amr == bindparam("seen_amr"),
    browser_sessions.c.auth_time == bindparam("seen_auth_time"),
)
_TOUCH = Effect(
    update(browser_sessions)
    .where(browser_sessions.c.sid == bindparam("session"))
    .where(_LIVE)
    .values(last_seen_at=bindparam("now"), idle_expires_at=bindparam("idle_until"))
)
_RENEW = Effect(
    update(browser_sessions)
    .where(browser_sessions.c.sid == bindparam("session"))
    .where(_LIVE)
    .values(
        digest=bindparam("secret"),
        auth_time=bindparam("authenticated"),
        acr=bindparam("reached"),
        amr=bindparam("methods"),
        factors=bindparam("proved"),
        nhsid_useruid=bindparam("useruid"),
        last_seen_at=bindparam("now"),
        idle_expires_at=bindparam("idle_until"),
        expires_at=bindparam("until"),
    )
)
_STEP_UP = Effect(
    update(browser_sessions)
    .where(_AS_IT_WAS)
    .values(
        digest=bindparam("secret"),
        acr=bindparam("reached"),
        amr=bindparam("methods"),
        factors=bindparam("proved"),
        last_seen_at=bindparam("now"),
        idle_expires_at=bindparam("idle_until"),
    )
)
_CHANGE_SECRET = Effect(
    update(browser_sessions)
    .where(_AS_IT_WAS)
    .values(
        digest=bindparam("secret"),
        acr=bindparam("reached"),
        last_seen_at=bindparam("now"),
        idle_expires_at=bindparam("idle_until"),
    )
)
_END = Effect(
    update(browser_sessions)
    .where(browser_sessions.c.sid == bindparam("session"))
    .where(browser_sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"))
)
_REVOKE_GRANTS = Effect(
    update(grants)
    .where(
        grants.c.account_id
        == select(browser_sessions.c.account_id)
        .where(browser_sessions.c.sid == bindparam("session"))
        .scalar_subquery()
    )
    .where(grants.c.sid == bindparam("session"))
    .where(grants.c.revoked_at.is_(None))
    # A grant with offline_access is meant to outlive the session (OpenID Connect Core §11).
    .where(grants.c.offline.is_(False))
    .values(revoked_at=bindparam("now"))
)
_LIVE_OF_ACCOUNT = Statement(
    select(
        browser_sessions.c.sid,
        browser_sessions.c.user_agent,
        browser_sessions.c.created_at,
        browser_sessions.c.auth_time,
        browser_sessions.c.last_seen_at,
    )
    .where(browser_sessions.c.account_id == bindparam("account"))
    .where(_LIVE)
    .where(browser_sessions.c.acr != PASSWORD_DUE)
    .where(browser_sessions.c.acr != SECOND_FACTOR_DUE)
    .order_by(browser_sessions.c.last_seen_at.desc(), browser_sessions.c.sid),
    OpenSession,
)
_END_OWN = Effect(
    update(browser_sessions)
    .where(browser_sessions.c.sid == bindparam("session"))
    .where(browser_sessions.c.account_id == bindparam("account"))
    .where(_LIVE)
    .values(ended_at=bindparam("now"))
)
# Those that outlive a session, too: who ends it from elsewhere may have lost the device.
_REVOKE_ITS_GRANTS = Effect(
    update(grants)
    .where(grants.c.account_id == bindparam("account"))
    .where(grants.c.sid == bindparam("session"))
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE_GRANTS_ELSEWHERE = Effect(
    update(grants)
    .where(grants.c.account_id == bindparam("account"))
    .where(grants.c.sid != bindparam("keep"))
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_END_OTHERS = Effect(
    update(browser_sessions)
    .where(browser_sessions.c.account_id == bindparam("account"))
    .where(browser_sessions.c.sid.is_distinct_from(bindparam("keep")))
    .where(browser_sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"))
)
_REVOKE_ALL_GRANTS = Effect(
    update(grants)
    .where(grants.c.account_id == bindparam("account"))
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)


def add(
    connection: Connection,
    session: BrowserSession,
    *,
    digest: bytes,
    idle_expires_at: datetime,
    user_agent: str | None,
) -> None:
    """Start a session that the secret with this digest opens."""
    _ADD.run(
        connection,
        sid=session.sid,
        digest=digest,
        account_id=session.account_id,
        auth_time=session.auth_time,
        acr=session.acr,
        amr=session.amr,
        user_agent=user_agent,
        created_at=session.last_seen_at,
        last_seen_at=session.last_seen_at,
        idle_expires_at=idle_expires_at,
        expires_at=session.expires_at,
        ended_at=None,
        factors=session.factors,
        nhsid_useruid=session.nhsid_useruid,
    )


def find_live(connection: Connection, digest: bytes, now: datetime) -> BrowserSession | None:
    """The live session of an account that may sign in."""
    return _FIND.first(connection, secret=digest, now=now, today=now.date())


def find_due(connection: Connection, digest: bytes, now: datetime) -> BrowserSession | None:
    """The session that opens nothing until its person has changed the password that began it.

    A session that was live when the account became due is none: who has its cookie may not know the password.
    """
    return _FIND_DUE.first(connection, secret=digest, now=now, today=now.date())


def find_half(connection: Connection, digest: bytes, now: datetime) -> BrowserSession | None:
    """The session that opens nothing until its person has proved a second factor."""
    return _FIND_HALF.first(connection, secret=digest, now=now, today=now.date())


def find_unended(connection: Connection, digest: bytes) -> BrowserSession | None:
    """The session that nobody has ended, though it may have run out: its grants may still be alive."""
    return _FIND_UNENDED.first(connection, secret=digest)


def touch(connection: Connection, sid: UUID, idle_expires_at: datetime, now: datetime) -> bool:
    """Move the idle end on. False when it has ended meanwhile, and so it stays."""
    return _TOUCH.run(connection, session=sid, now=now, idle_until=idle_expires_at) == 1


def renew(connection: Connection, session: BrowserSession, digest: bytes, idle_expires_at: datetime) -> bool:
    """The same account signed in again: a new secret opens the session. False when it has ended."""
    return (
        _RENEW.run(
            connection,
            session=session.sid,
            secret=digest,
            now=session.last_seen_at,
            authenticated=session.auth_time,
            reached=session.acr,
            methods=session.amr,
            proved=session.factors,
            useruid=session.nhsid_useruid,
            idle_until=idle_expires_at,
            until=session.expires_at,
        )
        == 1
    )


def step_up(
    connection: Connection,
    before: BrowserSession,
    after: BrowserSession,
    digest: bytes,
    idle_expires_at: datetime,
    now: datetime,
) -> bool:
    """Give a session more factors, and a new secret. False when it has ended, or is not what it was."""
    touched = _STEP_UP.run(
        connection,
        **_seen(before),
        secret=digest,
        reached=after.acr,
        methods=after.amr,
        proved=after.factors,
        now=now,
        idle_until=idle_expires_at,
    )
    return touched == 1


def change_secret(
    connection: Connection,
    before: BrowserSession,
    acr: str,
    digest: bytes,
    idle_expires_at: datetime,
    now: datetime,
) -> bool:
    """Open the session with a new secret alone, and this `acr`. False when it is not what it was."""
    touched = _CHANGE_SECRET.run(
        connection,
        **_seen(before),
        secret=digest,
        reached=acr,
        now=now,
        idle_until=idle_expires_at,
    )
    return touched == 1


def end(connection: Connection, sid: UUID, now: datetime) -> bool:
    """End a session and revoke the grants that hang on it. False when it had ended before."""
    ended = _END.run(connection, session=sid, now=now) == 1
    _REVOKE_GRANTS.run(connection, session=sid, now=now)
    return ended


def end_all(connection: Connection, account_id: UUID, now: datetime) -> int:
    """End every session of an account and revoke all its grants; the number of sessions ended."""
    return end_others(connection, account_id, None, now)


def end_others(connection: Connection, account_id: UUID, keep_sid: UUID | None, now: datetime) -> int:
    """The same, but keep one session: after a new password it has no grant either."""
    ended = _END_OTHERS.run(connection, account=account_id, keep=keep_sid, now=now)
    _REVOKE_ALL_GRANTS.run(connection, account=account_id, now=now)
    return ended


def live_of_account(connection: Connection, account_id: UUID, now: datetime) -> list[OpenSession]:
    """Where an account is signed in, the session that was used last first; none that is half or due."""
    return _LIVE_OF_ACCOUNT.all(connection, account=account_id, now=now)


def end_own(connection: Connection, sid: UUID, account_id: UUID, now: datetime) -> bool:
    """End a live session of this account from another one, with all its grants. False when it is none."""
    if _END_OWN.run(connection, session=sid, account=account_id, now=now) == 0:
        return False
    _REVOKE_ITS_GRANTS.run(connection, session=sid, account=account_id, now=now)
    return True


def end_elsewhere(connection: Connection, account_id: UUID, keep_sid: UUID, now: datetime) -> int:
    """End every session of an account but one, and revoke every grant that is not this one's."""
    ended = _END_OTHERS.run(connection, account=account_id, keep=keep_sid, now=now)
    _REVOKE_GRANTS_ELSEWHERE.run(connection, account=account_id, keep=keep_sid, now=now)
    return ended


def _seen(before: BrowserSession) -> dict[str, object]:
    return {
        "session": before.sid,
        "seen_acr": before.acr,
        "seen_amr": before.amr,
        "seen_auth_time": before.auth_time,
    }
