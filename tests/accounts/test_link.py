"""Links that are mailed: what is in them, who may use them, and what they say when they no longer work."""

import itertools
from collections import Counter
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.accounts.link import PASSWORD_PURPOSES, UNLOCK_PURPOSES, Issued, Link, LinkProblem, Links
from idp.db import Database
from idp.db.link import Purpose
from idp.policy.lifetime import Lifetimes
from idp.services.randomness import SystemRandomness
from tests.builders import ACCOUNT_ID, add_account, an_account
from tests.crowd import together

ISSUER = "https://id.example.nhs.uk"
LINKS = Links(SystemRandomness(), Lifetimes(), ISSUER)


@pytest.fixture
def staffed(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_account(connection, an_account(now))
    return database


def issue(
    database: Database, now: datetime, purpose: Purpose = Purpose.RESET, request: str | None = None
) -> Issued:
    with database.write() as connection:
        return LINKS.issue(connection, ACCOUNT_ID, purpose, now, request)


def find(database: Database, token: str, now: datetime) -> Link | LinkProblem:
    with database.read() as connection:
        return LINKS.find(connection, token, PASSWORD_PURPOSES, now)


def redeem(database: Database, token: str, now: datetime) -> Link | LinkProblem:
    with database.write() as connection:
        return LINKS.redeem(connection, token, PASSWORD_PURPOSES, now)


@pytest.mark.parametrize(
    ("purpose", "path", "lifetime"),
    [
        (Purpose.RESET, "/update-password", timedelta(minutes=60)),
        (Purpose.ACTIVATE, "/update-password", timedelta(hours=24)),
        (Purpose.UNLOCK, "/unlock-account", timedelta(minutes=60)),
        (Purpose.ENROL, "/mfa/enrol", timedelta(minutes=60)),
    ],
)
def test_a_link_leads_to_the_page_of_its_purpose_at_the_issuer(
    staffed: Database, now: datetime, purpose: Purpose, path: str, lifetime: timedelta
) -> None:
    issued = issue(staffed, now, purpose)

    parts = urlsplit(issued.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"https://id.example.nhs.uk{path}"
    assert parse_qs(parts.query) == {"link": [issued.token]}
    assert issued.until == now + lifetime


def test_a_link_can_carry_the_sign_in_to_go_on_with(staffed: Database, now: datetime) -> None:
    issued = issue(staffed, now, request="a&b=c#d")

    assert issued.url == f"{ISSUER}/update-password?link={issued.token}&request=a%26b%3Dc%23d"


def test_a_token_has_256_bits_of_which_the_database_holds_none(staffed: Database, now: datetime) -> None:
    issued = issue(staffed, now)

    assert len(issued.token) == 43
    with staffed.read() as connection:
        stored = connection.execute("SELECT * FROM links", (), lambda cursor: cursor.fetchall())
    assert len(stored) == 1
    assert issued.token not in repr(stored)
    assert issued.token.encode() not in b"".join(bytes(v) for v in stored[0] if isinstance(v, bytes))


def test_looking_at_a_link_changes_nothing(staffed: Database, now: datetime) -> None:
    issued = issue(staffed, now)
    expected = Link(ACCOUNT_ID, Purpose.RESET, now + timedelta(minutes=60))

    assert [find(staffed, issued.token, now) for _ in range(2)] == [expected] * 2
    assert redeem(staffed, issued.token, now) == expected


@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "and long ago"])
def test_a_used_link_says_so(staffed: Database, now: datetime, *, is_late: bool) -> None:
    issued = issue(staffed, now)
    redeem(staffed, issued.token, now)
    issue(staffed, now)
    later = now + timedelta(days=3 if is_late else 0)

    assert find(staffed, issued.token, later) is LinkProblem.USED
    assert redeem(staffed, issued.token, later) is LinkProblem.USED


