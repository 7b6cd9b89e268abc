"""Ask for login details, and unlock: what the pages call, and what the worker calls.

OWASP ASVS 5.0 §6.3.8, §6.4.1, §6.4.2, §6.4.3. A page only counts and stores what was typed, encrypted, with
the same statements for a member and for a stranger; a worker looks later whose it is and writes to the
address on record. The typed one is never an address to send to. Email and date of birth route a letter and
prove nothing; whatever opens, opens by the link inside.
"""

from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final
from uuid import UUID

from idp.accounts.attempt import AddressThrottled, Attempts
from idp.accounts.identity import Enclosed, Identity
from idp.accounts.known_device import KnownDevices
from idp.accounts.link import UNLOCK_PURPOSES, LinkProblem, Links
from idp.accounts.login_details import LoginDetails
from idp.accounts.post import Post
from idp.accounts.recovery_answer import Answers
from idp.accounts.recovery_miss import Misses
from idp.accounts.sign_in import PASSWORD
from idp.db import Connection, Database, attempt, audit, recovery_request
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.recovery_request import RecoveryRequest
from idp.policy import network
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.policy.rate import SHARED, RecoveryLimits, is_exceeded, seconds_to_wait, widened
from idp.policy.recovery import Kind
from idp.services import logs
from idp.services.clock import Clock
from idp.services.digest import digest
from idp.services.keys import MasterKeys
from idp.services.randomness import Randomness

__all__ = ["Asked", "AskedBefore", "Identity", "Recovery", "RecoveryBusy", "Unlocked"]

# A network may ask for this many times as much as one address in it.
_AROUND: Final = 3
_log = logs.get()


@dataclass(frozen=True, slots=True)
class Asked:
    """The request is stored. The browser keeps the `handle`; the person may quote the `reference`."""

    handle: str
    reference: str


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """What a browser's handle stands for."""

    kind: Kind
    reference: str


@dataclass(frozen=True, slots=True)
class RecoveryBusy:
    """All people together have asked for too much; `retry_after` is in seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Guesses at the person's password are heard again; the password is the same."""

    username: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """The service over what it needs. `administrators` are the mail addresses that hear of misses."""

    database: Database
    masters: MasterKeys
    attempts: Attempts
    known_devices: KnownDevices
    links: Links
    post: Post
    limits: RecoveryLimits
    lifetimes: Lifetimes
    clock: Clock
    randomness: Randomness
    administrators: tuple[str, ...]

    def ask(
        self, identity: Identity, *, address: str, is_shared: bool, known_device: str | None
    ) -> Asked | AddressThrottled | RecoveryBusy:
        """Store a request for the worker.

        `is_shared` says that the address is of a trusted network, which many people share; `known_device` is
        the value of that cookie.
        """
        now = self.clock.now()
        handle, reference = self.randomness.token(), self.randomness.reference()
        key = digest(handle)
        request = RecoveryRequest(
            digest=key,
            kind=identity.kind,
            reference=reference,
            sealed=Enclosed(identity, address, is_shared, known_device).seal(self.masters, key),
            created_at=now,
            expires_at=now + self.lifetimes.recovery_request,
            next_attempt_at=now,
            attempts=0,
        )
        with self.database.write() as connection:
            refused = self._count(connection, address, now, is_shared=is_shared)
            if refused is not None:
                return refused
            recovery_request.add(connection, request)
        return Asked(handle, reference)

    def ask_again(
        self, handle: str, *, address: str, is_shared: bool
    ) -> Asked | AddressThrottled | RecoveryBusy | None:
        """Have the same request answered once more, under the same limits; None when it is not kept."""
        now = self.clock.now()
        with self.database.write() as connection:
            found = self._find(connection, handle, now)
            if found is None:
                return None
            refused = self._count(connection, address, now, is_shared=is_shared)
            if refused is not None:
                return refused
            recovery_request.again(connection, found.digest, now)
        return Asked(handle, found.reference)

    def find(self, handle: str) -> AskedBefore | None:
        """What was asked under the handle, while it is kept."""
        with self.database.read() as connection:
            found = self._find(connection, handle, self.clock.now())
        return None if found is None else AskedBefore(found.kind, found.reference)

    def work(self, limit: int = 50, stop: Event | None = None) -> int:
        """Answer requests that are due; how many were taken up. For the worker. Raises `Unavailable`."""
        answers = Answers(
            self.database,
            self.masters,
            self.attempts,
            self.known_devices,
            self._details,
            self._misses,
            self.limits,
            self.clock,
        )
        return answers.work(limit, stop)

    def report_misses(self) -> int:
        """Tell administrators what reached nobody, at most once an hour; how many letters that made."""
        return self._misses.report(self.clock.now())

    def unlock(self, token: str, *, address: str) -> Unlocked | LinkProblem:
        """Use an unlock link: guesses at its owner's password are heard again, and no others."""
        now = self.clock.now()
        with self.database.write() as connection:
            link = self.links.redeem(connection, token, UNLOCK_PURPOSES, now)
            if isinstance(link, LinkProblem):
                return link
            owner = self._details.unlocked(connection, link.account_id, now)
            cleared = attempt.clear(connection, self.attempts.of_person(owner.person_id), PASSWORD)
            audit.record(
                connection,
                AuditEvent(
                    at=now,
                    event=EventName.ACCOUNT_UNLOCKED,
                    account_id=link.account_id,
                    address=address,
                    detail={"username": owner.username, "counters": cleared, "by": "link"},
                ),
            )
        return Unlocked(owner.username)

    def invite(self, connection: Connection, account_id: UUID, now: datetime) -> None:
        """Queue the welcome letter of a pending account, with a link to activate it."""
        self._details.welcome(connection, account_id, now)

    def send_details(self, connection: Connection, row: Account, now: datetime) -> str:
        """Queue what Forgotten sends, about one account, at the service desk's wish; its reference."""
        reference = self.randomness.reference()
        self._details.send(
            connection, Kind.FORGOTTEN, (row,), parked=None, reference=reference, address=None, now=now
        )
        return reference

    @property
    def _details(self) -> LoginDetails:
        return LoginDetails(self.attempts, self.links, self.post)

    @property
    def _misses(self) -> Misses:
        return Misses(self.database, self.masters, self.post, self.randomness, self.administrators)

    def _count(
        self, connection: Connection, address: str, now: datetime, *, is_shared: bool
    ) -> AddressThrottled | RecoveryBusy | None:
        own = widened(self.limits.address, SHARED) if is_shared else self.limits.address
        # Strangers cannot use up what those in trusted networks have together.
        apart = ", trusted" if is_shared else ""
        around = f"network {network.around(address)}{apart}"
        # What is refused uses up nothing of what comes after.
        for counted, limit in ((f"address {address}", own), (around, widened(own, _AROUND))):
            if not self.attempts.may_recover(connection, counted, limit, now):
                return AddressThrottled(seconds_to_wait(limit, now))
        asked = self.attempts.count_recovery(connection, f"whole{apart}", self.limits.whole, now)
        if not is_exceeded(self.limits.whole, asked):
            return None
        if asked == self.limits.whole.count + 1:
            whose = "trusted networks" if is_shared else "everybody"
            _log.warning("recovery_limit_reached", of=whose, limit=self.limits.whole.count)
        return RecoveryBusy(seconds_to_wait(self.limits.whole, now))

    def _find(self, connection: Connection, handle: str, now: datetime) -> RecoveryRequest | None:
        found = recovery_request.find(connection, digest(handle))
        return found if found is not None and found.expires_at > now else None
