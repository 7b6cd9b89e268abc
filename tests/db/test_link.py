"""Links that are mailed: one live for each account and purpose, used once, whoever comes together."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, link
from idp.db.link import Link, Purpose
from tests.builders import ACCOUNT_ID, PERSON_ID, add_account, an_account, digest_of
from tests.crowd import together

HOUR = timedelta(hours=1)
DIGEST = digest_of("token")
PASSWORD = (Purpose.ACTIVATE, Purpose.RESET)


def a_link(now: datetime) -> Link:
    return Link(DIGEST, Purpose.RESET, ACCOUNT_ID, now, now + HOUR, None, None)


@pytest.fixture
def staffed(database: Database, now: datetime) -> Database:
    """A database with an account and a live reset link."""
    with database.write() as connection:
        add_account(connection, an_account(now))
        link.add(connection, a_link(now))
    return database


def test_a_link_is_read_as_it_was_stored(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        assert link.find(connection, DIGEST) == a_link(now)
        assert link.find(connection, digest_of("another")) is None


def test_a_link_is_redeemed_once(staffed: Database, now: datetime) -> None:
    used = replace(a_link(now), used_at=now)
    with staffed.write() as connection:
        assert link.redeem(connection, DIGEST, PASSWORD, now) == used
        assert link.redeem(connection, DIGEST, PASSWORD, now) is None
        assert link.find(connection, DIGEST) == used


def test_a_link_is_redeemed_for_its_purpose_alone(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert link.redeem(connection, DIGEST, (Purpose.UNLOCK,), now) is None
        assert link.redeem(connection, DIGEST, (Purpose.ACTIVATE,), now) is None
        assert link.redeem(connection, DIGEST, (Purpose.RESET,), now) is not None


def test_a_link_lives_until_its_last_moment(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert link.redeem(connection, DIGEST, PASSWORD, now + HOUR) is None
        last = now + HOUR - timedelta(microseconds=1)
        assert link.redeem(connection, DIGEST, PASSWORD, last) is not None


def test_a_link_that_was_superseded_is_not_redeemed(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert link.supersede(connection, ACCOUNT_ID, Purpose.RESET, now) == 1
        assert link.redeem(connection, DIGEST, PASSWORD, now) is None
        assert link.supersede(connection, ACCOUNT_ID, Purpose.RESET, now) == 0


@pytest.mark.parametrize(
    ("purpose", "at"),
    [
        pytest.param(Purpose.ACTIVATE, timedelta(0), id="of another purpose"),
        pytest.param(Purpose.RESET, HOUR, id="that has expired"),
    ],
)
def test_a_link_is_not_superseded(staffed: Database, now: datetime, purpose: Purpose, at: timedelta) -> None:
    with staffed.write() as connection:
        assert link.supersede(connection, ACCOUNT_ID, purpose, now + at) == 0
        assert link.find(connection, DIGEST) == a_link(now)


def test_a_link_that_was_used_is_never_superseded(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        link.redeem(connection, DIGEST, PASSWORD, now)
        assert link.supersede(connection, ACCOUNT_ID, Purpose.RESET, now) == 0


def test_only_an_account_that_is_there_can_be_held(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert link.hold_account(connection, ACCOUNT_ID) is True
        assert link.hold_account(connection, PERSON_ID) is False
    with pytest.raises(Conflict), staffed.write() as connection:
        link.add(connection, replace(a_link(now), digest=digest_of("x"), account_id=PERSON_ID))


def test_one_link_for_many_threads_is_one_success(staffed: Database, now: datetime) -> None:
    def redeem() -> Link | None:
        with staffed.write() as connection:
            return link.redeem(connection, DIGEST, PASSWORD, now)

    assert Counter(together(redeem)) == {replace(a_link(now), used_at=now): 1, None: 11}
