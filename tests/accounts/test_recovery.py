"""Asking for login details, and unlocking: what the pages call."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from idp.accounts.attempt import AddressThrottled
from idp.accounts.link import Link, LinkProblem
from idp.accounts.recovery import Asked, AskedBefore, RecoveryBusy, Unlocked
from idp.db import account, audit
from idp.db.account import AccountState
from idp.db.attempt import Bucket
from idp.policy.rate import RateLimit, RecoveryLimits
from idp.policy.recovery import Kind
from idp.services.letters import Letter
from tests import mailbox
from tests.accounts.desk import JANE, SERVICE_DESK, Desk, jane
from tests.crowd import together
from tests.observed import statements

HOUR = timedelta(hours=1)


def limited(desk: Desk, limits: RecoveryLimits) -> Desk:
    return Desk(desk.site, replace(desk.recovery, limits=limits))


def test_asking_costs_the_same_statements_whoever_asks(desk: Desk) -> None:
    desk.site.add_account("432JDOE01", state=AccountState.DISABLED)
    seen = []
    for kind, email, username in (
        (Kind.FORGOTTEN, JANE, None),
        (Kind.FORGOTTEN, "nobody@example.nhs.uk", None),
        (Kind.REQUEST, JANE, "918JSMITH01"),
        (Kind.UNLOCK, "432jdoe01@example.nhs.uk", None),
        (Kind.UNLOCK, "\ud800", "432JDOE01"),
    ):
        with statements() as run:
            desk.ask(kind, email, username=username)
        seen.append(run)

    assert [len(run) for run in seen] == [6] * 5, "BEGIN, three counts, the request, COMMIT"
    assert all(run == seen[0] for run in seen)
    assert not any("people" in sql or "accounts" in sql for sql in seen[0])


def test_the_database_holds_nothing_of_what_was_typed_readably(desk: Desk) -> None:
    asked = desk.ask(username="918JSMITH01", address="192.0.2.99")
    desk.ask(email="nobody@example.nhs.uk")
    desk.recovery.work()

    rows = b""
    with desk.site.provider.database.read() as connection:
        for table in ("recovery_requests", "recovery_misses", "rates", "outbox", "links"):
            found = connection.execute(f"SELECT * FROM {table}", (), lambda cursor: cursor.fetchall())  # noqa: S608
            rows += b"".join(
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                for row in found
                for value in row
            )
    for secret in ("jsmith", "JSMITH", "nobody@", "1984-02-29", "192.0.2.99", asked.handle):
        assert secret.encode() not in rows, secret


def test_an_address_asks_ten_times_in_ten_minutes(desk: Desk) -> None:
    def asks(times: int, address: str, *, is_shared: bool = False) -> Counter[str]:
        return Counter(type(desk.try_to_ask(address, is_shared=is_shared)).__name__ for _ in range(times))

    assert asks(11, "192.0.2.7") == {"Asked": 10, "AddressThrottled": 1}
    assert asks(11, "192.0.2.8") == {"Asked": 10, "AddressThrottled": 1}
    assert asks(101, "192.0.2.9", is_shared=True) == {"Asked": 100, "AddressThrottled": 1}
    desk.site.clock.advance(timedelta(minutes=9, seconds=59))
    answer = desk.try_to_ask("192.0.2.7")
    assert answer == AddressThrottled(retry_after=2)
    desk.site.clock.advance(timedelta(seconds=1))
    assert asks(1, "192.0.2.7") == {"Asked": 1}
    assert desk.recovery.work(limit=1000) == 121, "what was refused is not stored"


def test_a_network_asks_three_times_as_often_as_an_address_in_it(desk: Desk) -> None:
    def asks(addresses: Iterable[str], *, is_shared: bool = False) -> Counter[str]:
        return Counter(type(desk.try_to_ask(address, is_shared=is_shared)).__name__ for address in addresses)

    assert asks(f"192.0.2.{n}" for n in range(32)) == {"Asked": 30, "AddressThrottled": 2}
    assert asks(["192.0.3.1"]) == {"Asked": 1}
    assert asks(f"2001:db8:1:{n}::/64" for n in range(32)) == {"Asked": 30, "AddressThrottled": 2}
    assert asks(["2001:db8:2::/64"]) == {"Asked": 1}
    assert asks([f"192.0.2.{n}" for n in range(150)] * 2 + ["192.0.2.151"], is_shared=True) == {
        "Asked": 300,
        "AddressThrottled": 1,
    }
    desk.site.clock.advance(timedelta(minutes=10))
    assert asks(["192.0.2.1", "2001:db8:1:1::/64"]) == {"Asked": 2}


def test_all_together_ask_three_hundred_times_an_hour(desk: Desk) -> None:
    desk = limited(desk, RecoveryLimits(whole=RateLimit(3, HOUR)))
    answers = [desk.try_to_ask(f"192.0.2.{n}") for n in range(4)]

    assert [type(answer) for answer in answers] == [Asked, Asked, Asked, RecoveryBusy]
    assert answers[3] == RecoveryBusy(retry_after=3601)
    assert desk.recovery.work() == 3
    desk.site.clock.advance(HOUR)
    assert isinstance(desk.try_to_ask("192.0.2.9"), Asked)
    assert RecoveryLimits().whole == RateLimit(300, HOUR)


def test_strangers_do_not_use_up_what_trusted_networks_have(desk: Desk) -> None:
    desk = limited(desk, RecoveryLimits(whole=RateLimit(1, HOUR)))

    def ask(*, is_shared: bool) -> type:
        return type(desk.try_to_ask(is_shared=is_shared))

    assert [ask(is_shared=False), ask(is_shared=False)] == [Asked, RecoveryBusy]
    assert [ask(is_shared=True), ask(is_shared=True)] == [Asked, RecoveryBusy]


def test_operators_are_told_once_that_all_together_have_asked_too_often(desk: Desk) -> None:
    desk = limited(desk, RecoveryLimits(whole=RateLimit(2, HOUR)))
    logged = []
    for is_shared in (False, True):
        for _ in range(5):
            with capture_logs() as lines:
                desk.try_to_ask(is_shared=is_shared)
            logged.append([(line["event"], line["log_level"], line["of"], line["limit"]) for line in lines])

    told = [("recovery_limit_reached", "warning", "everybody", 2)]
    told_of_trusted = [("recovery_limit_reached", "warning", "trusted networks", 2)]
    assert logged == [[], [], told, [], [], [], [], told_of_trusted, [], []]


def test_an_address_that_is_refused_uses_up_nothing_of_what_all_have(desk: Desk) -> None:
    desk = limited(desk, RecoveryLimits(address=RateLimit(1, HOUR), whole=RateLimit(2, HOUR)))

    def ask(address: str) -> type:
        return type(desk.try_to_ask(address))

    assert [ask("192.0.2.7") for _ in range(5)] == [Asked] + [AddressThrottled] * 4
    assert [ask("192.0.2.8"), ask("192.0.2.9")] == [Asked, RecoveryBusy]


def test_limits_hold_against_many_at_once(desk: Desk) -> None:
    answers = together(desk.try_to_ask, times=24)

    assert Counter(type(answer) for answer in answers) == {Asked: 10, AddressThrottled: 14}


def test_a_handle_finds_what_was_asked_for_an_hour(desk: Desk) -> None:
    asked = desk.ask(Kind.REQUEST)

    assert desk.recovery.find(asked.handle) == AskedBefore(Kind.REQUEST, asked.reference)
    desk.recovery.work()
    desk.site.clock.advance(HOUR - timedelta(microseconds=1))
    assert desk.recovery.find(asked.handle) == AskedBefore(Kind.REQUEST, asked.reference)
    desk.site.clock.advance(timedelta(microseconds=1))
    assert desk.recovery.find(asked.handle) is None


def test_a_handle_of_nothing_finds_nothing(desk: Desk) -> None:
    desk.ask()

    for handle in ("", "x" * 10_000, "\ud800", "a\0b", "ŵ"):
        assert desk.recovery.find(handle) is None
        assert desk.recovery.ask_again(handle, address="192.0.2.7", is_shared=False) is None


def test_a_letter_is_sent_again_under_the_same_reference(desk: Desk) -> None:
    asked = desk.ask()
    desk.recovery.work()
    desk.take_mail()

    again = desk.recovery.ask_again(asked.handle, address="192.0.2.7", is_shared=False)

    assert again == asked
    assert desk.recovery.work() == 1
    first, second = desk.letters()
    assert first.values["reference"] == second.values["reference"] == asked.reference
    assert Counter(
        isinstance(desk.link(letter.values["accounts"][0]["link"]), Link) for letter in (first, second)
    ) == {True: 1, False: 1}


def test_what_still_waits_is_not_sent_twice(desk: Desk) -> None:
    asked = desk.ask()

    assert desk.recovery.ask_again(asked.handle, address="192.0.2.7", is_shared=False) == asked
    assert desk.recovery.work() == 1
    assert len(desk.letters()) == 1


def test_sending_again_counts_like_asking(desk: Desk) -> None:
    asked = desk.ask()
    answers = [desk.recovery.ask_again(asked.handle, address="192.0.2.7", is_shared=False) for _ in range(10)]

    assert [type(answer) for answer in answers] == [Asked] * 9 + [AddressThrottled]


def unlock_token(desk: Desk) -> str:
    [letter] = desk.answer(Kind.UNLOCK)
    found: str = re.findall(r"link=([\w-]{43})", letter.values["accounts"][0]["link"])[0]
    return found


def test_unlocking_frees_the_owner_and_nobody_else(desk: Desk) -> None:
    whose = jane(desk)
    other = desk.site.add_account("918JDOE01")
    for bucket in Bucket:
        desk.guess(whose.person_id, 7, bucket)
    desk.guess(whose.person_id, 7, factor="totp")
    desk.guess(other.person_id, 7)
    token = unlock_token(desk)
    before = rates(desk)

    assert desk.recovery.unlock(token, address="192.0.2.7") == Unlocked("918JSMITH01")

    assert [bucket.factor for bucket in desk.buckets(whose.person_id)] == ["totp"]
    assert len(desk.buckets(other.person_id)) == 1
    assert rates(desk) == before, "what an address has tried still counts"
    with desk.site.provider.database.read() as connection:
        newest = audit.of_account(connection, whose.id, 1)[0]
        assert account.find(connection, "918JSMITH01") == whose, "the password stays"
    assert (newest.event, newest.address) == ("account.unlocked", "192.0.2.7")
    assert newest.detail == {"username": "918JSMITH01", "counters": 2, "by": "link"}
    notice = next(letter for letter in desk.letters() if letter.letter is Letter.ACCOUNT_UNLOCKED)
    assert (notice.to, notice.language) == (JANE, "en")
    assert notice.values == {
        "name": "Jane Smith",
        "username": "918JSMITH01",
        "employer": "NHS Blood and Transplant",
        "at": "2026-11-23T07:00:00+00:00",
        "forgotten": "https://id.example.nhs.uk/forgotten",
        "service_desk": SERVICE_DESK,
    }
    assert "918JSMITH01" in mailbox.text(notice)


def rates(desk: Desk) -> list[Any]:
    def read(table: str) -> list[Any]:
        with desk.site.provider.database.read() as connection:
            return connection.execute(f"SELECT * FROM {table}", (), lambda cursor: sorted(cursor.fetchall()))  # noqa: S608

    return [*read("rates"), *read("address_failures")]


def test_an_unlock_link_works_once(desk: Desk) -> None:
    token = unlock_token(desk)
    desk.recovery.unlock(token, address="192.0.2.7")

    assert desk.recovery.unlock(token, address="192.0.2.7") is LinkProblem.USED


def test_a_reset_link_unlocks_nothing(desk: Desk) -> None:
    desk.guess(jane(desk).person_id, 7)
    [letter] = desk.answer()
    token = re.findall(r"link=([\w-]{43})", letter.values["accounts"][0]["link"])[0]

    assert desk.recovery.unlock(token, address="192.0.2.7") is LinkProblem.UNKNOWN
    assert len(desk.buckets(jane(desk).person_id)) == 1


def test_an_unlock_link_for_many_at_once_is_one_success_and_one_notice(desk: Desk) -> None:
    token = unlock_token(desk)

    answers = together(lambda: desk.recovery.unlock(token, address="192.0.2.7"))

    assert Counter(answers) == {Unlocked("918JSMITH01"): 1, LinkProblem.USED: 11}
    assert [letter.letter for letter in desk.letters()].count(Letter.ACCOUNT_UNLOCKED) == 1
