"""The one gate before every factor: it decides whether a guess is heard.

A guess is counted, and its successor delayed, before it is checked and in a transaction of its own; so
guesses in parallel gain nothing and a crash can only over-count. A name that nobody has is counted like a
person. Addresses are limited as well, generously: a hospital shares one.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.db import Connection, attempt, rate
from idp.db.attempt import Bucket
from idp.policy.lockout import LockoutRule
from idp.policy.rate import RateLimit, is_exceeded, seconds_to_wait, widened, window_start


@dataclass(frozen=True, slots=True)
class Limits:
    """What one address may do: open login pages, try to sign in, fail at different usernames."""

    login_pages: RateLimit
    sign_ins: RateLimit
    names: RateLimit

    def widened(self, factor: int) -> "Limits":
        """The same for an address that many people share."""
        return Limits(*(widened(limit, factor) for limit in (self.login_pages, self.sign_ins, self.names)))


@dataclass(frozen=True, slots=True)
class AddressThrottled:
    """The address has asked for too much; `retry_after` is in seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class AccountThrottled:
    """So many new passwords were tried for the account, from wherever; `retry_after` is in seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Whether the guess is heard; the caller does the same work either way."""

    is_heard: bool


@dataclass(frozen=True, slots=True)
class Attempts:
    """Counts guesses. `key` makes stored names and addresses meaningless to a thief."""

    key: bytes
    rule: LockoutRule

    def count(
        self,
        connection: Connection,
        *,
        whose: bytes,
        factor: str,
        bucket: Bucket,
        address: bytes,
        limits: Limits,
        stranger: bool,
        now: datetime,
    ) -> Heard | AddressThrottled:
        """Count one guess, at a person or at the name of a `stranger`; commit before checking it.

        Failures at other names never stop a person at a known device: a hospital shares one address.
        """
        tries = rate.hit(connection, address, window_start(limits.sign_ins, now))
        names = rate.names_failed(connection, address, now - limits.names.period)
        if is_exceeded(limits.sign_ins, tries):
            return AddressThrottled(seconds_to_wait(limits.sign_ins, now))
        if names >= limits.names.count and bucket is Bucket.UNKNOWN:
            # The failures leave their window one by one; after a whole period none is left.
            return AddressThrottled(int(limits.names.period.total_seconds()))
        n = attempt.count(connection, self.rule, whose, factor, bucket, now, stranger=stranger)
        return Heard(n is not None)

    def count_login_page(
        self, connection: Connection, address: str, limits: Limits, now: datetime
    ) -> AddressThrottled | None:
        """Count a login page that is about to be stored for an address; None when it may be."""
        return self._count_address(connection, b"login page", address, limits.login_pages, now)

    def count_ceremony(
        self, connection: Connection, address: str, limits: Limits, now: datetime
    ) -> AddressThrottled | None:
        """Count a question to an authenticator, or its answer: as many as there may be login pages."""
        return self._count_address(connection, b"ceremony", address, limits.login_pages, now)

    def count_new_password(
        self, connection: Connection, account_id: UUID, limit: RateLimit, now: datetime
    ) -> AccountThrottled | None:
        """Count a new password that is about to be hashed for an account; None when it may be."""
        key = self._mac(b"new password", account_id.bytes)
        tried = rate.hit(connection, key, window_start(limit, now))
        return AccountThrottled(seconds_to_wait(limit, now)) if is_exceeded(limit, tried) else None

    def may_recover(self, connection: Connection, counted: str, limit: RateLimit, now: datetime) -> bool:
        """Count a request for login details: of an address, for a person, or of all; whether it may be."""
        return not is_exceeded(limit, self.count_recovery(connection, counted, limit, now))

    def count_recovery(self, connection: Connection, counted: str, limit: RateLimit, now: datetime) -> int:
        """The same; how many there were in this window, this one included."""
        key = self._mac(b"recovery", counted.encode())
        return rate.hit(connection, key, window_start(limit, now))

    def of_person(self, person_id: UUID) -> bytes:
        """The key of a person."""
        return self._mac(b"person", person_id.bytes)

    def of_name(self, name: str) -> bytes:
        """The key of a name that nobody has."""
        return self._mac(b"name", name.encode("utf-8", "surrogatepass"))

    def of_address(self, address: str) -> bytes:
        """The key of a network address."""
        return self._mac(b"address", address.encode())

    def _count_address(
        self, connection: Connection, kind: bytes, address: str, limit: RateLimit, now: datetime
    ) -> AddressThrottled | None:
        key = self._mac(kind, address.encode())
        counted = rate.hit(connection, key, window_start(limit, now))
        return AddressThrottled(seconds_to_wait(limit, now)) if is_exceeded(limit, counted) else None

    def _mac(self, kind: bytes, value: bytes) -> bytes:
        return hmac.digest(self.key, kind + b"\0" + value, hashlib.sha256)
