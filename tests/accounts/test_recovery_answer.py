"""The worker: each request is answered once and wholly, whatever fails, and nobody is flooded."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

from sqlalchemy import update
from structlog.testing import capture_logs

from idp.accounts.link import Link
from idp.accounts.post import Post
from idp.accounts.recovery import Recovery
from idp.db import (
    Connection,
    Database,
    Unavailable,
    recovery_request,
)
from idp.db.recovery_request import recovery_requests
from idp.policy.rate import RateLimit, RecoveryLimits
from idp.policy.recovery import Kind
from idp.services.digest import digest
from tests.accounts.desk import Desk, jane
from tests.crowd import together

HOUR = timedelta(hours=1)


def test_a_person_gets_three_letters_an_hour_and_six_a_day(desk: Desk) -> None:
    sent = []
    for n in range(5):
        for m in range(5):
            before = desk.written()
            desk.ask((Kind.FORGOTTEN, Kind.UNLOCK)[m % 2], address=f"192.0.{n}.{m}")
            desk.recovery.work()
            sent.append(desk.written() - before)
        desk.site.clock.advance(HOUR)
    assert sent == [1, 1, 1, 0, 0] * 2 + [0] * 15

    desk.site.clock.advance(timedelta(hours=12))
    assert len(desk.answer()) == 1


def known_device(desk: Desk, person_id: UUID) -> str:
    return desk.recovery.known_devices.after_sign_in(None, person_id, desk.site.clock.now())


def test_strangers_do_not_use_up_what_a_person_may_be_sent(desk: Desk) -> None:
    owner = jane(desk)
    other = desk.site.add_account("918JDOE01")
    cookie = known_device(desk, owner.person_id)

    def sent(times: int, **asked: Any) -> int:  # noqa: ANN401 - of a request
        before = desk.written()
        for n in range(times):
            desk.ask(address=f"192.0.2.{n}", **asked)
        desk.recovery.work()
        return desk.written() - before

    assert sent(4, known_device=known_device(desk, other.person_id)) == 3
    assert sent(1, known_device=cookie + "x" * 999) == 0
    assert sent(1, known_device="\ud800") == 0
    assert sent(4, known_device=cookie) == 3
    assert sent(4, known_device=None, is_shared=True) == 3
    assert sent(1, known_device=cookie, is_shared=True) == 0, "a browser that knows them comes first"


def test_who_has_asked_for_usernames_may_ask_for_links(desk: Desk) -> None:
    def sent(kind: Kind) -> int:
        before = desk.written()
        desk.ask(kind)
        desk.recovery.work()
        return desk.written() - before

    assert [sent(Kind.REQUEST) for _ in range(4)] == [1, 1, 1, 0]
    assert [sent(kind) for kind in (Kind.FORGOTTEN, Kind.UNLOCK, Kind.FORGOTTEN, Kind.UNLOCK)] == [1, 1, 1, 0]


def test_a_request_that_the_release_before_stored_is_answered(desk: Desk) -> None:
    asked = desk.ask()
    key = digest(asked.handle)
    written = {
        "email": "918jsmith01@example.nhs.uk",
        "date_of_birth": "1984-02-29",
        "username": None,
        "language": "cy",
        "request": None,
        "address": "192.0.2.7",
    }
    sealed = desk.site.provider.masters.seal(json.dumps(written).encode(), b"recovery" + key)
    desk.run(update(recovery_requests).values(sealed=sealed))

    assert desk.recovery.work() == 1
    assert len(desk.letters()) == 1


def test_a_letter_too_many_is_recorded_and_its_older_links_stay_live(desk: Desk) -> None:
    recovery = replace(desk.recovery, limits=RecoveryLimits(person_hour=RateLimit(1, HOUR)))
    desk = Desk(desk.site, recovery)
    [letter] = desk.answer()
    asked = desk.ask()
    recovery.work()

    assert desk.events(asked.reference) == [("recovery.limited", jane(desk).id, {"kind": "forgotten"})]
    assert isinstance(desk.link(letter.values["accounts"][0]["link"]), Link)
    desk.site.add_account("918JDOE01")
    assert len(desk.answer(email="918jdoe01@example.nhs.uk")) == 1, (
        "another person's letters are counted apart"
    )


def test_the_limit_of_a_person_holds_for_many_workers(desk: Desk) -> None:
    for n in range(9):
        desk.ask(address=f"192.0.2.{n}")

    together(lambda: desk.recovery.work(limit=1))
    while desk.recovery.work():
        pass
    assert desk.written() == 3
    [letter] = desk.letters()
    assert isinstance(desk.link(letter.values["accounts"][0]["link"]), Link)


def test_a_request_is_tied_to_its_row(desk: Desk) -> None:
    asked = desk.ask()
    with desk.site.provider.database.read() as connection:
        [request] = recovery_request.of_reference(connection, asked.reference)
    desk.ask(email="nobody@example.nhs.uk")
    desk.run(update(recovery_requests).values(sealed=request.sealed))
    with capture_logs() as logged:
        assert desk.recovery.work() == 2

    assert len(desk.letters()) == 1
    assert [line["event"] for line in logged] == ["recovery_given_up"]


def test_a_request_that_cannot_be_read_is_given_up_alone(desk: Desk) -> None:
    broken = [desk.ask() for _ in range(2)]
    desk.run(update(recovery_requests).values(sealed=b"broken"))
    asked = desk.ask()
    with capture_logs() as logged:
        assert desk.recovery.work() == 3

    assert [letter.values["reference"] for letter in desk.letters()] == [asked.reference]
    assert [(line["event"], line["log_level"]) for line in logged] == [("recovery_given_up", "error")] * 2
    assert desk.events(broken[0].reference) == [("recovery.given_up", None, {"kind": "forgotten"})]
    desk.site.clock.advance(HOUR)
    assert desk.recovery.work() == 0


ODD = (b"", b"[]", b"{}", b"null", b'{"email": 1}', b"\xff", b'{"email":"a@b.example","date_of_birth":"x"}')


def test_a_request_in_odd_json_is_given_up(desk: Desk) -> None:
    masters = desk.site.provider.masters
    for n, plain in enumerate(ODD):
        asked = desk.ask(address=f"192.0.2.{n}")
        key = digest(asked.handle)
        sealed = masters.seal(plain, b"recovery" + key)
        desk.run(update(recovery_requests).where(recovery_requests.c.digest == key).values(sealed=sealed))
    with capture_logs() as logged:
        assert desk.recovery.work() == 7

    assert [line["event"] for line in logged] == ["recovery_given_up"] * 7
    assert desk.letters() == []


class FailingPost(Post):
    """An outbox that is out of order."""

    def queue(self, *_: Any, **__: Any) -> UUID:  # noqa: ANN401 - whatever it is given
        raise RuntimeError("out of order")


def out_of_order(desk: Desk) -> Recovery:
    post = desk.recovery.post
    return replace(desk.recovery, post=FailingPost(post.masters, post.randomness, post.issuer))


def test_a_request_whose_answer_fails_leaves_nothing_and_is_tried_again(desk: Desk) -> None:
    asked = desk.ask()
    with capture_logs() as logged:
        assert out_of_order(desk).work() == 1

    assert [line["event"] for line in logged] == ["recovery_put_off"]
    assert desk.events(asked.reference) == []
    with desk.site.provider.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM links", (), lambda cursor: cursor.fetchone()[0]) == 0
    desk.site.clock.advance(timedelta(seconds=5) - timedelta(microseconds=1))
    assert desk.recovery.work() == 0
    desk.site.clock.advance(timedelta(microseconds=1))
    assert desk.recovery.work() == 1
    assert len(desk.letters()) == 1


def test_a_request_that_always_fails_is_given_up_when_it_expires(desk: Desk) -> None:
    asked = desk.ask()
    failing = out_of_order(desk)
    with capture_logs() as logged:
        for _ in range(40):
            failing.work()
            desk.site.clock.advance(timedelta(minutes=5))

    assert Counter(line["event"] for line in logged)["recovery_given_up"] == 1
    assert [event for event, _, _ in desk.events(asked.reference)] == ["recovery.given_up"]


@dataclass
class Between:
    """A database to which something happens between taking a request and answering it."""

    database: Database
    happens: Callable[[], object]

    def write(self) -> AbstractContextManager[Connection]:
        self.happens()
        return self.database.write()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the database's
        return getattr(self.database, name)


def between(desk: Desk, happens: Callable[[], object]) -> Recovery:
    database: Any = Between(desk.recovery.database, happens)
    return replace(desk.recovery, database=database)


def test_a_worker_that_was_held_up_answers_nothing_twice(desk: Desk) -> None:
    desk.ask()

    def another_is_faster() -> None:
        desk.site.clock.advance(timedelta(seconds=60))
        assert desk.recovery.work() == 1

    assert between(desk, another_is_faster).work() == 1
    assert len(desk.letters()) == 1


def test_without_the_database_a_request_stays_due_however_long_that_lasts(desk: Desk) -> None:
    desk.ask()

    def is_down() -> None:
        raise Unavailable("It is down.")

    down = between(desk, is_down)
    for _ in range(10):
        assert down.work() == 1
        desk.site.clock.advance(timedelta(minutes=15))

    assert desk.recovery.work() == 1
    assert len(desk.letters()) == 1


def test_work_ends_when_told(desk: Desk) -> None:
    desk.ask()
    desk.ask()
    stop = Event()
    stop.set()

    assert desk.recovery.work(stop=stop) == 0
    assert desk.recovery.work(limit=1) == 1
    assert desk.recovery.work() == 1
    assert desk.recovery.work() == 0


def test_many_workers_answer_each_request_once(desk: Desk) -> None:
    for n in range(20):
        desk.site.add_account(f"918P{'ABCDEFGHIJKLMNOPQRST'[n]}X01")
        email = f"918p{'abcdefghijklmnopqrst'[n]}x01@example.nhs.uk"
        desk.ask(email=email, address=f"192.0.2.{n}")

    together(desk.recovery.work)

    assert len({letter.to for letter in desk.letters()}) == len(desk.letters()) == 20
