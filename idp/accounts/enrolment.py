"""Enrol an authenticator app: by whom policy lets, confirmed with a code, and told to the owner.

OWASP ASVS 5.0 §6.3.7, §6.4.4, §7.5.1. Every step asks again whether it may be done, the last one in the
transaction of its effect: nothing rests on a page that was passed before. The first factor of an account
needs a second proof besides the password: a mailed link, which is redeemed together with the factor, or a
trusted network. The code that confirms the app is one that the session has proved.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from idp.accounts.attempt import AddressThrottled, Attempts
from idp.accounts.entry import Entered, Entry, Visit
from idp.accounts.factor_news import Change, Changed, FactorNews
from idp.accounts.link import ENROL_PURPOSES, LinkProblem
from idp.accounts.permission import Permissions, Withheld, is_enrolled
from idp.accounts.recovery_code import NewCodes, RecoveryCodes
from idp.accounts.totp import Enrolment, Match, NoMatch, Totp
from idp.db import Connection, Database, account, audit, trusted_device
from idp.db import link as link_rows
from idp.db.account import Profile
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.db.link import Purpose
from idp.policy.assurance import Factor
from idp.policy.enrolment import Permission
from idp.policy.event_name import EventName
from idp.policy.rate import SHARED, RecoveryLimits, seconds_to_wait, widened
from idp.services.clock import Clock
from idp.services.letters import Letter

_MAILED = EventName.FACTOR_LINK_MAILED


@dataclass(frozen=True, slots=True)
class Mailed:
    """A link is on its way to the address on record."""

    reference: str


@dataclass(frozen=True, slots=True)
class TooManyMails:
    """So many of these have gone to this person that no more will for now; `retry_after` is in seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Enough:
    """The account has as many apps as it may."""


@dataclass(frozen=True, slots=True)
class WrongCode:
    """The code is not this app's; it still waits for the right one."""


@dataclass(frozen=True, slots=True)
class Over:
    """There is nothing to confirm any more: it took too long, it is done, or the session has ended."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The app counts, and the session has proved it. `codes` are shown once, to who had no factor before."""

    entered: Entered
    codes: tuple[str, ...]


Confirmed: TypeAlias = Enrolled | WrongCode | Over | Withheld


@dataclass(frozen=True, slots=True)
class Typed:
    """What the page that confirms an app sends: which app, its code, the mailed link if there is one."""

    device_id: UUID
    code: str
    link: str | None


class _Undone(Exception):
    """Something is not what the transaction was begun for. It rolls back, and becomes a value."""


