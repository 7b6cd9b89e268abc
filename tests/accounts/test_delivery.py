"""What is due is sent once, whatever the mail server, the database or another worker does meanwhile."""

import io
import json
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from idp.accounts.delivery import LEASE, Delivered, Delivery
from idp.accounts.post import Enclosed, Post
from idp.db import Database, Unavailable, outbox
from idp.db.engine import migration_engine
from idp.db.outbox import Counts, Mail, State
from idp.db.outbox import outbox as rows
from idp.services.keys import MasterKeys
from idp.services.letters import Letter, Letters
from idp.services.mail import Message, NotSent
from tests.builders import PERSON_ID
from tests.crowd import THREADS, together
from tests.fakes import FakeClock, FakeRandomness
from tests.web.conftest import log
from tests.web.outage import take_away

__all__ = ["log"]

ISSUER = "https://id.example.nhs.uk"
TOKEN = "c2VjcmV0LW9mLXRoZS1saW5rLW9mLTQzLWNoYXJhY3RlcnM"
SENDER = "no-reply@esr.example.nhs.uk"
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

LATER = NotSent("451 4.3.0 Try again later", permanent=False)
REFUSED = NotSent("550 5.1.1 <sian@wales.example>: no such mailbox", permanent=True)
AWAY = NotSent("Connection refused", permanent=False, unreachable=True)

Deed = Callable[[Message], None]


class Mailbox:
    """The outside world: keeps what it is given, unless it was told to do something else with it."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.next: deque[NotSent | Exception | Deed] = deque()
        self.always: NotSent | None = None
        self.asked = 0
        self.closed = 0

    def send(self, message: Message) -> None:
        self.asked += 1
        deed = self.next.popleft() if self.next else self.always
        if isinstance(deed, Exception):
            raise deed
        if deed is not None:
            deed(message)
        self.sent.append(message)

    def close(self) -> None:
        self.closed += 1

    @property
    def ids(self) -> list[uuid.UUID]:
        return [message.id for message in self.sent]


class Office:
    """A database with an outbox, and the worker that empties it."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.clock = FakeClock(now)
        self.masters = MasterKeys(bytes(range(32)), bytes(32))
        self.post = Post(self.masters, FakeRandomness(), ISSUER)
        self.letters = Letters()
        self.mailbox = Mailbox()
        self.delivery = self.worker()

    def worker(self, mailbox: Mailbox | None = None, clock: FakeClock | None = None) -> Delivery:
        return Delivery(
            self.database,
            self.masters,
            self.letters,
            mailbox or self.mailbox,
            SENDER,
            clock or self.clock,
        )

    def queue(self, times: int = 1) -> list[uuid.UUID]:
        with self.database.write() as connection:
            return [
                self.post.queue(
                    connection,
                    Letter.UNLOCK,
                    to="sian@wales.example",
                    language="en",
                    values=_values(),
                    person_id=PERSON_ID,
                    reference="7F3K-2Q",
                    now=self.clock.now(),
                )
                for _ in range(times)
            ]

    def mail(self, mail_id: uuid.UUID) -> Mail:
        with self.database.read() as connection:
            found = outbox.find(connection, mail_id)
        assert found is not None
        return found

    def counts(self) -> Counts:
        with self.database.read() as connection:
            return outbox.counts(connection)

    def enclose(self, mail_id: uuid.UUID, sealed: bytes | None) -> None:
        """Damage a row."""
        with migration_engine(self.database.url).begin() as connection:
            connection.execute(update(rows).where(rows.c.id == mail_id).values(sealed=sealed))


def _values() -> dict[str, Any]:
    return {
        "name": "Siân O'Dowd",
        "reference": "7F3K-2Q",
        "forgotten": f"{ISSUER}/forgotten",
        "locked": True,
        "accounts": [
            {
                "username": "123SODOWD01",
                "employer": "Ysbyty Gŵyr",
                "offer": "unlock",
                "link": f"{ISSUER}/unlock-account?link={TOKEN}",
                "until": "2026-11-23T08:00:00+00:00",
                "service_desk": "01792 000000",
            }
        ],
    }


@pytest.fixture
def office(database: Database, now: datetime) -> Office:
    return Office(database, now)


def events(log: io.StringIO, name: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in log.getvalue().splitlines())
    return [line for line in lines if line["event"] == name]


