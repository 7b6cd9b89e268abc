"""Answer the requests for login details that pages have stored.

One transaction a request: it finds whose accounts were meant, makes the links, queues the letters and notes
the request as finished, wholly or not at all. A lease is taken before, in a transaction of its own, so that a
request which brings a worker down is not tried again at once, and never by two workers.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Final
from uuid import UUID

from idp.accounts.attempt import Attempts
from idp.accounts.identity import Cause, Enclosed, Match, is_on_record, match
from idp.accounts.known_device import KnownDevices
from idp.accounts.login_details import LoginDetails
from idp.accounts.recovery_miss import Missed, Misses
from idp.db import Connection, Database, Unavailable, audit, recovery_request
from idp.db.audit import AuditEvent
from idp.db.recovery_request import RecoveryRequest
from idp.policy.backoff import Backoff, wait
from idp.policy.event_name import EventName
from idp.policy.rate import RecoveryLimits
from idp.policy.recovery import Kind
from idp.services import logs
from idp.services.clock import Clock
from idp.services.keys import MasterKeys, SealBroken

_LEASE: Final = timedelta(seconds=60)
_log = logs.get()


@dataclass(frozen=True, slots=True)
class Answers:
    """Works off what is due."""

    database: Database
    masters: MasterKeys
    attempts: Attempts
    known_devices: KnownDevices
    details: LoginDetails
    misses: Misses
    limits: RecoveryLimits
    clock: Clock

    def work(self, limit: int, stop: Event | None) -> int:
        """Answer what is due, oldest first; how many requests were taken up. Raises `Unavailable`.

        One that fails is tried again later, one that cannot be read is given up, and neither keeps the
        others waiting.
        """
        taken = 0
        while taken < limit and not (stop is not None and stop.is_set()):
            with self.database.write_once() as connection:
                request = recovery_request.claim(connection, self.clock.now(), _LEASE)
            if request is None:
                break
            taken += 1
            self._work_on(request)
        return taken

    def _work_on(self, request: RecoveryRequest) -> None:
        try:
            enclosed = Enclosed.open(self.masters, request.kind, request.digest, request.sealed)
        except (SealBroken, ValueError, KeyError, TypeError) as error:
            self._give_up(request, error)
            return
        try:
            self._answer(request, enclosed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other requests go on
            self._put_off(request, error)

    def _answer(self, request: RecoveryRequest, enclosed: Enclosed) -> None:
        now = self.clock.now()
        with self.database.write() as connection:
            if not recovery_request.finish(connection, request):
                return
            matched = match(connection, enclosed.identity)
            if isinstance(matched, Cause):
                self._miss(connection, request, enclosed, matched, now)
                return
            for each in matched:
                if self._may_write_to(connection, request.kind, enclosed, each.person.id, now):
                    self.details.send(
                        connection,
                        request.kind,
                        each.accounts,
                        parked=enclosed.identity.request,
                        reference=request.reference,
                        address=enclosed.address,
                        now=now,
                    )
                else:
                    _record_limited(connection, request, enclosed, each, now)

    def _may_write_to(
        self, connection: Connection, kind: Kind, enclosed: Enclosed, person_id: UUID, now: datetime
    ) -> bool:
        """Count the letter by who asked for it: a stranger uses up only what strangers have.

        Who has lost a password because strangers ask all day still gets a link, from a browser that knows
        them or from a network we trust; and who asked for usernames first may ask for a link then.
        """
        asker = self._asker(enclosed, person_id, now)
        wanted = "usernames" if kind is Kind.REQUEST else "links"
        # What the hour refuses is not counted for the day.
        return all(
            self.attempts.may_recover(connection, f"{wanted} {asker} {name} {person_id}", limit, now)
            for name, limit in (("hour", self.limits.person_hour), ("day", self.limits.person_day))
        )

    def _asker(self, enclosed: Enclosed, person_id: UUID, now: datetime) -> str:
        if self.known_devices.knows(enclosed.known_device, person_id, now):
            return "known"
        return "trusted" if enclosed.is_trusted else "stranger"

    def _miss(
        self,
        connection: Connection,
        request: RecoveryRequest,
        enclosed: Enclosed,
        cause: Cause,
        now: datetime,
    ) -> None:
        identity = enclosed.identity
        missed = Missed(
            request.kind,
            identity.email,
            identity.username,
            cause,
            request.reference,
            is_on_record=is_on_record(connection, identity),
        )
        self.misses.remember(connection, missed, now)
        detail = {"kind": request.kind.value, "cause": cause.value}
        _record(connection, EventName.RECOVERY_MISSED, request, now, address=enclosed.address, detail=detail)

    def _put_off(self, request: RecoveryRequest, error: Exception) -> None:
        now = self.clock.now()
        if request.expires_at <= now and not isinstance(error, Unavailable):
            self._give_up(request, error)
            return
        _log.warning("recovery_put_off", reference=request.reference, exc_info=error)
        # Without the database the lease ends by itself.
        with suppress(Unavailable), self.database.write_once() as connection:
            recovery_request.put_off(connection, request, now + wait(Backoff(), request.attempts))

    def _give_up(self, request: RecoveryRequest, error: Exception) -> None:
        _log.error("recovery_given_up", reference=request.reference, exc_info=error)
        with self.database.write() as connection:
            if recovery_request.finish(connection, request):
                _record(connection, EventName.RECOVERY_GIVEN_UP, request, self.clock.now())


def _record_limited(
    connection: Connection, request: RecoveryRequest, enclosed: Enclosed, matched: Match, now: datetime
) -> None:
    for row in matched.accounts:
        _record(
            connection, EventName.RECOVERY_LIMITED, request, now, address=enclosed.address, account_id=row.id
        )


def _record(
    connection: Connection,
    event: EventName,
    request: RecoveryRequest,
    now: datetime,
    *,
    address: str | None = None,
    account_id: UUID | None = None,
    detail: dict[str, str] | None = None,
) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=event,
            outcome="failed",
            account_id=account_id,
            address=address,
            reference=request.reference,
            detail=detail or {"kind": request.kind.value},
        ),
    )
