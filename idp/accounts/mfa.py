"""Prove a second factor with a code: of an authenticator app, or one kept for the day it is lost.

OWASP ASVS 5.0 §6.3.3, §6.5. As at the login page: the guess is counted and committed, then checked, then its
outcome is stored. A wrong code, one that was used and one that is not heard come out as the same `NotProved`.
That the code is used up and that the session is stepped up is one transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from idp.accounts.attempt import AddressThrottled
from idp.accounts.entry import Entered, Entry, Visit
from idp.accounts.guess import Gate, Guess
from idp.accounts.permission import is_enrolled
from idp.accounts.recovery_code import RecoveryCodes
from idp.accounts.totp import NoMatch, Totp
from idp.accounts.trusted_device import TrustedDevices
from idp.db import Connection, Database, account, link, recovery_code, second_factor
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor
from idp.policy.second_factor import AFTER_PASSWORD, may_trust_devices
from idp.services import logs
from idp.services.clock import Clock

_log = logs.get()


@dataclass(frozen=True, slots=True)
class Proved:
    """The session has its second factor, under a new secret; `trusted` is the token of a device to trust."""

    entered: Entered
    trusted: str | None


@dataclass(frozen=True, slots=True)
class NotProved:
    """Wrong, used before, or not heard: nobody is told which. The audit log is, under the `reference`."""

    reference: str


@dataclass(frozen=True, slots=True)
class Ended:
    """There is no session to step up any more, or it is not what it was."""


Outcome: TypeAlias = Proved | NotProved | Ended | AddressThrottled


class _Undone(Exception):
    """The session is not what the transaction was begun for. It rolls back, and becomes a value."""


@dataclass(frozen=True, slots=True)
class Mfa:
    """Second factors at sign-in, over what they need."""

    database: Database
    gate: Gate
    totp: Totp
    recovery_codes: RecoveryCodes
    trusted_devices: TrustedDevices
    entry: Entry
    clock: Clock

    @property
    def may_trust(self) -> bool:
        """Whether a person may ask not to be asked again on a device."""
        return may_trust_devices(self.entry.rule)

    def ways(self, account_id: UUID) -> tuple[Factor, ...]:
        """With what this account can prove more than a password, the usual first."""
        with self.database.read() as connection:
            enrolled = second_factor.of_account(connection, account_id) & AFTER_PASSWORD
            has_codes = bool(enrolled) and recovery_code.left(connection, account_id) > 0
        codes = (Factor.RECOVERY_CODE,) if has_codes else ()
        return (*(factor for factor in Factor if factor in enrolled), *codes)

    def with_totp(self, session: BrowserSession, code: str, visit: Visit, *, trust: bool) -> Outcome:
        """Check the six digits of an app, and step the session up; `trust` this device, if it may be."""
        now = self.clock.now()
        with self.database.read() as connection:
            found = account.get(connection, session.account_id)
        guess = self.gate.count(found, Factor.TOTP, visit, now)
        if isinstance(guess, AddressThrottled):
            return guess
        with self.database.read() as connection:
            match = self.totp.match(connection, found.id, code, now)
        if isinstance(match, NoMatch):
            return self._refuse(guess, session, visit, _why(match), now)

        def use(connection: Connection) -> bool:
            return self.totp.use(connection, match, now)

        return self._settle(guess, session, visit, use, trust=trust and self.may_trust, now=now)

    def with_recovery_code(self, session: BrowserSession, code: str, visit: Visit) -> Outcome:
        """Check a recovery code that was read, and step the session up. Raises `hashing.Busy`.

        Nothing is counted then. A device is never trusted by it: who uses one has lost something.
        """
        with self.recovery_codes.hasher.place() as place:
            now = self.clock.now()
            with self.database.read() as connection:
                found = account.get(connection, session.account_id)
                # They stand in for a factor: where there is none they open nothing.
                has_factor = is_enrolled(connection, found.id)
                stored = self.recovery_codes.find(connection, found.id, code) if has_factor else None
            guess = self.gate.count(found, Factor.RECOVERY_CODE, visit, now)
            if isinstance(guess, AddressThrottled):
                return guess
            is_right = self.recovery_codes.is_right(place, stored, code)
        now = self.clock.now()
        if not is_right or stored is None:
            cause = "used_code" if stored is not None and stored.used_at is not None else "wrong_code"
            return self._refuse(guess, session, visit, {"cause": cause}, now)

        def use(connection: Connection) -> bool:
            return self.recovery_codes.use(connection, stored, now)

        return self._settle(guess, session, visit, use, trust=False, now=now)

    def _settle(
        self,
        guess: Guess,
        session: BrowserSession,
        visit: Visit,
        use: Callable[[Connection], bool],
        *,
        trust: bool,
        now: datetime,
    ) -> Outcome:
        if not guess.is_heard:
            return self._refuse(guess, session, visit, {"cause": "throttled"}, now)
        try:
            with self.database.write() as connection:
                # The account before its factors, as who removes one locks them too.
                link.hold_account(connection, session.account_id)
                if use(connection):
                    return self._step_up(connection, guess, session, visit, trust=trust, now=now)
        except _Undone:
            return Ended()
        return self._refuse(guess, session, visit, {"cause": "used_code"}, now)

    def _step_up(
        self,
        connection: Connection,
        guess: Guess,
        session: BrowserSession,
        visit: Visit,
        *,
        trust: bool,
        now: datetime,
    ) -> Proved:
        entered = self.entry.step_up(connection, session, guess.factor, visit, now)
        if entered is None:
            raise _Undone
        self.gate.right(connection, guess, now)
        if not trust:
            return Proved(entered, None)
        agent = visit.user_agent
        token = self.trusted_devices.trust(connection, session.account_id, user_agent=agent, now=now)
        return Proved(entered, token)

    def _refuse(
        self, guess: Guess, session: BrowserSession, visit: Visit, detail: dict[str, object], now: datetime
    ) -> NotProved:
        told = detail if guess.is_heard else {"cause": "throttled"}
        if "steps" in told:
            # Nobody guesses the code of another minute: somebody's clock is wrong, and it may be ours.
            _log.warning("totp_clock_off", account=str(session.account_id), steps=told["steps"])
        with self.database.write() as connection:
            self.gate.wrong(connection, guess, session, visit, told, now)
        return NotProved(visit.reference)


def _why(no_match: NoMatch) -> dict[str, object]:
    if no_match.off_by is None:
        return {"cause": "wrong_code"}
    return {"cause": "clock_off", "steps": no_match.off_by}