def test_a_mail_is_sent_as_it_was_written(office: Office, now: datetime) -> None:
    [mail_id] = office.queue()
    office.clock.advance(SECOND)

    assert office.delivery.due() == Delivered(sent=1)

    [message] = office.mailbox.sent
    assert (message.id, message.to, message.sender) == (mail_id, "sian@wales.example", SENDER)
    assert (message.language, message.at) == ("en", now)
    assert TOKEN in message.text
    assert TOKEN in message.html
    mail = office.mail(mail_id)
    assert (mail.state, mail.delivered_at, mail.has_content) == (State.SENT, now + SECOND, False)


def test_a_mail_that_leaves_after_its_link_is_over_says_where_to_ask_for_another(office: Office) -> None:
    [mail_id] = office.queue()
    office.mailbox.always = AWAY
    office.delivery.due()
    office.mailbox.always = None
    office.clock.advance(timedelta(hours=1))

    assert office.delivery.due() == Delivered(sent=1)

    [message] = office.mailbox.sent
    assert message.id == mail_id
    for written in (message.text, message.html):
        assert TOKEN not in written
        assert "has expired, because this email could not be sent in time." in written
        assert f"{ISSUER}/unlock\n" in written or f'href="{ISSUER}/unlock"' in written


def test_what_was_sent_is_not_sent_again(office: Office) -> None:
    office.queue()
    office.delivery.due()
    office.clock.advance(2 * DAY)

    assert office.delivery.due() == Delivered()
    assert len(office.mailbox.sent) == 1


def test_the_log_tells_of_a_mail_without_saying_to_whom_or_what(office: Office, log: io.StringIO) -> None:
    office.mailbox.next.append(REFUSED)
    [mail_id] = office.queue()
    office.delivery.due()
    office.clock.advance(5 * SECOND)
    office.delivery.due()

    [put_off] = events(log, "mail_put_off")
    assert (put_off["mail_id"], put_off["kind"], put_off["attempts"]) == (str(mail_id), "unlock", 1)
    assert put_off["cause"] == "550 5.1.1 [address] no such mailbox"
    [sent] = events(log, "mail_sent")
    assert (sent["mail_id"], sent["kind"], sent["attempts"]) == (str(mail_id), "unlock", 2)
    for secret in ("wales.example", "Dowd", TOKEN, "123SODOWD01"):
        assert secret not in log.getvalue()


@pytest.mark.parametrize("answer", [LATER, REFUSED], ids=["refused for now", "refused for good"])
def test_what_a_server_refuses_is_tried_again_with_growing_waits(office: Office, answer: NotSent) -> None:
    office.mailbox.always = answer
    [mail_id] = office.queue()

    for wait in (5, 10, 20, 40, 80, 160, 320, 640, 900, 900):
        assert office.delivery.due() == Delivered(put_off=1)
        assert office.mail(mail_id).next_attempt_at == office.clock.now() + wait * SECOND
        office.clock.advance((wait - 1) * SECOND)
        assert office.delivery.due() == Delivered()
        office.clock.advance(SECOND)

    office.mailbox.always = None
    assert office.delivery.due() == Delivered(sent=1)
    assert office.mail(mail_id).attempts == 11
    assert office.mail(mail_id).last_error is None


def test_the_last_cause_is_kept_for_administrators(office: Office) -> None:
    office.mailbox.always = REFUSED
    [mail_id] = office.queue()
    office.delivery.due()

    assert office.mail(mail_id).last_error == "550 5.1.1 [address] no such mailbox"


def test_after_a_day_a_mail_is_given_up_and_the_log_says_so_aloud(office: Office, log: io.StringIO) -> None:
    office.mailbox.always = REFUSED
    [mail_id] = office.queue()
    office.clock.advance(DAY - SECOND)
    assert office.delivery.due() == Delivered(put_off=1)
    office.clock.advance(5 * SECOND)

    assert office.delivery.due() == Delivered(given_up=1)

    assert office.mail(mail_id).state is State.GIVEN_UP
    [alarm] = events(log, "mail_given_up")
    assert (alarm["level"], alarm["mail_id"]) == ("error", str(mail_id))
    assert alarm["remedy"] == f"idp mail retry {mail_id}"
    office.mailbox.always = None
    office.clock.advance(DAY)
    assert office.delivery.due() == Delivered()


def test_a_mail_that_was_given_up_can_still_be_sent(office: Office) -> None:
    office.mailbox.always = REFUSED
    [mail_id] = office.queue()
    office.clock.advance(DAY)
    assert office.delivery.due() == Delivered(given_up=1)
    office.mailbox.always = None

    with office.database.write() as connection:
        assert outbox.retry(connection, mail_id, office.clock.now())

    assert office.delivery.due() == Delivered(sent=1)
    assert "could not be sent in time" in office.mailbox.sent[0].text


def _nothing(_office: Office, _mail_id: uuid.UUID) -> None:
    return None


