"""Recovery codes: one use each, and a new set is the end of the old one."""

from datetime import datetime

import pytest

from idp.db import Database, recovery_code
from idp.db.recovery_code import RecoveryCode
from tests.builders import ACCOUNT_ID, add_account, an_account
from tests.crowd import together

HASHES = tuple(f"hash {number}" for number in range(10))


@pytest.fixture
def staffed(database: Database, now: datetime) -> Database:
    """A database with an account and its ten codes."""
    with database.write() as connection:
        add_account(connection, an_account(now))
        recovery_code.replace_all(connection, ACCOUNT_ID, HASHES, now)
    return database


def test_a_code_is_found_by_its_place(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        found = recovery_code.find(connection, ACCOUNT_ID, 3)
        assert found == RecoveryCode(ACCOUNT_ID, 3, "hash 3", now, None)
        assert recovery_code.find(connection, ACCOUNT_ID, 10) is None


def test_a_code_is_used_once(staffed: Database, now: datetime) -> None:
    code = RecoveryCode(ACCOUNT_ID, 3, "hash 3", now, None)
    with staffed.write() as connection:
        assert recovery_code.use(connection, code, now)
        assert not recovery_code.use(connection, code, now)
        assert recovery_code.left(connection, ACCOUNT_ID) == 9


def test_of_many_uses_at_once_one_succeeds(staffed: Database, now: datetime) -> None:
    code = RecoveryCode(ACCOUNT_ID, 3, "hash 3", now, None)

    def use() -> bool:
        with staffed.write() as connection:
            return recovery_code.use(connection, code, now)

    assert sorted(together(use)) == [False] * 11 + [True]


def test_a_new_set_is_the_end_of_the_old_one(staffed: Database, now: datetime) -> None:
    old = RecoveryCode(ACCOUNT_ID, 3, "hash 3", now, None)
    with staffed.write() as connection:
        recovery_code.replace_all(connection, ACCOUNT_ID, [f"new {number}" for number in range(10)], now)
        assert not recovery_code.use(connection, old, now)
        assert recovery_code.left(connection, ACCOUNT_ID) == 10


def test_an_account_loses_all_its_codes(staffed: Database) -> None:
    with staffed.write() as connection:
        assert recovery_code.remove_all(connection, ACCOUNT_ID) == 10
        assert recovery_code.left(connection, ACCOUNT_ID) == 0
