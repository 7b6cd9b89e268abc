"""Make a passkey for an account: by whom policy lets, and told to its owner.

Web Authentication Level 3 §7.1; OWASP ASVS 5.0 §6.3.7, §6.4.4, §7.5.1. Whether the session may is asked when
the browser is asked, and again in the transaction that stores the passkey: there a mailed link is redeemed,
the session is stepped up by what its person has just proved, devices that were trusted no longer are, and a
letter is queued. Recovery codes come with the first factor, as they do with an app. Another name and removal
are as for any factor: `own_factors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from idp.accounts.attempt import AddressThrottled, Attempts, Limits
from idp.accounts.entry import Entered, Entry, Visit
from idp.accounts.factor_news import Change, Changed, FactorNews
from idp.accounts.link import ENROL_PURPOSES, LinkProblem
from idp.accounts.permission import Permissions, Withheld, is_enrolled
from idp.accounts.recovery_code import NewCodes, RecoveryCodes
from idp.accounts.webauthn import Cause, Ceremonies, Refused
from idp.db import Conflict, Connection, Database, account, audit, link, trusted_device
from idp.db import passkey as rows
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.db.passkey import Passkey
from idp.db.webauthn_challenge import Ceremony
from idp.policy.enrolment import Permission
from idp.policy.event_name import EventName
from idp.services import webauthn
from idp.services.clock import Clock
from idp.services.randomness import Randomness
from idp.services.webauthn import Known, Owner, Registered

MOST: Final = 20
"""Passkeys of one account."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who wants a passkey: the person of a session, half or live, which `secret` opens in this browser alone.

    `link` is the token of a mailed link in hand.
    """

    session: BrowserSession
    secret: str
    visit: Visit
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Full:
    """The account has as many passkeys as it may."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """There is a passkey more, and the session has proved it.

    `codes` are shown once, to who had no second factor before.
    """

    passkey: Passkey
    entered: Entered
    codes: tuple[str, ...] = ()


Outcome: TypeAlias = Enrolled | Withheld | Full | Refused


class _Undone(Exception):
    """Something is not what the transaction was begun for. It rolls back, and becomes a value."""

    def __init__(self, outcome: Withheld | Full) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class PasskeyEnrolment:
    """The service over what it needs."""

    database: Database
    ceremonies: Ceremonies
    attempts: Attempts
    permissions: Permissions
    recovery_codes: RecoveryCodes
    entry: Entry
    news: FactorNews
    clock: Clock
    randomness: Randomness

    def withheld(self, asking: Asking) -> Withheld | None:
        """What stands between this session and a new passkey; None when nothing does."""
        with self.database.read() as connection:
            return self._withheld(connection, asking, self.clock.now())

    def options(
        self, asking: Asking, limits: Limits
    ) -> Mapping[str, Any] | Withheld | Full | AddressThrottled:
        """What to ask the authenticator."""
        now = self.clock.now()
        with self.database.write() as connection:
            throttled = self.attempts.count_ceremony(connection, asking.visit.address, limits, now)
            if throttled is not None:
                return throttled
            return self._withheld(connection, asking, now) or self._ask(connection, asking, now)

    def register(self, asking: Asking, name: str, answer: str) -> Outcome:
        """Store the passkey that the authenticator made, all at once or not at all.

        `name` is what `factors.read_name` has read. Raises `hashing.Busy`, and then nothing is used up.
        """
        account_id = asking.session.account_id
        codes = self.recovery_codes.draw() if self._is_first(asking) else None
        made = self.ceremonies.registration(answer, account_id, asking.secret)
        outcome = made if isinstance(made, Refused) else self._store(asking, name, made, codes)
        if isinstance(outcome, Refused):
            self._record_failure(outcome, asking)
        return outcome

    def _is_first(self, asking: Asking) -> bool:
        """Whether this may be the account's first second factor: nobody else is worth ten hashes."""
        with self.database.read() as connection:
            if is_enrolled(connection, asking.session.account_id):
                return False
            return self._withheld(connection, asking, self.clock.now()) is None

    def _withheld(self, connection: Connection, asking: Asking, now: datetime) -> Withheld | None:
        return self.permissions.withheld(
            connection,
            asking.session,
            now,
            link=asking.link,
            is_trusted_network=asking.visit.is_trusted_network,
        )

    def _ask(self, connection: Connection, asking: Asking, now: datetime) -> Mapping[str, Any] | Full:
        account_id = asking.session.account_id
        existing = rows.of_account(connection, account_id)
        if len(existing) >= MOST:
            return Full()
        whose = account.get_profile(connection, account_id)
        challenge = self.ceremonies.begin(connection, Ceremony.REGISTER, account_id, asking.secret, now)
        return webauthn.registration_options(
            self.ceremonies.party,
            challenge,
            Owner(account_id.bytes, whose.username, whose.name),
            [Known(each.credential_id, each.transports) for each in existing],
            wants_attestation=bool(self.ceremonies.trust.roots),
        )

    def _store(self, asking: Asking, name: str, made: Registered, codes: NewCodes | None) -> Outcome:
        now = self.clock.now()
        session = asking.session
        passkey = self._named(made, session.account_id, name, now)
        try:
            with self.database.write() as connection:
                self._check(connection, asking, now)
                # Of two first factors at once, the second one is no first.
                is_first = not is_enrolled(connection, session.account_id)
                rows.add(connection, passkey)
                entered = self._step_up(connection, asking, passkey, now)
                if codes is not None and is_first:
                    self.recovery_codes.store(connection, session.account_id, codes, now)
                trusted_device.revoke_all(connection, session.account_id, now)
                self.news.added(connection, _change(passkey, session, asking.visit.address, now))
        except _Undone as undone:
            return undone.outcome
        except Conflict:
            return Refused(Cause.TAKEN, session.account_id)
        return Enrolled(passkey, entered, codes.shown if codes is not None and is_first else ())

    def _check(self, connection: Connection, asking: Asking, now: datetime) -> None:
        """Whether it may be done, still. Until the transaction ends nobody else adds a passkey."""
        account_id = asking.session.account_id
        link.hold_account(connection, account_id)
        withheld = self._withheld(connection, asking, now)
        if withheld is not None:
            raise _Undone(withheld)
        if len(rows.of_account(connection, account_id)) >= MOST:
            raise _Undone(Full())
        links = self.permissions.links
        if asking.link is not None:
            redeemed = links.redeem(connection, asking.link, ENROL_PURPOSES, now)
            if isinstance(redeemed, LinkProblem):
                raise _Undone(Withheld(redeemed))
        links.supersede_all(connection, account_id, ENROL_PURPOSES, now)

    def _step_up(self, connection: Connection, asking: Asking, passkey: Passkey, now: datetime) -> Entered:
        factor = self.ceremonies.factor(passkey)
        entered = self.entry.step_up(connection, asking.session, factor, asking.visit, now)
        if entered is None:
            raise _Undone(Withheld(Permission.LOG_IN))
        return entered

    def _named(self, made: Registered, account_id: UUID, name: str, now: datetime) -> Passkey:
        return Passkey(
            id=self.randomness.uuid(),
            credential_id=made.credential_id,
            account_id=account_id,
            name=name,
            public_key=made.public_key,
            sign_count=made.sign_count,
            model=made.model,
            transports=made.transports,
            is_backup_eligible=made.is_backup_eligible,
            is_backed_up=made.is_backed_up,
            is_attested=made.is_attested,
            created_at=now,
            last_used_at=None,
        )

    def _record_failure(self, refused: Refused, asking: Asking) -> None:
        with self.database.write() as connection:
            audit.record(
                connection,
                AuditEvent(
                    at=self.clock.now(),
                    event=EventName.FACTOR_ADDED,
                    outcome="failed",
                    account_id=asking.session.account_id,
                    sid=asking.session.sid,
                    address=asking.visit.address,
                    reference=asking.visit.reference,
                    detail={"factor": Changed.PASSKEY.value, "cause": refused.cause.value},
                ),
            )


def _change(passkey: Passkey, session: BrowserSession, address: str, now: datetime) -> Change:
    return Change(
        account_id=session.account_id,
        what=Changed.PASSKEY,
        label=passkey.name,
        at=now,
        sid=session.sid,
        address=address,
    )
