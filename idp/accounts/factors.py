"""New recovery codes for who has a second factor, and the service desk's removal of them all.

OWASP ASVS 5.0 §6.3.7, §6.5.1, §7.5.1. All in one transaction that begins with the account's row, so that a
session which a new password has ended changes nothing any more. Any change ends the devices that are trusted.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.accounts import text
from idp.accounts.attempt import Attempts
from idp.accounts.browser_session import idle
from idp.accounts.factor_news import Change, Changed, FactorNews
from idp.accounts.permission import Permissions, Withheld
from idp.accounts.post import Post
from idp.accounts.recovery_code import RecoveryCodes
from idp.db import (
    Connection,
    Database,
    attempt,
    audit,
    link,
    passkey,
    recovery_code,
    second_factor,
    totp_device,
    trusted_device,
)
from idp.db import browser_session as rows
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor
from idp.policy.enrolment import Permission
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.services.clock import Clock

LONGEST_NAME = 60
"""Characters of what an app is called."""


@dataclass(frozen=True, slots=True)
class Reset:
    """What the service desk removed, and how many sessions it ended."""

    apps: int
    passkeys: int
    recovery_codes: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Factors:
    """The service over what it needs. It asks for a session that has proved every factor just now."""

    database: Database
    recovery_codes: RecoveryCodes
    permissions: Permissions
    news: FactorNews
    lifetimes: Lifetimes
    clock: Clock

    def withheld(self, session: BrowserSession) -> Withheld | None:
        """What stands between this session and a change; None when nothing does."""
        with self.database.read() as connection:
            return self.permissions.withheld(connection, session, self.clock.now())

    def codes_left(self, session: BrowserSession) -> int:
        """How many recovery codes can still be used."""
        with self.database.read() as connection:
            return self.recovery_codes.left(connection, session.account_id)

    def make_recovery_codes(self, session: BrowserSession, *, address: str) -> tuple[str, ...] | Withheld:
        """Ten new codes, to be shown once, in place of those the account had. Raises `hashing.Busy`."""
        withheld = self.withheld(session)
        if withheld is not None:
            return withheld
        codes = self.recovery_codes.draw()
        now = self.clock.now()
        with self.database.write() as connection:
            withheld = self._begin(connection, session, now)
            if withheld is not None:
                return withheld
            self.recovery_codes.store(connection, session.account_id, codes, now)
            self.news.added(connection, _change(session, Changed.RECOVERY_CODES, None, address, now))
        return codes.shown

    def _begin(self, connection: Connection, session: BrowserSession, now: datetime) -> Withheld | None:
        link.hold_account(connection, session.account_id)
        is_live = rows.touch(connection, session.sid, now + idle(self.lifetimes, session.acr), now)
        if not is_live:
            return Withheld(Permission.LOG_IN)
        withheld = self.permissions.withheld(connection, session, now)
        if withheld is None:
            trusted_device.revoke_all(connection, session.account_id, now)
        return withheld


def without_factor(connection: Connection, account_id: UUID) -> None:
    """Forget the recovery codes of an account whose last factor was removed: they stood in for it."""
    if not second_factor.of_account(connection, account_id):
        recovery_code.remove_all(connection, account_id)


def reset(
    connection: Connection, post: Post, attempts: Attempts, found: Account, now: datetime
) -> Reset | None:
    """Remove every factor but password and card, for the service desk; None when there was none.

    Who then signs in enrols afresh, with a second proof. Wrong guesses at codes are forgotten, sessions end.
    """
    apps = totp_device.remove_all(connection, found.id)
    codes = recovery_code.remove_all(connection, found.id)
    keys = [each.id for each in passkey.of_account(connection, found.id)]
    passkeys = sum(passkey.remove(connection, each, found.id) is not None for each in keys)
    if not apps + codes + passkeys:
        return None
    trusted_device.revoke_all(connection, found.id, now)
    sessions = rows.end_all(connection, found.id, now)
    for factor in (Factor.TOTP, Factor.RECOVERY_CODE):
        attempt.clear(connection, attempts.of_person(found.person_id), factor.value)
    FactorNews(post).removed(connection, Change(account_id=found.id, what=Changed.ALL, label=None, at=now))
    detail = {"username": found.username, "apps": apps, "passkeys": passkeys, "sessions": sessions}
    audit.record(
        connection,
        AuditEvent(at=now, event=EventName.ACCOUNT_FACTORS_RESET, account_id=found.id, detail=detail),
    )
    return Reset(apps, passkeys, codes, sessions)


def read_name(typed: str) -> str | None:
    """What an app is to be called, tidied; None when it will not do."""
    name = text.tidy(typed)
    is_fine = name is not None and text.problem(name) is None and len(name) <= LONGEST_NAME
    return name if is_fine else None


def _change(session: BrowserSession, what: Changed, label: str | None, address: str, now: datetime) -> Change:
    return Change(
        account_id=session.account_id, what=what, label=label, at=now, sid=session.sid, address=address
    )
