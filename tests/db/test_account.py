import uuid
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from idp.db import Conflict, Connection, Database, account, employer, password_history, person
from idp.db.account import Account, AccountState
from idp.db.employer import Employer
from tests.builders import ACCOUNT_ID, PERSON_ID, a_person, add_account, an_account, an_employer


@pytest.fixture
def staffed(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_account(connection, an_account(now))
    return database


def _another(now: datetime, n: int, username: str) -> Account:
    return replace(an_account(now), id=uuid.UUID(int=n), username=username)


def _find(connection: Connection) -> Account:
    found = account.find(connection, "123SODOWD01")
    assert found is not None
    return found


def test_an_account_is_found_by_username(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        assert _find(connection) == an_account(now)
        assert account.find(connection, "123NOBODY01") is None


def test_a_username_belongs_to_one_account(staffed: Database, now: datetime) -> None:
    with pytest.raises(Conflict), staffed.write() as connection:
        account.add(connection, _another(now, 2, "123SODOWD01"))


def test_one_person_may_have_several_accounts(staffed: Database, now: datetime) -> None:
    second = _another(now, 2, "123AODOWD01")
    with staffed.write() as connection:
        account.add(connection, second)

        assert account.of_person(connection, PERSON_ID) == [second, an_account(now)]


def test_a_profile_brings_account_person_and_employer_together(staffed: Database) -> None:
    with staffed.read() as connection:
        profile = account.find_profile(connection, ACCOUNT_ID)

    assert profile is not None
    assert (profile.account_id, profile.username) == (ACCOUNT_ID, "123SODOWD01")
    assert (profile.name, profile.email) == ("Siân O'Dowd", "sian.odowd@wales.example")
    assert (profile.employer_code, profile.employer_ods_code) == ("123", "7A3")
    assert profile.state is AccountState.ACTIVE


def test_a_mononym_is_read_out_without_a_gap(now: datetime) -> None:
    assert replace(a_person(now), given_name=None).name == "O'Dowd"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("sodowd", True, id="part of the username in any case"),
        pytest.param("ODOWD@WALES", True, id="part of the mail address in any case"),
        pytest.param("o'd", True, id="part of the family name"),
        pytest.param("jones", False, id="nothing like it"),
        pytest.param("%", False, id="a per cent sign is itself"),
        pytest.param("_", False, id="an underscore is itself"),
        pytest.param("/", False, id="a slash is itself"),
    ],
)
def test_accounts_are_searched_for(staffed: Database, text: str, found: bool) -> None:
    with staffed.read() as connection:
        assert bool(account.search(connection, text, 10)) is found


def test_a_search_is_limited_and_in_order(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        for n, name in enumerate(["123SODOWD03", "123SODOWD02"], 2):
            account.add(connection, _another(now, n, name))

        names = [each.username for each in account.search(connection, "sodowd", 2)]
    assert names == ["123SODOWD01", "123SODOWD02"]


def test_a_state_moves_on_only_from_the_state_that_was_seen(staffed: Database) -> None:
    with staffed.write() as connection:
        assert account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.LEAVER)
        assert not account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.DISABLED)
        assert _find(connection).state is AccountState.LEAVER


def test_an_account_is_got_by_its_id(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        assert account.get(connection, ACCOUNT_ID) == an_account(now)
        assert account.get_profile(connection, ACCOUNT_ID).username == "123SODOWD01"
        with pytest.raises(LookupError, match="no account 10000000-0000-4000-8000-000000000001"):
            account.get(connection, PERSON_ID)
        with pytest.raises(LookupError, match="no account"):
            account.get_profile(connection, PERSON_ID)


@pytest.mark.parametrize("state", AccountState)
def test_a_password_is_set_with_its_moment_and_makes_the_account_active(
    staffed: Database, now: datetime, state: AccountState
) -> None:
    later = now + timedelta(days=1)
    before = replace(_another(now, 2, "123AODOWD01"), state=state)
    with staffed.write() as connection:
        account.add(connection, before)
        assert account.set_password(connection, before, "new", later)
        changed = account.get(connection, before.id)

        assert _find(connection) == an_account(now)
    assert changed == replace(
        before, password_hash="new", password_changed_at=later, state=AccountState.ACTIVE
    )


def test_a_first_password_is_set_once(staffed: Database, now: datetime) -> None:
    before = replace(
        _another(now, 2, "123AODOWD01"),
        state=AccountState.PENDING,
        password_hash=None,
        password_changed_at=None,
    )
    with staffed.write() as connection:
        account.add(connection, before)
        assert account.set_password(connection, before, "first", now)
        assert not account.set_password(connection, before, "second", now)
        assert account.get(connection, before.id).password_hash == "first"


def test_no_password_is_set_for_an_account_that_changed_since_it_was_read(
    staffed: Database, now: datetime
) -> None:
    with staffed.write() as connection:
        before = _find(connection)
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.DISABLED)
        assert not account.set_password(connection, before, "new", now)
        assert _find(connection) == replace(before, state=AccountState.DISABLED)

        account.set_state(connection, ACCOUNT_ID, AccountState.DISABLED, AccountState.ACTIVE)
        assert account.set_password(connection, before, "faster", now + timedelta(seconds=1))
        assert not account.set_password(connection, before, "slower", now + timedelta(seconds=2))
        assert _find(connection).password_hash == "faster"


