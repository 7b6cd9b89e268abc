"""A thousand mails through everything that happens to mail servers and workers.

None may be lost, none may come more than twice, and at most one in a hundred twice. The server is real SMTP
on loopback; time is moved, so that waits of minutes take none.
"""

import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from idp.accounts.delivery import LEASE, Delivery
from idp.accounts.post import Post
from idp.db import Database, outbox
from idp.db.outbox import State
from idp.services.clock import SystemClock
from idp.services.keys import MasterKeys
from idp.services.letters import Letter, Letters
from idp.services.mail import Message, SmtpMailer, smtp_server
from idp.services.randomness import SystemRandomness
from tests.cli import running
from tests.fakes import FakeClock
from tests.smtp import Mode, SmtpSink

MAILS = 1000
WORKERS = 2
ROUND = 100
LONGEST = 15 * 60
SENDER = "no-reply@esr.example.nhs.uk"
ISSUER = "https://id.example.nhs.uk"

# Workers are killed at the sending of these numbers, before or after the server has taken the mail.
DEATHS = ((40, "before"), (80, "after"), (222, "after"), (333, "before"), (500, "after"), (700, "before"))


class Killed(BaseException):
    """What ends a worker without a word to anybody."""


class Mortal(SmtpMailer):
    """A worker's way to the server, on which it may be killed."""

    def __init__(self, scene: "Scene") -> None:
        super().__init__(smtp_server(scene.sink.url), timeout=5)
        self._scene = scene

    def send(self, message: Message) -> None:
        death = self._scene.death_of(message)
        if death == "before":
            raise Killed
        super().send(message)
        if death == "after":
            raise Killed


class Scene:
    """The outbox, the mail server, and two workers, each of which is replaced when it is killed."""

    def __init__(self, database: Database, keys_dir: Path, sink: SmtpSink) -> None:
        self.database = database
        self.masters = MasterKeys.load(keys_dir)
        self.sink = sink
        # Begins at the time of the machine: a worker in a process of its own takes part.
        self.clock = FakeClock(SystemClock().now())
        self.letters = Letters()
        self.deaths: list[tuple[int, str]] = []
        self._sendings = itertools.count(1)
        self._one_at_a_time = threading.Lock()
        self._workers = [self._worker() for _ in range(WORKERS)]

    def queue(self) -> set[uuid.UUID]:
        post = Post(self.masters, SystemRandomness(), ISSUER)
        with self.database.write() as connection:
            return {
                post.queue(
                    connection,
                    Letter.ACCOUNT_UNLOCKED,
                    to=f"person{n}@example.nhs.uk",
                    language="en",
                    values={
                        "name": f"Person {n}",
                        "username": "918PERSON01",
                        "employer": "NHS Blood and Transplant",
                        "at": "2026-11-23T07:00:00+00:00",
                        "forgotten": f"{ISSUER}/forgotten",
                        "service_desk": None,
                    },
                    person_id=None,
                    reference=None,
                    now=self.clock.now(),
                )
                for n in range(MAILS)
            }

    def death_of(self, message: Message) -> str | None:
        """How the worker that sends this is killed. Each mail has one misfortune at most."""
        is_first = all(mail.id != message.id for mail in list(self.sink.received))
        with self._one_at_a_time:
            number = next(self._sendings) if self.deaths else 0
            is_time = bool(self.deaths) and self.deaths[0][0] <= number
            return self.deaths.pop(0)[1] if is_first and is_time else None

    def waiting(self) -> int:
        with self.database.read() as connection:
            return outbox.counts(connection).waiting

    def work(self, mode: Mode, *, rounds: int, seconds: int) -> None:
        """While the server answers so, let both workers send what is due, again and again."""
        self.sink.mode = mode
        for _ in range(rounds):
            with ThreadPoolExecutor(WORKERS) as threads:
                list(threads.map(self._round, range(WORKERS)))
            self.clock.advance(timedelta(seconds=seconds))

    def _round(self, number: int) -> None:
        try:
            self._workers[number].due(ROUND)
        except Killed:
            self._workers[number] = self._worker()

    def _worker(self) -> Delivery:
        return Delivery(self.database, self.masters, self.letters, Mortal(self), SENDER, self.clock)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    MasterKeys.create(tmp_path / "keys")
    with SmtpSink() as sink:
        yield Scene(database, tmp_path / "keys", sink)


def kill_a_process(scene: Scene, folder: Path) -> None:
    """Kill a worker, as the system would for want of memory, in the middle of its work."""
    log = folder / "worker.log"
    settings = {
        "IDP_ISSUER": ISSUER,
        "IDP_DATABASE_URL": scene.database.url,
        "IDP_KEYS_DIR": str(folder / "keys"),
        "IDP_SMTP_URL": scene.sink.url,
        "IDP_MAIL_FROM": SENDER,
    }
    process = running.start(log, "worker", environ=settings)
    try:
        running.wait_until(lambda: len(scene.sink.received) >= 10, log)
    finally:
        process.kill()
        process.wait()


def test_of_a_thousand_mails_none_is_lost_and_one_in_a_hundred_at_most_comes_twice(
    scene: Scene, tmp_path: Path
) -> None:
    queued = scene.queue()
    kill_a_process(scene, tmp_path)
    assert 10 <= len(scene.sink.received) < MAILS - ROUND

    scene.work("down", rounds=12, seconds=5)
    scene.work("4xx", rounds=1, seconds=60)
    scene.work("5xx", rounds=1, seconds=60)
    scene.work("down", rounds=4, seconds=60)
    scene.sink.next("die_after_data", times=4)
    scene.deaths.extend(DEATHS)
    scene.work("ok", rounds=20, seconds=60)
    scene.work("ok", rounds=5, seconds=max(LONGEST, LEASE.seconds))

    times = Counter(mail.id for mail in scene.sink.received)
    doubled = [mail_id for mail_id, count in times.items() if count > 1]
    assert scene.deaths == []
    assert scene.waiting() == 0
    assert set(times) == queued
    assert max(times.values()) <= 2
    # What the server took without being able to say so, and what a worker was killed over, comes twice.
    assert 7 <= len(doubled) <= MAILS // 100
    with scene.database.read() as connection:
        rows = outbox.newest(connection, MAILS)
    assert {(row.state, row.has_content) for row in rows} == {(State.SENT, False)}