def _rubbish(_office: Office, _mail_id: uuid.UUID) -> bytes:
    return b"rubbish"


def _of_another_mail(office: Office, _mail_id: uuid.UUID) -> bytes:
    return Enclosed(Letter.UNLOCK, "sian@wales.example", "en", _values()).seal(
        office.masters, uuid.UUID(int=1)
    )


def _of_another_key(_office: Office, mail_id: uuid.UUID) -> bytes:
    stranger = MasterKeys(bytes(32), bytes(32))
    return Enclosed(Letter.UNLOCK, "sian@wales.example", "en", _values()).seal(stranger, mail_id)


def _of_another_release(office: Office, mail_id: uuid.UUID) -> bytes:
    written = {"letter": "carrier_pigeon", "to": "sian@wales.example", "language": "en", "values": _values()}
    return office.masters.seal(json.dumps(written).encode(), b"outbox" + mail_id.bytes)


def _lacking_values(office: Office, mail_id: uuid.UUID) -> bytes:
    return Enclosed(Letter.UNLOCK, "sian@wales.example", "en", {"name": TOKEN}).seal(office.masters, mail_id)


@pytest.mark.parametrize(
    "damage",
    [_nothing, _rubbish, _of_another_mail, _of_another_key, _of_another_release, _lacking_values],
)
def test_a_mail_that_cannot_be_read_waits_alone(
    office: Office, log: io.StringIO, damage: Callable[[Office, uuid.UUID], bytes | None]
) -> None:
    good, bad, also_good = office.queue(3)
    office.enclose(bad, damage(office, bad))

    assert office.delivery.due() == Delivered(sent=2, put_off=1)

    assert set(office.mailbox.ids) == {good, also_good}
    mail = office.mail(bad)
    assert mail.state is State.WAITING
    assert (mail.last_error or "").startswith("It cannot be read or written: ")
    [told] = events(log, "mail_unreadable")
    assert (told["level"], told["mail_id"]) == ("error", str(bad))
    assert TOKEN not in log.getvalue()


def test_a_mail_that_cannot_be_read_for_a_day_is_given_up_alone(office: Office) -> None:
    good, bad = office.queue(2)
    office.enclose(bad, b"rubbish")
    office.clock.advance(DAY)

    assert office.delivery.due() == Delivered(sent=1, given_up=1)
    assert (office.mail(bad).state, office.mail(good).state) == (State.GIVEN_UP, State.SENT)


def test_a_mail_that_nobody_foresaw_waits_alone(office: Office, log: io.StringIO) -> None:
    office.mailbox.next.append(RuntimeError("a fault of ours"))
    office.queue(3)

    assert office.delivery.due() == Delivered(sent=2, put_off=1)
    assert len(events(log, "mail_unsendable")) == 1


def test_refusals_of_some_mails_do_not_hold_up_the_others(office: Office) -> None:
    office.mailbox.next.extend([LATER, REFUSED] * 10)
    office.queue(40)

    assert office.delivery.due() == Delivered(sent=20, put_off=20)


def test_while_the_server_is_away_one_mail_is_tried_in_the_place_of_all(office: Office) -> None:
    office.mailbox.always = AWAY
    office.queue(1000)

    assert office.delivery.due(1000) == Delivered(put_off=3)
    assert office.delivery.due(1000) == Delivered()
    for wait in (5, 10, 20, 40, 60, 60):
        office.clock.advance((wait - 1) * SECOND)
        assert office.delivery.due(1000) == Delivered()
        office.clock.advance(SECOND)
        assert office.delivery.due(1000) == Delivered(put_off=1)

    office.mailbox.always = None
    office.clock.advance(60 * SECOND)
    assert office.delivery.due(1000).sent >= 991
    office.clock.advance(60 * SECOND)
    office.delivery.due(1000)
    assert office.counts() == Counts(0, 0, None)


def test_a_server_that_comes_back_for_one_mail_gets_them_all(office: Office) -> None:
    office.mailbox.next.extend([AWAY, AWAY, LATER, AWAY, AWAY])
    office.queue(20)

    assert office.delivery.due() == Delivered(sent=15, put_off=5)


def test_a_worker_that_is_told_to_stop_finishes_the_mail_in_hand(office: Office) -> None:
    stop = threading.Event()
    office.mailbox.next.append(lambda _message: stop.set())
    office.queue(3)

    assert office.delivery.due(stop=stop) == Delivered(sent=1)
    assert office.counts().waiting == 2
    assert office.delivery.due(stop=stop) == Delivered()


