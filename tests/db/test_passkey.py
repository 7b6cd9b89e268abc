"""Passkeys: one row for each credential in the world, and a counter that only goes on."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, passkey
from idp.db.passkey import Passkey
from tests.builders import ACCOUNT_ID, add_account, an_account
from tests.crowd import together

PASSKEY = uuid.UUID("50000000-0000-4000-8000-000000000001")
SECOND = uuid.UUID("50000000-0000-4000-8000-000000000002")
OTHER = uuid.UUID("20000000-0000-4000-8000-000000000002")
MODEL = uuid.UUID("2fc0579f-8113-47ea-b116-bb5a8db9202a")
HOUR = timedelta(hours=1)

Use = Callable[[int], bool]


def a_passkey(now: datetime) -> Passkey:
    return Passkey(
        id=PASSKEY,
        credential_id=b"credential",
        account_id=ACCOUNT_ID,
        name="Work telephone",
        public_key=b"key",
        sign_count=10,
        model=MODEL,
        transports=("hybrid", "internal"),
        is_backup_eligible=True,
        is_backed_up=False,
        is_attested=False,
        created_at=now,
        last_used_at=None,
    )


@pytest.fixture
def staffed(database: Database, now: datetime) -> Database:
    """A database with an account and its passkey."""
    with database.write() as connection:
        add_account(connection, an_account(now))
        passkey.add(connection, a_passkey(now))
    return database


@pytest.fixture
def use(staffed: Database, now: datetime) -> Use:
    """Use the passkey with this counter."""

    def with_counter(counter: int) -> bool:
        with staffed.write() as connection:
            return passkey.use(
                connection,
                a_passkey(now),
                sign_count=counter,
                is_backup_eligible=True,
                is_backed_up=True,
                now=now + HOUR,
            )

    return with_counter


def test_a_passkey_is_found_by_its_credential(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        assert passkey.find(connection, b"credential") == a_passkey(now)
        assert passkey.find(connection, b"another") is None
        assert passkey.of_account(connection, ACCOUNT_ID) == [a_passkey(now)]
        assert passkey.of_account(connection, OTHER) == []


def test_those_of_an_account_are_told_in_the_order_they_were_made(staffed: Database, now: datetime) -> None:
    older = replace(a_passkey(now), id=SECOND, credential_id=b"older", created_at=now - HOUR, model=None)
    with staffed.write() as connection:
        passkey.add(connection, older)
        assert passkey.of_account(connection, ACCOUNT_ID) == [older, a_passkey(now)]


def test_a_credential_is_somebodys_once_and_for_all(staffed: Database, now: datetime) -> None:
    with pytest.raises(Conflict), staffed.write() as connection:
        passkey.add(connection, replace(a_passkey(now), id=SECOND))


def test_using_it_is_remembered(staffed: Database, now: datetime, use: Use) -> None:
    assert use(11)
    with staffed.read() as connection:
        found = passkey.find(connection, b"credential")
    assert found == replace(a_passkey(now), sign_count=11, is_backed_up=True, last_used_at=now + HOUR)


@pytest.mark.parametrize("counter", [10, 9, 0])
def test_a_counter_that_does_not_go_on_uses_nothing(
    staffed: Database, now: datetime, use: Use, counter: int
) -> None:
    assert not use(counter)
    with staffed.read() as connection:
        assert passkey.find(connection, b"credential") == a_passkey(now)


def test_one_that_never_counts_may_stay_at_nothing(staffed: Database, now: datetime) -> None:
    synced = replace(a_passkey(now), id=SECOND, credential_id=b"synced", sign_count=0)
    used = {"is_backup_eligible": True, "is_backed_up": True, "now": now}
    with staffed.write() as connection:
        passkey.add(connection, synced)
        assert passkey.use(connection, synced, sign_count=0, **used)  # type: ignore[arg-type]  # of both kinds
        assert passkey.use(connection, synced, sign_count=0, **used)  # type: ignore[arg-type]  # the same
        assert passkey.use(connection, synced, sign_count=1, **used)  # type: ignore[arg-type]  # the same
        assert not passkey.use(connection, synced, sign_count=0, **used)  # type: ignore[arg-type]  # the same


def test_what_could_be_backed_up_always_can(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert not passkey.use(
            connection,
            a_passkey(now),
            sign_count=11,
            is_backup_eligible=False,
            is_backed_up=False,
            now=now,
        )


def test_of_twelve_uses_with_one_counter_one_counts(postgresql_url: str, now: datetime) -> None:
    database = Database(postgresql_url)
    with database.write() as connection:
        add_account(connection, an_account(now))
        passkey.add(connection, a_passkey(now))

    def once() -> bool:
        with database.write() as connection:
            return passkey.use(
                connection,
                a_passkey(now),
                sign_count=11,
                is_backup_eligible=True,
                is_backed_up=True,
                now=now,
            )

    assert sorted(together(once)) == [False] * 11 + [True]
    database.close()


def test_only_its_owner_renames_or_removes_it(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert not passkey.rename(connection, PASSKEY, OTHER, "Mine")
        assert passkey.remove(connection, PASSKEY, OTHER) is None
        assert passkey.rename(connection, PASSKEY, ACCOUNT_ID, "Old telephone")
        removed = passkey.remove(connection, PASSKEY, ACCOUNT_ID)
        assert removed == replace(a_passkey(now), name="Old telephone")
        assert passkey.remove(connection, PASSKEY, ACCOUNT_ID) is None
        assert passkey.find(connection, b"credential") is None


def test_what_was_removed_cannot_be_used(staffed: Database, use: Use) -> None:
    with staffed.write() as connection:
        passkey.remove(connection, PASSKEY, ACCOUNT_ID)
    assert not use(11)
