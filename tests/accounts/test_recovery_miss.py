"""What reached nobody, and the letter that tells administrators."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from idp.db import person
from idp.db.person import Person
from idp.db.recovery_miss import recovery_misses
from idp.policy.recovery import Kind
from idp.services.letters import Letter
from tests import mailbox
from tests.accounts.desk import BORN, JANE, Desk
from tests.crowd import together

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Miss:
    asked: dict[str, Any]
    cause: str


MISSES = [
    pytest.param(
        Kind.FORGOTTEN, Miss({"email": "nobody@example.nhs.uk"}, "unknown_identity"), id="unknown address"
    ),
    pytest.param(
        Kind.REQUEST, Miss({"born": date(1984, 2, 28)}, "unknown_identity"), id="another date of birth"
    ),
    pytest.param(Kind.UNLOCK, Miss({"username": "918NOBODY01"}, "unknown_username"), id="unknown username"),
    pytest.param(
        Kind.FORGOTTEN, Miss({"username": "not a username"}, "unknown_username"), id="impossible username"
    ),
    pytest.param(Kind.REQUEST, Miss({"username": ""}, "unknown_username"), id="empty username"),
    pytest.param(
        Kind.UNLOCK, Miss({"username": "432JDOE01"}, "username_of_another"), id="another's username"
    ),
    pytest.param(
        Kind.FORGOTTEN,
        Miss({"email": "leaver@example.nhs.uk"}, "no_account"),
        id="somebody without an account",
    ),
]


@pytest.mark.parametrize(("kind", "miss"), MISSES)
def test_a_miss_sends_nothing_and_is_told_to_administrators(
    desk: Desk, kind: Kind, miss: Miss, now: datetime
) -> None:
    desk.site.add_account("432JDOE01")
    with desk.site.provider.database.write() as connection:
        left = Person(UUID(int=8), None, "Left", "leaver@example.nhs.uk", None, None, BORN, "en", now)
        person.add(connection, left)
    asked = desk.ask(kind, **miss.asked)
    assert desk.recovery.work() == 1

    assert desk.letters() == []
    assert desk.events(asked.reference) == [
        ("recovery.missed", None, {"kind": kind.value, "cause": miss.cause})
    ]
    assert desk.recovery.report_misses() == 2
    letters = desk.letters()
    assert {letter.to for letter in letters} == {"desk@example.nhs.uk", "lead@example.nhs.uk"}
    assert {letter.letter for letter in letters} == {Letter.RECOVERY_MISSES}
    assert letters[0].values == {
        "since": "2026-11-23T07:00:00+00:00",
        "until": "2026-11-23T07:00:00+00:00",
        "total": 1,
        "more": 0,
        "misses": [
            {
                "at": "2026-11-23T07:00:00+00:00",
                "kind": kind.value,
                "email": miss.asked.get("email", JANE),
                "username": miss.asked.get("username"),
                "cause": miss.cause,
                "reference": asked.reference,
            }
        ],
    }
    assert asked.reference in mailbox.text(letters[0])


def test_what_a_stranger_typed_cannot_break_the_digest(desk: Desk) -> None:
    desk.ask(email="a@b.example\r\nBcc: eve@evil.example\x1b[2J\u202e\ud800<b>" + "x" * 9000)
    desk.recovery.work()
    desk.recovery.report_misses()

    [miss] = desk.letters()[0].values["misses"]
    assert miss["email"].startswith("a@b.example\\r\\nBcc: eve@evil.example\\x1b[2J\\u202e\\ud800<b>xxx")
    assert len(miss["email"]) == 254
    assert "Bcc" in mailbox.text(desk.letters()[0])


def test_the_digest_comes_once_an_hour_with_fifty_at_most(desk: Desk) -> None:
    for n in range(53):
        desk.ask(email=f"nobody{n}@example.nhs.uk", address=f"192.0.{n}.7")
        desk.recovery.work()
        desk.site.clock.advance(timedelta(seconds=1))

    assert desk.recovery.report_misses() == 2
    values = desk.letters()[0].values
    assert (values["total"], values["more"], len(values["misses"])) == (53, 3, 50)
    assert values["misses"][0]["email"] == "nobody0@example.nhs.uk"
    assert (values["since"], values["until"]) == ("2026-11-23T07:00:00+00:00", "2026-11-23T07:00:53+00:00")

    desk.ask(email="nobody@example.nhs.uk")
    desk.recovery.work()
    assert desk.recovery.report_misses() == 0
    desk.site.clock.advance(HOUR)
    assert desk.recovery.report_misses() == 2
    assert desk.recovery.report_misses() == 0


def test_the_digest_begins_with_addresses_that_are_on_record(desk: Desk) -> None:
    emails = [f"nobody{n}@example.nhs.uk" for n in range(3)]
    for n, email in enumerate([*emails, JANE.upper()]):
        desk.ask(email=email, born=date(1984, 2, 28), address=f"192.0.2.{n}")
        desk.recovery.work()
        desk.site.clock.advance(timedelta(seconds=1))
    desk.recovery.report_misses()

    assert [miss["email"] for miss in desk.letters()[0].values["misses"]] == [JANE.upper(), *emails]


def test_two_workers_make_one_digest(desk: Desk) -> None:
    desk.ask(email="nobody@example.nhs.uk")
    desk.recovery.work()

    assert Counter(together(desk.recovery.report_misses)) == {2: 1, 0: 11}
    assert len(desk.letters()) == 2


def test_without_administrators_misses_wait_for_some(desk: Desk) -> None:
    desk.ask(email="nobody@example.nhs.uk")
    desk.recovery.work()

    assert replace(desk.recovery, administrators=()).report_misses() == 0
    assert desk.recovery.report_misses() == 2


def test_a_miss_that_cannot_be_read_is_counted_and_keeps_no_other_back(desk: Desk) -> None:
    desk.ask(email="nobody1@example.nhs.uk")
    desk.recovery.work()
    desk.run(update(recovery_misses).values(sealed=b"broken"))
    desk.ask(email="nobody2@example.nhs.uk")
    desk.recovery.work()
    with capture_logs() as logged:
        assert desk.recovery.report_misses() == 2

    values = desk.letters()[0].values
    assert [miss["email"] for miss in values["misses"]] == ["nobody2@example.nhs.uk"]
    assert (values["total"], values["more"]) == (2, 1)
    assert [line["event"] for line in logged] == ["recovery_miss_broken"]