@dataclass(frozen=True, slots=True)
class Enrolments:
    """The service over what it needs."""

    database: Database
    totp: Totp
    recovery_codes: RecoveryCodes
    permissions: Permissions
    entry: Entry
    attempts: Attempts
    news: FactorNews
    limits: RecoveryLimits
    clock: Clock

    def withheld(
        self, session: BrowserSession, *, link: str | None, is_trusted_network: bool
    ) -> Withheld | None:
        """What stands between this session and an app; None when nothing does."""
        with self.database.read() as connection:
            return self.permissions.withheld(
                connection, session, self.clock.now(), link=link, is_trusted_network=is_trusted_network
            )

    def mail_link(
        self, session: BrowserSession, visit: Visit, request: str | None
    ) -> Mailed | TooManyMails | AddressThrottled | Withheld | None:
        """Mail the link that proves who enrols a first factor; `request` is the waiting one to go on with.

        None when none is needed.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            withheld = self.permissions.withheld(
                connection, session, now, is_trusted_network=visit.is_trusted_network
            )
            if withheld is None or withheld.why is not Permission.SECOND_PROOF:
                return withheld
            profile = account.get_profile(connection, session.account_id)
            refused = self._count_mail(connection, profile, visit, now)
            if refused is not None:
                return refused
            self._mail(connection, profile, session, visit, request, now)
        return Mailed(visit.reference)

    def mailed(self, account_id: UUID) -> str | None:
        """The reference of the link that was mailed last, while it may still be used; None without one."""
        with self.database.read() as connection:
            last = audit.last_of_account(connection, account_id, _MAILED)
        is_recent = last is not None and last.at > self.clock.now() - self.permissions.lifetimes.enrol_link
        return last.reference if last is not None and is_recent else None

    def begin_totp(
        self, session: BrowserSession, name: str, *, link: str | None, is_trusted_network: bool
    ) -> Enrolment | Enough | Withheld:
        """Make the secret of an app, which its owner calls by this name."""
        now = self.clock.now()
        with self.database.write() as connection:
            withheld = self.permissions.withheld(
                connection, session, now, link=link, is_trusted_network=is_trusted_network
            )
            if withheld is not None:
                return withheld
            found = account.get(connection, session.account_id)
            return self.totp.begin(connection, found.id, found.username, name, now) or Enough()

    def confirm_totp(self, session: BrowserSession, typed: Typed, visit: Visit) -> Confirmed:
        """Let an app count whose code this is, and step the session up by it. Raises `hashing.Busy`.

        Recovery codes come with the first factor; nothing is used up before they are hashed.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            matched = self._match(connection, session, typed, visit, now)
            is_first = not is_enrolled(connection, session.account_id)
        if not isinstance(matched, Match):
            return matched
        codes = self.recovery_codes.draw() if is_first else None
        try:
            with self.database.write() as connection:
                return self._confirm(connection, session, typed, visit, codes)
        except _Undone:
            return Over()

    def _match(
        self, connection: Connection, session: BrowserSession, typed: Typed, visit: Visit, now: datetime
    ) -> Match | WrongCode | Over | Withheld:
        withheld = self.permissions.withheld(
            connection, session, now, link=typed.link, is_trusted_network=visit.is_trusted_network
        )
        if withheld is not None:
            return withheld
        matched = self.totp.match_first(connection, session.account_id, typed.device_id, typed.code, now)
        if matched is None:
            return Over()
        return WrongCode() if isinstance(matched, NoMatch) else matched

    def _confirm(
        self,
        connection: Connection,
        session: BrowserSession,
        typed: Typed,
        visit: Visit,
        codes: NewCodes | None,
    ) -> Confirmed:
        now = self.clock.now()
        # The account's row before all else: of two first factors at once, the second one is no first.
        link_rows.hold_account(connection, session.account_id)
        matched = self._match(connection, session, typed, visit, now)
        if not isinstance(matched, Match):
            return matched
        if not self.totp.confirm(connection, matched, now):
            raise _Undone
        self._redeem(connection, session, typed.link, now)
        entered = self.entry.step_up(connection, session, Factor.TOTP, visit, now)
        if entered is None:
            raise _Undone
        if codes is not None:
            self.recovery_codes.store(connection, session.account_id, codes, now)
        trusted_device.revoke_all(connection, session.account_id, now)
        self.news.added(
            connection,
            Change(
                account_id=session.account_id,
                what=Changed.TOTP,
                label=matched.device.name,
                at=now,
                sid=session.sid,
                address=visit.address,
            ),
        )
        return Enrolled(entered, () if codes is None else codes.shown)

    def _redeem(
        self, connection: Connection, session: BrowserSession, link: str | None, now: datetime
    ) -> None:
        links = self.permissions.links
        if link is not None and isinstance(links.redeem(connection, link, ENROL_PURPOSES, now), LinkProblem):
            raise _Undone
        links.supersede_all(connection, session.account_id, ENROL_PURPOSES, now)

    def _count_mail(
        self, connection: Connection, profile: Profile, visit: Visit, now: datetime
    ) -> TooManyMails | AddressThrottled | None:
        """Under the limits of requests for login details, but apart: a stranger's must not stop these."""
        limits = self.limits
        own = widened(limits.address, SHARED) if visit.is_trusted_network else limits.address
        if not self.attempts.may_recover(connection, f"enrol, address {visit.address}", own, now):
            return AddressThrottled(seconds_to_wait(own, now))
        for span, limit in (("hour", limits.person_hour), ("day", limits.person_day)):
            if not self.attempts.may_recover(connection, f"enrol, {span} {profile.person_id}", limit, now):
                return TooManyMails(seconds_to_wait(limit, now))
        return None

    def _mail(
        self,
        connection: Connection,
        profile: Profile,
        session: BrowserSession,
        visit: Visit,
        request: str | None,
        now: datetime,
    ) -> None:
        post, links = self.news.post, self.permissions.links
        issued = links.issue(connection, profile.account_id, Purpose.ENROL, now, request)
        post.queue(
            connection,
            Letter.ENROL_FACTOR,
            to=profile.email,
            language=profile.language,
            values={
                "name": profile.name,
                "username": profile.username,
                "employer": profile.employer_name,
                "link": issued.url,
                "until": issued.until.isoformat(),
                "forgotten": post.address("/forgotten"),
                "reference": visit.reference,
                "service_desk": profile.service_desk,
            },
            person_id=profile.person_id,
            reference=visit.reference,
            now=now,
        )
        audit.record(
            connection,
            AuditEvent(
                at=now,
                event=_MAILED,
                account_id=profile.account_id,
                sid=session.sid,
                address=visit.address,
                reference=visit.reference,
            ),
        )