def test_a_newer_link_ends_the_older_one(staffed: Database, now: datetime) -> None:
    older, newer = issue(staffed, now), issue(staffed, now)

    assert redeem(staffed, older.token, now) is LinkProblem.SUPERSEDED
    assert find(staffed, older.token, now + timedelta(days=3)) is LinkProblem.SUPERSEDED
    assert isinstance(redeem(staffed, newer.token, now), Link)


def test_a_newer_link_for_something_else_ends_nothing(staffed: Database, now: datetime) -> None:
    reset = issue(staffed, now)
    issue(staffed, now, Purpose.ACTIVATE)
    issue(staffed, now, Purpose.UNLOCK)

    assert isinstance(find(staffed, reset.token, now), Link)


def test_an_expired_link_says_so_even_when_there_is_a_newer_one(staffed: Database, now: datetime) -> None:
    issued = issue(staffed, now)
    later = now + timedelta(minutes=60)
    issue(staffed, later)

    assert find(staffed, issued.token, later) is LinkProblem.EXPIRED
    assert redeem(staffed, issued.token, later) is LinkProblem.EXPIRED


def test_a_link_for_something_else_is_unknown(staffed: Database, now: datetime) -> None:
    unlock = issue(staffed, now, Purpose.UNLOCK)

    assert find(staffed, unlock.token, now) is LinkProblem.UNKNOWN
    assert redeem(staffed, unlock.token, now) is LinkProblem.UNKNOWN
    with staffed.write() as connection:
        assert isinstance(LINKS.redeem(connection, unlock.token, UNLOCK_PURPOSES, now), Link)


@pytest.mark.parametrize(
    "token",
    ["", "x", "x" * 10_000, "ŵ" * 43, "\ud800", "a\0b", "' OR 1=1 --", "%", "\u202e"],
    ids=["empty", "short", "10 kB", "Welsh", "half a character", "NUL", "SQL", "wildcard", "turned round"],
)
def test_a_malformed_token_is_unknown(staffed: Database, now: datetime, token: str) -> None:
    issue(staffed, now)

    assert find(staffed, token, now) is LinkProblem.UNKNOWN
    assert redeem(staffed, token, now) is LinkProblem.UNKNOWN


def test_every_link_of_an_account_can_be_ended(staffed: Database, now: datetime) -> None:
    reset, activate = issue(staffed, now), issue(staffed, now, Purpose.ACTIVATE)
    unlock = issue(staffed, now, Purpose.UNLOCK)
    with staffed.write() as connection:
        assert LINKS.supersede_all(connection, ACCOUNT_ID, PASSWORD_PURPOSES, now) == 2

    assert {find(staffed, each.token, now) for each in (reset, activate)} == {LinkProblem.SUPERSEDED}
    with staffed.read() as connection:
        assert isinstance(LINKS.find(connection, unlock.token, UNLOCK_PURPOSES, now), Link)


def test_one_link_used_by_many_at_once_is_one_success(staffed: Database, now: datetime) -> None:
    issued = issue(staffed, now)

    answers = together(lambda: redeem(staffed, issued.token, now))

    redeemed = Link(ACCOUNT_ID, Purpose.RESET, now + timedelta(minutes=60))
    assert Counter(answers) == {redeemed: 1, LinkProblem.USED: 11}


def test_many_links_made_at_once_leave_one_live(staffed: Database, now: datetime) -> None:
    made = together(lambda: issue(staffed, now))

    live = [found for each in made if isinstance(found := find(staffed, each.token, now), Link)]
    assert len(live) == 1


def test_a_link_made_while_another_is_used_never_leaves_both_open(staffed: Database, now: datetime) -> None:
    first = issue(staffed, now)

    turns = itertools.count()

    def use_or_make() -> Issued | Link | LinkProblem:
        return redeem(staffed, first.token, now) if next(turns) % 2 else issue(staffed, now)

    answers = together(use_or_make)

    assert sum(isinstance(answer, Link) for answer in answers) <= 1
    issued = [answer for answer in answers if isinstance(answer, Issued)]
    assert sum(isinstance(find(staffed, each.token, now), Link) for each in issued) == 1
