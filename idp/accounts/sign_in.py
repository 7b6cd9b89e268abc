"""Sign in with username and password.

Three transactions for a reason: T1 counts the guess and commits; then the password is hashed with nothing
open; then T2 stores the outcome. A stranger, a wrong password, a throttled, disabled or departed account go
through the same statements and one hash, and come out as the same `Failed`. What a right password opens is
for `entry` to say: a session may be half, or due, and then it is not live.
"""

from dataclasses import dataclass
from datetime import datetime

from idp.accounts.attempt import AddressThrottled, Attempts, Heard, Limits
from idp.accounts.entry import Entered, Entry, Visit, may_enter
from idp.accounts.known_device import KnownDevices
from idp.db import Connection, Database, account, audit, password_history, rate
from idp.db.account import Account
from idp.db.attempt import Bucket
from idp.db.audit import AuditEvent
from idp.policy import username
from idp.policy.assurance import Factor
from idp.policy.event_name import EventName
from idp.services.clock import Clock
from idp.services.hashing import Busy, Hasher, Place, Verified

PASSWORD = Factor.PASSWORD.value


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the form said, and from where.

    Under the visit's reference the audit log tells a service desk what a page of failure does not.
    """

    username: str
    password: str
    visit: Visit
    limits: Limits


@dataclass(frozen=True, slots=True)
class Failed:
    """Unknown, wrong, throttled, disabled or departed: nobody is told which."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in service over what it needs."""

    database: Database
    hasher: Hasher
    attempts: Attempts
    known_devices: KnownDevices
    entry: Entry
    clock: Clock

    def with_password(self, credentials: Credentials) -> Entered | Failed | AddressThrottled:
        """Check a password. Raises `hashing.Busy` when too many wait; nothing is counted then."""
        with self.hasher.place() as place:
            return self._with_password(credentials, place)

    def _with_password(self, credentials: Credentials, place: Place) -> Entered | Failed | AddressThrottled:
        now = self.clock.now()
        name = username.normalise(credentials.username)
        address = self.attempts.of_address(credentials.visit.address)
        with self.database.read() as connection:
            # The same statement for a name that cannot exist: it asks for one that does not.
            found = account.find(connection, name or "")
        whose = self._key(found, name or credentials.username)
        bucket = self._bucket(found, credentials, now)
        with self.database.write() as connection:
            heard = self.attempts.count(
                connection,
                whose=whose,
                factor=PASSWORD,
                bucket=bucket,
                address=address,
                limits=credentials.limits,
                stranger=found is None,
                now=now,
            )
        if isinstance(heard, AddressThrottled):
            return heard
        verified = place.verify(credentials.password, self._hash_to_check(found, heard))
        return self._settle(credentials, found, heard, verified, whose=whose, address=address)

    def _key(self, found: Account | None, name: str) -> bytes:
        return self.attempts.of_name(name) if found is None else self.attempts.of_person(found.person_id)

    def _bucket(self, found: Account | None, credentials: Credentials, now: datetime) -> Bucket:
        cookie = credentials.visit.known_device
        is_known = found is not None and self.known_devices.knows(cookie, found.person_id, now)
        return Bucket.KNOWN if is_known else Bucket.UNKNOWN

    def _hash_to_check(self, found: Account | None, heard: Heard) -> str | None:
        """None is checked against a dummy: a guess that is not heard costs the same and never succeeds."""
        return found.password_hash if found is not None and heard.is_heard else None

    def _settle(
        self,
        credentials: Credentials,
        found: Account | None,
        heard: Heard,
        verified: Verified,
        *,
        whose: bytes,
        address: bytes,
    ) -> Entered | Failed:
        now = self.clock.now()
        rehashed = self._rehash(credentials, found, verified, now)
        with self.database.write() as connection:
            if found is None or not verified.ok or not may_enter(found, now):
                rate.failed(connection, address, whose, now)
                cause = _cause(found, heard, now)
                _record(connection, credentials, found, now, cause=cause)
                return Failed()
            entered = self.entry.enter(connection, found, (Factor.PASSWORD,), credentials.visit, now)
            if entered is None:
                _record(connection, credentials, found, now, cause="changed_meanwhile")
                return Failed()
            if rehashed is not None and found.password_hash is not None:
                account.rehash(connection, found.id, found.password_hash, rehashed)
                password_history.rehash(connection, found.id, found.password_hash, rehashed)
            rate.succeeded(connection, address, whose)
            return entered

    def _rehash(
        self, credentials: Credentials, found: Account | None, verified: Verified, now: datetime
    ) -> str | None:
        # For a session alone: a second hash would tell who knows the password that an account is closed.
        is_due = verified.ok and verified.needs_rehash and found is not None and found.may_sign_in(now)
        try:
            return self.hasher.hash(credentials.password) if is_due else None
        except Busy:  # the next sign-in will do
            return None


def _cause(found: Account | None, heard: Heard, now: datetime) -> str:
    """Why nobody was signed in, for the audit log alone."""
    if found is None:
        return "unknown_username"
    if not heard.is_heard:
        return "throttled"
    if not may_enter(found, now):
        return "employment_ended" if found.has_ended(now) else found.state.value
    return "wrong_password"


def _record(
    connection: Connection, credentials: Credentials, found: Account | None, now: datetime, *, cause: str
) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=EventName.SIGN_IN_PASSWORD,
            outcome="failed",
            account_id=None if found is None else found.id,
            address=credentials.visit.address,
            reference=credentials.visit.reference,
            detail={"cause": cause},
        ),
    )
