"""Authenticator apps: what is confirmed counts, and no step of one is used twice."""

import uuid
from datetime import datetime, timedelta

import pytest

from idp.db import Database, account, totp_device
from idp.db.totp_device import TotpDevice
from tests.builders import ACCOUNT_ID, add_account, an_account
from tests.crowd import together

DEVICE = uuid.UUID("50000000-0000-4000-8000-000000000001")
OTHER = uuid.UUID("20000000-0000-4000-8000-000000000002")
HOUR = timedelta(hours=1)


def a_device(now: datetime) -> TotpDevice:
    return TotpDevice(DEVICE, ACCOUNT_ID, "Work telephone", b"sealed", None, now, None, None)


@pytest.fixture
def staffed(database: Database, now: datetime) -> Database:
    """A database with an account and an app that waits for its first code."""
    with database.write() as connection:
        add_account(connection, an_account(now))
        totp_device.add(connection, a_device(now))
    return database


def confirmed(database: Database, now: datetime, step: int = 100) -> None:
    with database.write() as connection:
        assert totp_device.confirm(connection, DEVICE, ACCOUNT_ID, step, now)


def test_an_app_does_not_count_until_it_is_confirmed(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert totp_device.of_account(connection, ACCOUNT_ID) == []
        assert not totp_device.use(connection, DEVICE, ACCOUNT_ID, 101, now)
        assert totp_device.find_unconfirmed(connection, DEVICE, ACCOUNT_ID, now - HOUR) == a_device(now)
    confirmed(staffed, now)
    with staffed.read() as connection:
        (found,) = totp_device.of_account(connection, ACCOUNT_ID)
        assert (found.last_step, found.confirmed_at, found.name) == (100, now, "Work telephone")
        assert totp_device.find_unconfirmed(connection, DEVICE, ACCOUNT_ID, now - HOUR) is None


def test_an_app_is_confirmed_once(staffed: Database, now: datetime) -> None:
    confirmed(staffed, now)
    with staffed.write() as connection:
        assert not totp_device.confirm(connection, DEVICE, ACCOUNT_ID, 200, now)


def test_an_enrolment_that_was_begun_too_long_ago_is_over(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        assert totp_device.find_unconfirmed(connection, DEVICE, ACCOUNT_ID, now) is None


def test_a_step_is_used_once_and_none_before_it_any_more(staffed: Database, now: datetime) -> None:
    confirmed(staffed, now, step=100)
    with staffed.write() as connection:
        used = [
            totp_device.use(connection, DEVICE, ACCOUNT_ID, step, now) for step in (100, 99, 101, 101, 100)
        ]
        assert used == [False, False, True, False, False]


def test_of_many_uses_at_once_one_succeeds(staffed: Database, now: datetime) -> None:
    confirmed(staffed, now)

    def use() -> bool:
        with staffed.write() as connection:
            return totp_device.use(connection, DEVICE, ACCOUNT_ID, 101, now)

    assert sorted(together(use)) == [False] * 11 + [True]


def test_an_app_of_one_account_is_nobody_elses(staffed: Database, now: datetime) -> None:
    confirmed(staffed, now)
    with staffed.write() as connection:
        account.add(connection, _another(now))
        assert not totp_device.use(connection, DEVICE, OTHER, 101, now)
        assert not totp_device.rename(connection, DEVICE, OTHER, "Mine")
        assert totp_device.remove(connection, DEVICE, OTHER) is None
        assert totp_device.remove_all(connection, OTHER) == 0
        (found,) = totp_device.of_account(connection, ACCOUNT_ID)
        assert found.name == "Work telephone"


def test_an_app_is_renamed_and_removed(staffed: Database, now: datetime) -> None:
    confirmed(staffed, now)
    with staffed.write() as connection:
        assert totp_device.rename(connection, DEVICE, ACCOUNT_ID, "Old telephone")
        removed = totp_device.remove(connection, DEVICE, ACCOUNT_ID)
        assert removed is not None
        assert removed.name == "Old telephone"
        assert totp_device.remove(connection, DEVICE, ACCOUNT_ID) is None


def test_what_was_never_confirmed_goes_without_the_rest(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert totp_device.remove_unconfirmed(connection, ACCOUNT_ID) == 1
        totp_device.add(connection, a_device(now))
    confirmed(staffed, now)
    with staffed.write() as connection:
        assert totp_device.remove_unconfirmed(connection, ACCOUNT_ID) == 0
        assert totp_device.count(connection, ACCOUNT_ID) == 1


def _another(now: datetime) -> account.Account:
    mine = an_account(now)
    return account.Account(
        id=OTHER,
        person_id=mine.person_id,
        employer_code=mine.employer_code,
        username="123SODOWD02",
        job_title=None,
        locality=None,
        state=mine.state,
        password_hash=None,
        password_changed_at=None,
        ends_on=None,
        created_at=now,
        last_sign_in_at=None,
    )
