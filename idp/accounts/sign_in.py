"""Sign in with username and password.

Three transactions for a reason: T1 counts the guess and commits; then the password is hashed with nothing
open; then T2 stores the outcome. A stranger, a wrong password, a throttled, disabled or departed account go
through the same statements and one hash, and come out as the same `Failed`. A password that must be changed
opens a session that is due: nothing but a new password makes it live.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.accounts import browser_session
from idp.accounts.attempt import AddressThrottled, Attempts, Heard, Limits
from idp.accounts.browser_session import NewSession
from idp.accounts.known_device import KnownDevices
from idp.db import (
    Connection,
    Database,
    account,
    attempt,
    audit,
    authorization_request,
    password_history,
    rate,
)
from idp.db.account import Account, AccountState
from idp.db.attempt import Bucket
from idp.db.audit import AuditEvent
from idp.db.browser_session import PASSWORD_DUE, BrowserSession
from idp.policy import username
from idp.policy.assurance import reached
from idp.policy.lifetime import Lifetimes
from idp.services.clock import Clock
from idp.services.hashing import Busy, Hasher, Place, Verified
from idp.services.randomness import Randomness

PASSWORD = "password"  # noqa: S105 - the factor's name
_METHODS = ("pwd",)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the form said, and from where.

    `request_digest` is the parked request to sign in for, if any; under `reference` the audit log tells a
    service desk what a page of failure does not.
    """

    username: str
    password: str
    address: str
    user_agent: str | None
    known_device: str | None
    current: BrowserSession | None
    request_digest: bytes | None
    limits: Limits
    reference: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The password was right: a new session, live or due, and the browser's new known-device cookie."""

    session: NewSession
    known_device: str


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
    lifetimes: Lifetimes
    clock: Clock
    randomness: Randomness

    def with_password(self, credentials: Credentials) -> SignedIn | Failed | AddressThrottled:
        """Check a password. Raises `hashing.Busy` when too many wait; nothing is counted then."""
        with self.hasher.place() as place:
            return self._with_password(credentials, place)

    def _with_password(self, credentials: Credentials, place: Place) -> SignedIn | Failed | AddressThrottled:
        now = self.clock.now()
        name = username.normalise(credentials.username)
        address = self.attempts.of_address(credentials.address)
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
        return self._settle(credentials, found, heard, verified, whose=whose, bucket=bucket, address=address)

    def _key(self, found: Account | None, name: str) -> bytes:
        return self.attempts.of_name(name) if found is None else self.attempts.of_person(found.person_id)

    def _bucket(self, found: Account | None, credentials: Credentials, now: datetime) -> Bucket:
        if found is not None and self.known_devices.knows(credentials.known_device, found.person_id, now):
            return Bucket.KNOWN
        return Bucket.UNKNOWN

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
        bucket: Bucket,
        address: bytes,
    ) -> SignedIn | Failed:
        now = self.clock.now()
        rehashed = self._rehash(credentials, found, verified, now)
        with self.database.write() as connection:
            if found is None or not verified.ok or not _is_open(found, now):
                rate.failed(connection, address, whose, now)
                cause = _cause(found, heard, now)
                _record(connection, credentials, found, now, outcome="failed", cause=cause)
                return Failed()
            if not account.signed_in(connection, found, now):
                _record(connection, credentials, found, now, outcome="failed", cause="changed_meanwhile")
                return Failed()
            if rehashed is not None and found.password_hash is not None:
                account.rehash(connection, found.id, found.password_hash, rehashed)
                password_history.rehash(connection, found.id, found.password_hash, rehashed)
            rate.succeeded(connection, address, whose)
            return self._open_session(connection, credentials, found, whose=whose, bucket=bucket, now=now)

    def _rehash(
        self, credentials: Credentials, found: Account | None, verified: Verified, now: datetime
    ) -> str | None:
        # For a session alone: a second hash would tell who knows the password that an account is closed.
        is_due = verified.ok and verified.needs_rehash and found is not None and found.may_sign_in(now)
        try:
            return self.hasher.hash(credentials.password) if is_due else None
        except Busy:  # the next sign-in will do
            return None

    def _open_session(
        self,
        connection: Connection,
        credentials: Credentials,
        found: Account,
        *,
        whose: bytes,
        bucket: Bucket,
        now: datetime,
    ) -> SignedIn:
        is_due = found.state is AccountState.MUST_CHANGE_PASSWORD
        attempt.succeeded(connection, whose, PASSWORD, bucket, now)
        session = browser_session.start(
            connection,
            self.randomness,
            self.lifetimes,
            account_id=found.id,
            acr=PASSWORD_DUE if is_due else reached(_METHODS).value,
            amr=_METHODS,
            user_agent=credentials.user_agent,
            address=credentials.address,
            replaces=credentials.current,
            now=now,
        )
        if credentials.request_digest is not None:
            authorization_request.signed_in(connection, credentials.request_digest, session.sid)
        outcome = "password_change_due" if is_due else "success"
        _record(connection, credentials, found, now, outcome=outcome, sid=session.sid)
        known = self.known_devices.after_sign_in(credentials.known_device, found.person_id, now)
        return SignedIn(session, known)


def _is_open(found: Account, now: datetime) -> bool:
    may = found.state in {AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD}
    return may and not found.has_ended(now)


def _cause(found: Account | None, heard: Heard, now: datetime) -> str:
    """Why nobody was signed in, for the audit log alone."""
    if found is None:
        return "unknown_username"
    if not heard.is_heard:
        return "throttled"
    if not _is_open(found, now):
        return "employment_ended" if found.has_ended(now) else found.state.value
    return "wrong_password"


def _record(
    connection: Connection,
    credentials: Credentials,
    found: Account | None,
    now: datetime,
    *,
    outcome: str,
    cause: str | None = None,
    sid: UUID | None = None,
) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event="sign_in.password",
            outcome=outcome,
            account_id=None if found is None else found.id,
            sid=sid,
            address=credentials.address,
            reference=credentials.reference,
            detail=None if cause is None else {"cause": cause},
        ),
    )