def test_a_round_ends_at_its_limit_and_hangs_up(office: Office) -> None:
    office.queue(3)

    assert office.delivery.due(2) == Delivered(sent=2)
    assert office.mailbox.closed == 1
    assert office.delivery.due(2) == Delivered(sent=1)
    assert office.mailbox.closed == 2


def test_nothing_is_open_in_the_database_while_the_server_takes_its_time(office: Office) -> None:
    [mail_id] = office.queue()
    seen: list[Mail] = []

    def look(_message: Message) -> None:
        office.queue()
        seen.append(office.mail(mail_id))

    office.mailbox.next.append(look)
    office.delivery.due(1)

    assert [mail.next_attempt_at for mail in seen] == [office.clock.now() + LEASE]


def test_the_mail_of_a_worker_that_died_is_sent_by_another_when_the_lease_is_over(
    office: Office, now: datetime
) -> None:
    class Killed(BaseException):
        pass

    def die(_message: Message) -> None:
        raise Killed

    [mail_id] = office.queue()
    office.mailbox.next.append(die)
    with pytest.raises(Killed):
        office.delivery.due()

    assert office.worker().due() == Delivered()
    office.clock.advance(LEASE)
    assert office.worker().due() == Delivered(sent=1)
    [message] = office.mailbox.sent
    assert (message.id, message.at) == (mail_id, now)


class Halting(FakeClock):
    """The clock of a worker that is halted after it looked for the first time, and later goes on."""

    def __init__(self, now: datetime, halt: timedelta) -> None:
        super().__init__(now)
        self._halt = halt

    def now(self) -> datetime:
        before = super().now()
        self.advance(self._halt)
        self._halt = timedelta(0)
        return before


def test_a_worker_that_was_halted_beyond_its_lease_sends_nothing(office: Office, now: datetime) -> None:
    [mail_id] = office.queue()

    assert office.worker(clock=Halting(now, LEASE)).due(1) == Delivered()

    assert office.mailbox.asked == 0
    assert office.mail(mail_id).state is State.WAITING
    office.clock.advance(LEASE)
    assert office.delivery.due() == Delivered(sent=1)


def test_a_worker_that_was_halted_within_its_lease_goes_on(office: Office, now: datetime) -> None:
    office.queue()

    assert office.worker(clock=Halting(now, LEASE - SECOND)).due(1) == Delivered(sent=1)


@pytest.mark.parametrize("end", [None, LATER], ids=["sends it too", "is refused"])
@pytest.mark.parametrize("other", [None, LATER], ids=["another has sent", "another was refused"])
def test_a_worker_that_was_halted_while_it_sent_marks_nothing(
    office: Office, log: io.StringIO, end: NotSent | None, other: NotSent | None
) -> None:
    [mail_id] = office.queue()
    seen: list[Mail] = []

    def be_halted(_message: Message) -> None:
        office.clock.advance(LEASE)
        elsewhere = Mailbox()
        elsewhere.always = other
        office.worker(elsewhere).due()
        seen.append(office.mail(mail_id))
        if end is not None:
            raise end

    office.mailbox.next.append(be_halted)
    assert office.delivery.due(1) == Delivered()

    assert [office.mail(mail_id)] == seen
    assert seen[0].attempts == 2
    assert len(events(log, "mail_taken_over")) == 1


def test_twelve_workers_at_once_send_every_mail_once(office: Office) -> None:
    queued = office.queue(60)

    rounds = together(lambda: office.worker().due(10), times=2 * THREADS)

    assert sum(each.sent for each in rounds) == 60
    assert Counter(office.mailbox.ids) == dict.fromkeys(queued, 1)


def test_what_the_server_took_is_marked_when_the_database_comes_back(office: Office, tmp_path: Path) -> None:
    engine = office.database._engine  # noqa: SLF001 - taken away and given back
    back = threading.Timer(0.5, lambda: setattr(office.database, "_engine", engine))

    def lose_the_database(_message: Message) -> None:
        take_away(office.database, tmp_path)
        back.start()

    office.mailbox.next.append(lose_the_database)
    office.queue()

    assert office.delivery.due(1) == Delivered(sent=1)
    assert office.counts().waiting == 0


def test_without_its_database_a_round_ends_and_the_mail_waits(office: Office, tmp_path: Path) -> None:
    engine = office.database._engine  # noqa: SLF001 - the same
    [mail_id] = office.queue()
    take_away(office.database, tmp_path)

    with pytest.raises(Unavailable):
        office.delivery.due()

    office.database._engine = engine  # noqa: SLF001 - the same
    assert office.mail(mail_id).attempts == 0
    assert office.delivery.due() == Delivered(sent=1)
