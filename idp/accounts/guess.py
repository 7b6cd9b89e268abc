"""Guesses at second factors, counted before they are checked: one gate for every kind of code.

OWASP ASVS 5.0 §6.3.1, §6.6.3. Each factor has counters of its own, which a right password never resets; the
person is counted and not the session, so that signing in afresh gains nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from idp.accounts.attempt import AddressThrottled, Attempts, Limits
from idp.accounts.entry import Visit
from idp.accounts.known_device import KnownDevices
from idp.db import Connection, Database, attempt, audit, rate
from idp.db.account import Account
from idp.db.attempt import Bucket
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.policy import event_name
from idp.policy.assurance import Factor
from idp.policy.rate import SHARED, RateLimit, widened


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that was counted; the caller does the same work whether or not it `is_heard`."""

    factor: Factor
    whose: bytes
    bucket: Bucket
    address: bytes
    is_heard: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """Counts. `attempts` holds the rule of second factors, `limit` is for one address."""

    database: Database
    attempts: Attempts
    known_devices: KnownDevices
    limit: RateLimit

    def count(self, found: Account, factor: Factor, visit: Visit, now: datetime) -> Guess | AddressThrottled:
        """Count a guess at this account's person, and commit."""
        whose = self.attempts.of_person(found.person_id)
        is_known = self.known_devices.knows(visit.known_device, found.person_id, now)
        bucket = Bucket.KNOWN if is_known else Bucket.UNKNOWN
        # Apart from sign-ins: a hospital's address must not lose its codes to its passwords.
        address = self.attempts.of_address(f"second factor {visit.address}")
        limit = widened(self.limit, SHARED) if visit.is_trusted_network else self.limit
        with self.database.write() as connection:
            heard = self.attempts.count(
                connection,
                whose=whose,
                factor=factor.value,
                bucket=bucket,
                address=address,
                limits=Limits(limit, limit, limit),
                stranger=False,
                now=now,
            )
        if isinstance(heard, AddressThrottled):
            return heard
        return Guess(factor, whose, bucket, address, heard.is_heard)

    def right(self, connection: Connection, guess: Guess, now: datetime) -> None:
        """It was right: its own counters begin afresh."""
        attempt.succeeded(connection, guess.whose, guess.factor.value, guess.bucket, now)
        rate.succeeded(connection, guess.address, guess.whose)

    def wrong(
        self,
        connection: Connection,
        guess: Guess,
        session: BrowserSession,
        visit: Visit,
        detail: Mapping[str, object],
        now: datetime,
    ) -> None:
        """It was not; the audit log alone learns why."""
        rate.failed(connection, guess.address, guess.whose, now)
        audit.record(
            connection,
            AuditEvent(
                at=now,
                event=event_name.second_factor(guess.factor),
                outcome="failed",
                account_id=session.account_id,
                sid=session.sid,
                address=visit.address,
                reference=visit.reference,
                detail=detail,
            ),
        )
