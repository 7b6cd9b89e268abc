"""Sign in with a passkey, or prove one as a second factor.

Web Authentication Level 3 §7.2, §14.6.2; NIST SP 800-63B-4 §2.2, §3.2.2. Nobody is asked for a username: the
authenticator says whose passkey it has, so no answer can tell who is on the staff. There is nothing to guess
(a signature has no short list of likely values, an id alone opens nothing), so nobody is delayed for others'
failures, and a password's delay does not hold here; addresses are counted, because a challenge is a row. The
passkey's user was verified, so it is two factors at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.accounts.attempt import AddressThrottled, Attempts, Limits
from idp.accounts.entry import Entered, Entry, Visit, may_enter
from idp.accounts.webauthn import Cause, Ceremonies, Refused, Verified
from idp.db import Connection, Database, account, audit, passkey
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.db.webauthn_challenge import Ceremony
from idp.policy.event_name import EventName
from idp.services import webauthn
from idp.services.clock import Clock
from idp.services.webauthn import Known

_SIGN_IN = EventName.SIGN_IN_PASSKEY
_STEP_UP = EventName.SECOND_FACTOR_PASSKEY


class _Undone(Exception):
    """Something is not what the transaction was begun for. It rolls back, and becomes a value."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Passkeys:
    """The service of passkeys that exist. `binding` is a secret that only the browser in question holds."""

    database: Database
    ceremonies: Ceremonies
    attempts: Attempts
    entry: Entry
    clock: Clock

    def sign_in_options(
        self, binding: str, *, address: str, limits: Limits
    ) -> Mapping[str, Any] | AddressThrottled:
        """What to ask the authenticator of somebody who may be anybody."""
        now = self.clock.now()
        with self.database.write() as connection:
            throttled = self.attempts.count_ceremony(connection, address, limits, now)
            if throttled is not None:
                return throttled
            challenge = self.ceremonies.begin(connection, Ceremony.SIGN_IN, None, binding, now)
        return webauthn.assertion_options(self.ceremonies.party, challenge)

    def sign_in(
        self, answer: str, binding: str, visit: Visit, limits: Limits
    ) -> Entered | Refused | AddressThrottled:
        """Open a session for whose passkey it is, in whatever state: `entry` says what it still lacks."""
        throttled = self._count(visit, limits)
        if throttled is not None:
            return throttled
        verified = self.ceremonies.assertion(answer, Ceremony.SIGN_IN, None, binding)
        outcome = verified if isinstance(verified, Refused) else self._enter(verified, visit)
        if isinstance(outcome, Refused):
            self._record(outcome, _SIGN_IN, visit, None)
        return outcome

    def step_up_options(
        self, session: BrowserSession, binding: str, *, address: str, limits: Limits
    ) -> Mapping[str, Any] | AddressThrottled | None:
        """What to ask the authenticator of who has begun a session, half or live. None without a passkey."""
        now = self.clock.now()
        with self.database.write() as connection:
            throttled = self.attempts.count_ceremony(connection, address, limits, now)
            if throttled is not None:
                return throttled
            found = passkey.of_account(connection, session.account_id)
            if not found:
                return None
            challenge = self.ceremonies.begin(connection, Ceremony.STEP_UP, session.account_id, binding, now)
        known = [Known(each.credential_id, each.transports) for each in found]
        return webauthn.assertion_options(self.ceremonies.party, challenge, known)

    def step_up(
        self, answer: str, session: BrowserSession, binding: str, visit: Visit, limits: Limits
    ) -> Entered | Refused | AddressThrottled:
        """Add the factor to the session."""
        throttled = self._count(visit, limits)
        if throttled is not None:
            return throttled
        verified = self.ceremonies.assertion(answer, Ceremony.STEP_UP, session.account_id, binding)
        outcome = verified if isinstance(verified, Refused) else self._add_factor(verified, session, visit)
        if isinstance(outcome, Refused):
            self._record(outcome, _STEP_UP, visit, session)
        return outcome

    def _count(self, visit: Visit, limits: Limits) -> AddressThrottled | None:
        with self.database.write() as connection:
            return self.attempts.count_ceremony(connection, visit.address, limits, self.clock.now())

    def _enter(self, verified: Verified, visit: Visit) -> Entered | Refused:
        now = self.clock.now()
        owner = verified.passkey.account_id
        try:
            with self.database.write() as connection:
                found = account.get(connection, owner)
                entered = self.entry.enter(connection, found, (verified.factor,), visit, now)
                return _with(connection, verified, entered, now)
        except _Undone as undone:
            return Refused(undone.cause if may_enter(found, now) else Cause.CLOSED, owner)

    def _add_factor(self, verified: Verified, session: BrowserSession, visit: Visit) -> Entered | Refused:
        now = self.clock.now()
        try:
            with self.database.write() as connection:
                entered = self.entry.step_up(connection, session, verified.factor, visit, now)
                return _with(connection, verified, entered, now)
        except _Undone as undone:
            return Refused(undone.cause, session.account_id)

    def _record(
        self, refused: Refused, event: EventName, visit: Visit, session: BrowserSession | None
    ) -> None:
        with self.database.write() as connection:
            audit.record(
                connection,
                AuditEvent(
                    at=self.clock.now(),
                    event=event,
                    outcome="failed",
                    account_id=refused.account_id if session is None else session.account_id,
                    sid=None if session is None else session.sid,
                    address=visit.address,
                    reference=visit.reference,
                    detail={"cause": refused.cause.value},
                ),
            )


def _with(connection: Connection, verified: Verified, entered: Entered | None, now: datetime) -> Entered:
    """The session, if there is one, and the passkey used: both or neither.

    The passkey's row after the account's, which `entry` holds: as who enrols or removes one does it.
    """
    if entered is None:
        raise _Undone(Cause.CHANGED)
    if not verified.use(connection, now):
        raise _Undone(Cause.COUNTER)
    return entered
