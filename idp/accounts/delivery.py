"""Send the mail that waits: at least once each, and at most one duplicate a crash.

A row is claimed and that is committed before the mail server is spoken to, so nothing is open while it takes
its time; a worker that dies leaves its row to the next one when the lease is over. What is not taken, for now
or for good, is tried again with growing waits for a day: servers call permanent what an administrator mends
an hour later. `mail_given_up` in the log is the alarm.

What surprises: a mail that cannot be read or rendered waits alone and does not hold up the others; while the
server cannot be reached at all, one mail is tried now and then in the place of all.
"""

import re
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.accounts import late_letter
from idp.accounts.post import Enclosed
from idp.db import Database, Unavailable, outbox
from idp.db.outbox import Claimed
from idp.policy import backoff
from idp.policy.backoff import Backoff
from idp.services import logs
from idp.services.clock import Clock
from idp.services.keys import MasterKeys
from idp.services.letters import Letters
from idp.services.mail import Mailer, Message, NotSent

LEASE = timedelta(minutes=5)
"""Longer than a mail server can keep us with one mail; a mail whose worker died waits as long."""

_MAILS = Backoff()
_SERVER = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=1))
_IN_A_ROW = 3
_MARKING_PAUSES = (0.2, 1.0, 3.0)
_ADDRESS = re.compile(r"\S*@\S*")

_log = logs.get()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the mails of one round."""

    sent: int = 0
    put_off: int = 0
    given_up: int = 0


class _Outcome(StrEnum):
    SENT = "sent"
    PUT_OFF = "put_off"
    GIVEN_UP = "given_up"
    TAKEN_OVER = "taken_over"


class Delivery:
    """Sends what is due, one after another; one thread at a time, and any number of processes."""

    def __init__(
        self,
        database: Database,
        masters: MasterKeys,
        letters: Letters,
        mailer: Mailer,
        sender: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._masters = masters
        self._letters = letters
        self._mailer = mailer
        self._sender = sender
        self._clock = clock
        self._server = _Server()

    def due(self, limit: int = 50, stop: threading.Event | None = None) -> Delivered:
        """Send at most `limit` mails that are due, until told to stop.

        Raises `Unavailable` when the database goes away; what was claimed then is tried again later.
        """
        stop = stop or threading.Event()
        outcomes: Counter[_Outcome] = Counter()
        try:
            for _ in range(limit):
                claimed = None if stop.is_set() else self._claim()
                if claimed is None:
                    break
                outcomes[self._send(claimed, stop)] += 1
        finally:
            self._mailer.close()
        return Delivered(outcomes[_Outcome.SENT], outcomes[_Outcome.PUT_OFF], outcomes[_Outcome.GIVEN_UP])

    def _claim(self) -> Claimed | None:
        now = self._clock.now()
        if not self._server.may_be_tried(now):
            return None
        with self._database.write_once() as connection:
            return outbox.claim(connection, now, LEASE)

    def _send(self, claimed: Claimed, stop: threading.Event) -> _Outcome:
        try:
            message = self._message(claimed)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with this row, the others are sent
            _log.error("mail_unreadable", mail_id=claimed.id, kind=claimed.kind, exc_info=error)
            return self._failed(claimed, f"It cannot be read or written: {type(error).__name__}")
        if self._clock.now() >= claimed.until:
            return self._taken_over(claimed)
        try:
            self._mailer.send(message)
        except NotSent as error:
            self._server.answered(self._clock.now(), is_away=error.unreachable)
            return self._failed(claimed, _without_addresses(error.reason))
        except Exception as error:  # noqa: BLE001 - the same
            _log.error("mail_unsendable", mail_id=claimed.id, kind=claimed.kind, exc_info=error)
            return self._failed(claimed, f"It cannot be sent: {type(error).__name__}")
        self._server.answered(self._clock.now(), is_away=False)
        return self._sent(claimed, stop)

    def _message(self, claimed: Claimed) -> Message:
        if claimed.sealed is None:
            raise ValueError("This mail has no content")
        enclosed = Enclosed.open(self._masters, claimed.id, claimed.sealed)
        values = late_letter.as_of(enclosed.values, self._clock.now())
        written = self._letters.render(enclosed.letter, enclosed.language, values)
        return Message(
            id=claimed.id,
            to=enclosed.to,
            sender=self._sender,
            subject=written.subject,
            text=written.text,
            html=written.html,
            language=enclosed.language,
            # The same at every attempt, so that what comes twice is seen to be one mail.
            at=claimed.created_at,
        )

    def _sent(self, claimed: Claimed, stop: threading.Event) -> _Outcome:
        """The server has taken it: it is worth waiting to write that down."""
        for pause in _MARKING_PAUSES:
            try:
                return self._mark_sent(claimed)
            except Unavailable as error:
                _log.warning("mail_sent_but_not_marked", mail_id=claimed.id, cause=str(error))
                stop.wait(pause)
        return self._mark_sent(claimed)

    def _mark_sent(self, claimed: Claimed) -> _Outcome:
        with self._database.write_once() as connection:
            is_mine = outbox.delivered(connection, claimed.id, claimed.attempts, self._clock.now())
        if not is_mine:
            return self._taken_over(claimed)
        _log.info("mail_sent", mail_id=claimed.id, kind=claimed.kind, attempts=claimed.attempts)
        return _Outcome.SENT

    def _failed(self, claimed: Claimed, cause: str) -> _Outcome:
        now = self._clock.now()
        is_over = backoff.has_run_out(_MAILS, claimed.created_at, now)
        until = now + backoff.wait(_MAILS, claimed.attempts)
        with self._database.write_once() as connection:
            if is_over:
                is_mine = outbox.give_up(connection, claimed.id, claimed.attempts, now, cause)
            else:
                is_mine = outbox.put_off(connection, claimed.id, claimed.attempts, until, cause)
        if not is_mine:
            return self._taken_over(claimed)
        about = {"mail_id": claimed.id, "kind": claimed.kind, "attempts": claimed.attempts, "cause": cause}
        if is_over:
            _log.error("mail_given_up", **about, remedy=f"idp mail retry {claimed.id}")
            return _Outcome.GIVEN_UP
        _log.warning("mail_put_off", **about, until=until)
        return _Outcome.PUT_OFF

    def _taken_over(self, claimed: Claimed) -> _Outcome:
        """We were held up for longer than the lease: another worker has this mail, or has sent it."""
        _log.warning("mail_taken_over", mail_id=claimed.id, kind=claimed.kind, attempts=claimed.attempts)
        return _Outcome.TAKEN_OVER


class _Server:
    """Whether it is worth asking the mail server: not all the time while it cannot be reached.

    Otherwise each of a thousand mails would wait for it in vain, and be put off for longer each time.
    """

    def __init__(self) -> None:
        self._in_vain = 0
        self._not_before: datetime | None = None

    def may_be_tried(self, now: datetime) -> bool:
        return self._not_before is None or self._not_before <= now

    def answered(self, now: datetime, *, is_away: bool) -> None:
        self._in_vain = self._in_vain + 1 if is_away else 0
        beyond = self._in_vain - _IN_A_ROW
        self._not_before = now + backoff.wait(_SERVER, beyond + 1) if beyond >= 0 else None


def _without_addresses(reason: str) -> str:
    """What a server said, fit for the log: servers repeat whom the mail was for."""
    return _ADDRESS.sub("[address]", reason)