def test_a_hash_is_renewed_unless_the_password_changed_meanwhile(staffed: Database, now: datetime) -> None:
    before = an_account(now).password_hash or ""
    with staffed.write() as connection:
        assert account.rehash(connection, ACCOUNT_ID, before, "stronger")
        assert not account.rehash(connection, ACCOUNT_ID, before, "too late")
        found = _find(connection)

    assert (found.password_hash, found.password_changed_at) == ("stronger", now)


def test_signing_in_is_remembered(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        assert account.signed_in(connection, an_account(now), now)

        assert _find(connection).last_sign_in_at == now


def test_nobody_signs_in_who_was_disabled_or_given_another_password_meanwhile(
    staffed: Database, now: datetime
) -> None:
    with staffed.write() as connection:
        before = _find(connection)
        account.set_password(connection, before, "another", now + timedelta(1))
        assert not account.signed_in(connection, before, now)

        changed = _find(connection)
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.DISABLED)
        assert not account.signed_in(connection, changed, now)
        assert _find(connection).last_sign_in_at is None


def test_an_account_whose_password_has_no_date_signs_in(staffed: Database, now: datetime) -> None:
    undated = replace(_another(now, 7, "123UNDATED01"), password_changed_at=None)
    with staffed.write() as connection:
        account.add(connection, undated)
        assert account.signed_in(connection, undated, now)


def test_who_has_to_change_the_password_signs_in_to_do_so(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD)
        due = _find(connection)
        assert account.signed_in(connection, due, now)

        account.set_password(connection, due, "another", now + timedelta(1))
        assert not account.signed_in(connection, due, now)


@pytest.mark.parametrize(
    "state", [AccountState.PENDING, AccountState.INACTIVE, AccountState.LEAVER, AccountState.DISABLED]
)
def test_nobody_signs_in_to_an_account_that_is_closed(
    staffed: Database, now: datetime, state: AccountState
) -> None:
    with staffed.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, state)
        assert not account.signed_in(connection, _find(connection), now)


@pytest.mark.parametrize(
    ("state", "ends_on", "may"),
    [
        (AccountState.ACTIVE, None, True),
        (AccountState.ACTIVE, date(2026, 11, 23), True),
        (AccountState.ACTIVE, date(2026, 11, 22), False),
        (AccountState.PENDING, None, False),
        (AccountState.MUST_CHANGE_PASSWORD, None, False),
        (AccountState.INACTIVE, None, False),
        (AccountState.LEAVER, None, False),
        (AccountState.DISABLED, None, False),
    ],
)
def test_who_may_sign_in(now: datetime, state: AccountState, ends_on: date | None, may: bool) -> None:
    assert replace(an_account(now), state=state, ends_on=ends_on).may_sign_in(now) is may


def test_the_newest_passwords_come_first(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        for n, phc in enumerate(["first", "second", "third"]):
            at = now + timedelta(minutes=n)
            password_history.add(connection, uuid.UUID(int=n), ACCOUNT_ID, phc, at)

        assert password_history.recent(connection, ACCOUNT_ID, 2) == ["third", "second"]


def test_the_twenty_four_newest_passwords_are_remembered(staffed: Database, now: datetime) -> None:
    someone = replace(an_account(now), id=uuid.UUID(int=99), username="123SODOWD02")
    with staffed.write() as connection:
        account.add(connection, someone)
        password_history.add(connection, uuid.UUID(int=98), someone.id, "another's", now)
        for n in range(26):
            at = now + timedelta(minutes=n)
            password_history.add(connection, uuid.UUID(int=n), ACCOUNT_ID, f"number {n}", at)

        kept = password_history.recent(connection, ACCOUNT_ID, 99)
        assert (len(kept), kept[0], kept[-1]) == (24, "number 25", "number 2")
        assert password_history.recent(connection, someone.id, 99) == ["another's"]


def test_a_remembered_password_is_hashed_anew(staffed: Database, now: datetime) -> None:
    with staffed.write() as connection:
        for n, phc in enumerate(["first", "second"]):
            at = now + timedelta(minutes=n)
            password_history.add(connection, uuid.UUID(int=n), ACCOUNT_ID, phc, at)
        password_history.rehash(connection, ACCOUNT_ID, "second", "stronger")
        password_history.rehash(connection, PERSON_ID, "first", "somebody else's")

        assert password_history.recent(connection, ACCOUNT_ID, 4) == ["stronger", "first"]


@pytest.mark.parametrize(
    ("email", "born", "found"),
    [
        ("sian.odowd@wales.example", date(1984, 2, 29), True),
        ("Sian.ODowd@WALES.example", date(1984, 2, 29), True),
        ("sian.odowd@wales.example", date(1984, 3, 1), False),
        ("s.odowd@wales.example", date(1984, 2, 29), False),
    ],
)
def test_the_same_person_is_found_by_mail_address_and_date_of_birth(
    staffed: Database, now: datetime, email: str, born: date, found: bool
) -> None:
    with staffed.read() as connection:
        assert person.find_same(connection, email, born) == ([a_person(now)] if found else [])


def test_a_person_is_found_by_id(staffed: Database, now: datetime) -> None:
    with staffed.read() as connection:
        assert person.find(connection, PERSON_ID) == a_person(now)
        assert person.find(connection, ACCOUNT_ID) is None


def test_employers_are_listed_by_code(staffed: Database) -> None:
    first = Employer("001", "Powys", None, None, None)
    with staffed.write() as connection:
        employer.add(connection, first)

        assert employer.every(connection) == [first, an_employer()]
        assert employer.find(connection, "001") == first
        assert employer.find(connection, "999") is None
