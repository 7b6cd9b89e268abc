from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from idp.db import Connection, Database, account, browser_session, client, grant, revoked_access_token
from idp.db.account import AccountState
from tests.builders import (
    ACCOUNT_ID,
    CLIENT_ID,
    GRANT_ID,
    SID,
    a_client,
    a_grant,
    a_session,
    add_account,
    add_session,
    add_signed_in,
    an_account,
)

JTI = "jti-1"


@pytest.fixture
def signed_in(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_signed_in(connection, now)
    return database


@pytest.fixture
def granted(signed_in: Database, now: datetime) -> Database:
    with signed_in.write() as connection:
        assert grant.add_if_live(connection, a_grant(now), now)
    return signed_in


def _session_ends(connection: Connection, now: datetime) -> None:
    browser_session.end(connection, SID, now)


def _every_session_ends(connection: Connection, now: datetime) -> None:
    browser_session.end_all(connection, ACCOUNT_ID, now)


def _account_is_disabled(connection: Connection, _now: datetime) -> None:
    account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.DISABLED)


def _password_must_change(connection: Connection, _now: datetime) -> None:
    account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD)


def _client_is_disabled(connection: Connection, now: datetime) -> None:
    client.set_disabled(connection, CLIENT_ID, disabled=True, now=now)


def _client_is_removed(connection: Connection, _now: datetime) -> None:
    client.remove(connection, CLIENT_ID)


def _grant_is_revoked(connection: Connection, now: datetime) -> None:
    grant.revoke(connection, GRANT_ID, now)


def _grants_of_the_client_are_revoked(connection: Connection, now: datetime) -> None:
    grant.revoke_of_client(connection, CLIENT_ID, now)


def _token_is_revoked(connection: Connection, now: datetime) -> None:
    revoked_access_token.add(connection, JTI, now + timedelta(minutes=5))


Ending = Callable[[Connection, datetime], None]
ENDINGS = [
    _session_ends,
    _every_session_ends,
    _account_is_disabled,
    _password_must_change,
    _client_is_disabled,
]


def test_a_grant_is_found_as_it_was_given(granted: Database, now: datetime) -> None:
    with granted.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) == a_grant(now)


@pytest.mark.parametrize("ending", [*ENDINGS, _client_is_removed])
def test_nothing_is_granted_after_the_end(signed_in: Database, now: datetime, ending: Ending) -> None:
    with signed_in.write() as connection:
        ending(connection, now)

    with signed_in.write() as connection:
        assert not grant.add_if_live(connection, a_grant(now), now)
    with signed_in.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None


@pytest.mark.parametrize("missing", ["session", "client", "account"])
def test_nothing_is_granted_for_what_there_never_was(database: Database, now: datetime, missing: str) -> None:
    with database.write() as connection:
        if missing != "account":
            add_account(connection, an_account(now))
        if missing == "client":
            add_session(connection, a_session(now))
        if missing == "session":
            client.add(connection, a_client(now))

    with database.write() as connection:
        assert not grant.add_if_live(connection, a_grant(now), now)


@pytest.mark.parametrize(
    ("ends_on", "granted"),
    [
        pytest.param(date(2026, 11, 22), False, id="it ended yesterday"),
        pytest.param(date(2026, 11, 23), True, id="today is the last day"),
        pytest.param(None, True, id="it has no end"),
    ],
)
def test_employment_lasts_to_the_end_of_its_last_day(
    database: Database, now: datetime, ends_on: date | None, granted: bool
) -> None:
    with database.write() as connection:
        add_account(connection, replace(an_account(now), ends_on=ends_on))
        client.add(connection, a_client(now))
        add_session(connection, a_session(now))

        assert grant.add_if_live(connection, a_grant(now), now) is granted


@pytest.mark.parametrize(
    "ending", [*ENDINGS, _grant_is_revoked, _grants_of_the_client_are_revoked, _token_is_revoked]
)
def test_an_access_token_is_dead_after_the_end(granted: Database, now: datetime, ending: Ending) -> None:
    with granted.read() as connection:
        assert grant.token_is_live(connection, GRANT_ID, JTI, now)
        assert grant.spoken_of(connection, GRANT_ID, JTI, now) is not None
    with granted.write() as connection:
        ending(connection, now)

    with granted.read() as connection:
        assert not grant.token_is_live(connection, GRANT_ID, JTI, now)
        assert grant.spoken_of(connection, GRANT_ID, JTI, now) is None


@pytest.mark.parametrize("ending", [*ENDINGS, _grant_is_revoked, _grants_of_the_client_are_revoked])
def test_a_grant_is_dead_after_the_end(granted: Database, now: datetime, ending: Ending) -> None:
    with granted.write() as connection:
        ending(connection, now)

    with granted.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None


def test_revoking_one_access_token_leaves_the_grant(granted: Database, now: datetime) -> None:
    with granted.write() as connection:
        _token_is_revoked(connection, now)

    with granted.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is not None
        assert grant.token_is_live(connection, GRANT_ID, "jti-2", now)


def test_a_token_speaks_of_its_account(granted: Database, now: datetime) -> None:
    with granted.read() as connection:
        spoken = grant.spoken_of(connection, GRANT_ID, JTI, now)

        assert spoken is not None
        profile = spoken.profile
        assert spoken.nhsid_useruid is None
        assert profile == account.find_profile(connection, ACCOUNT_ID)
        assert (profile.name, profile.employer_name) == ("Siân O'Dowd", "Ysbyty Gŵyr")
        assert profile.date_of_birth == date(1984, 2, 29)


def test_a_grant_is_revoked_once(granted: Database, now: datetime) -> None:
    with granted.write() as connection:
        assert grant.revoke(connection, GRANT_ID, now)
        assert not grant.revoke(connection, GRANT_ID, now)


def test_only_an_offline_grant_outlives_its_session(signed_in: Database, now: datetime) -> None:
    with signed_in.write() as connection:
        assert grant.add_if_live(connection, replace(a_grant(now), offline=True), now)
        browser_session.end(connection, SID, now)

    with signed_in.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is not None


@pytest.mark.parametrize(
    ("ending", "live"), [(_client_is_disabled, False), (_token_is_revoked, False), (_session_ends, True)]
)
def test_a_token_of_the_client_itself_hangs_on_the_client(
    signed_in: Database, now: datetime, ending: Ending, live: bool
) -> None:
    with signed_in.write() as connection:
        assert grant.client_token_is_live(connection, CLIENT_ID, JTI)
        ending(connection, now)

    with signed_in.read() as connection:
        assert grant.client_token_is_live(connection, CLIENT_ID, JTI) is live


def test_a_token_of_a_client_that_never_was_is_dead(database: Database) -> None:
    with database.read() as connection:
        assert not grant.client_token_is_live(connection, CLIENT_ID, JTI)
