import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from idp.db import Connection, Database, account, browser_session, client, grant
from idp.db.account import AccountState
from idp.db.browser_session import PASSWORD_DUE, SECOND_FACTOR_DUE
from idp.db.engine import migration_engine
from tests.builders import (
    ACCOUNT_ID,
    GRANT_ID,
    SID,
    a_client,
    a_grant,
    a_session,
    add_account,
    add_session,
    an_account,
    digest_of,
)

COOKIE = digest_of("cookie")
OTHER_SID = uuid.UUID("30000000-0000-4000-8000-000000000002")


@pytest.fixture
def signed_in(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_account(connection, an_account(now))
        add_session(connection, a_session(now))
    return database


def _is_live(database: Database, now: datetime, secret: bytes = COOKIE) -> bool:
    with database.read() as connection:
        return browser_session.find_live(connection, secret, now) is not None


def test_a_session_is_found_by_its_secret(signed_in: Database, now: datetime) -> None:
    with signed_in.read() as connection:
        assert browser_session.find_live(connection, COOKIE, now) == a_session(now)
        assert browser_session.find_live(connection, digest_of("guess"), now) is None


def test_a_session_ends_by_itself_when_nobody_uses_it(signed_in: Database, now: datetime) -> None:
    assert _is_live(signed_in, now + timedelta(minutes=29, seconds=59))
    assert not _is_live(signed_in, now + timedelta(minutes=30))


def test_a_session_that_is_used_lives_on_but_not_for_ever(signed_in: Database, now: datetime) -> None:
    with signed_in.write() as connection:
        browser_session.touch(connection, SID, now + timedelta(hours=13), now)

    assert _is_live(signed_in, now + timedelta(hours=11, minutes=59))
    assert not _is_live(signed_in, now + timedelta(hours=12))


def test_a_session_that_has_ended_stays_ended(signed_in: Database, now: datetime) -> None:
    with signed_in.write() as connection:
        assert browser_session.end(connection, SID, now)
        browser_session.touch(connection, SID, now + timedelta(hours=1), now)
        session = replace(a_session(now), auth_time=now)
        assert not browser_session.renew(connection, session, digest_of("new"), now + timedelta(hours=1))
        assert not browser_session.end(connection, SID, now)

    assert not _is_live(signed_in, now)
    assert not _is_live(signed_in, now, digest_of("new"))


def test_signing_in_again_changes_the_secret_and_the_authentication(
    signed_in: Database, now: datetime
) -> None:
    later = now + timedelta(minutes=20)
    renewed = replace(
        a_session(later), acr="AAL2", amr=("pwd", "otp"), expires_at=later + timedelta(hours=12)
    )
    with signed_in.write() as connection:
        assert browser_session.renew(connection, renewed, digest_of("new"), later + timedelta(minutes=30))

    assert not _is_live(signed_in, later)
    with signed_in.read() as connection:
        assert browser_session.find_live(connection, digest_of("new"), later) == renewed


@pytest.mark.parametrize("state", [state for state in AccountState if state is not AccountState.ACTIVE])
def test_a_session_opens_only_while_the_account_may_sign_in(
    signed_in: Database, now: datetime, state: AccountState
) -> None:
    with signed_in.write() as connection:
        assert account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, state)

    assert not _is_live(signed_in, now)


@pytest.fixture
def due(database: Database, now: datetime) -> Database:
    """Signed in with a password that must be changed."""
    with database.write() as connection:
        add_account(connection, replace(an_account(now), state=AccountState.MUST_CHANGE_PASSWORD))
        add_session(connection, replace(a_session(now), acr=PASSWORD_DUE))
    return database


def _is_due(database: Database, now: datetime, secret: bytes = COOKIE) -> bool:
    with database.read() as connection:
        return browser_session.find_due(connection, secret, now) is not None


def test_a_session_whose_password_is_due_is_found_apart_from_live_ones(due: Database, now: datetime) -> None:
    with due.read() as connection:
        found = browser_session.find_due(connection, COOKIE, now)
    assert found == replace(a_session(now), acr="password_due")
    assert not _is_live(due, now)
    assert not _is_due(due, now, digest_of("guess"))
    assert not _is_due(due, now + timedelta(minutes=30))


def test_a_session_whose_password_is_due_ends_with_the_employment(database: Database, now: datetime) -> None:
    yesterday = date(2026, 11, 22)
    with database.write() as connection:
        add_account(
            connection,
            replace(an_account(now), state=AccountState.MUST_CHANGE_PASSWORD, ends_on=yesterday),
        )
        add_session(connection, replace(a_session(now), acr=PASSWORD_DUE))

    assert not _is_due(database, now)


@pytest.mark.parametrize("state", AccountState)
def test_a_session_that_was_live_never_becomes_due(
    signed_in: Database, now: datetime, state: AccountState
) -> None:
    with signed_in.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, state)

    assert not _is_due(signed_in, now)


@pytest.mark.parametrize(
    "state", [state for state in AccountState if state is not AccountState.MUST_CHANGE_PASSWORD]
)
def test_a_session_that_was_due_does_not_become_live_with_the_account(
    due: Database, now: datetime, state: AccountState
) -> None:
    with due.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.MUST_CHANGE_PASSWORD, state)

    assert not _is_due(due, now)
    assert not _is_live(due, now)


def test_a_session_gets_a_new_secret_and_stays_what_it_was(signed_in: Database, now: datetime) -> None:
    later = now + timedelta(minutes=20)
    idle_end = later + timedelta(minutes=30)
    with signed_in.write() as connection:
        assert browser_session.change_secret(
            connection, a_session(now), "AAL1_USERPASS", digest_of("new"), idle_end, later
        )

    assert not _is_live(signed_in, later)
    with signed_in.read() as connection:
        found = browser_session.find_live(connection, digest_of("new"), later)
    assert found == replace(a_session(now), last_seen_at=later)
    assert _is_live(signed_in, idle_end - timedelta(seconds=1), digest_of("new"))
    assert not _is_live(signed_in, idle_end, digest_of("new"))


@pytest.mark.parametrize("ended", ["signed out", "idle", "too old"])
def test_a_session_that_has_ended_gets_no_new_secret(signed_in: Database, now: datetime, ended: str) -> None:
    later = {"signed out": timedelta(0), "idle": timedelta(minutes=30), "too old": timedelta(hours=12)}
    with signed_in.write() as connection:
        if ended == "too old":
            browser_session.touch(connection, SID, now + timedelta(hours=13), now)
        if ended == "signed out":
            browser_session.end(connection, SID, now)
        at = now + later[ended]
        assert not browser_session.change_secret(
            connection, a_session(now), "AAL1_USERPASS", digest_of("new"), at + timedelta(minutes=30), at
        )


def test_a_session_ends_with_the_employment(database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_account(connection, replace(an_account(now), ends_on=date(2026, 11, 23)))
        add_session(connection, replace(a_session(now), expires_at=now + timedelta(days=2)))
        browser_session.touch(connection, SID, now + timedelta(days=2), now)

    assert _is_live(database, datetime.fromisoformat("2026-11-23T23:59:59+00:00"))
    assert not _is_live(database, datetime.fromisoformat("2026-11-24T00:00:00+00:00"))


def test_all_sessions_but_one_end_and_every_grant_with_them(signed_in: Database, now: datetime) -> None:
    with signed_in.write() as connection:
        client.add(connection, a_client(now))
        add_session(connection, replace(a_session(now), sid=OTHER_SID), secret="other")
        of_this, offline = a_grant(now), replace(a_grant(now), id=uuid.UUID(int=7), offline=True)
        assert grant.add_if_live(connection, of_this, now)
        assert grant.add_if_live(connection, replace(offline, sid=OTHER_SID), now)
        assert browser_session.end_others(connection, ACCOUNT_ID, SID, now) == 1
        assert browser_session.end_others(connection, ACCOUNT_ID, SID, now) == 0

    assert _is_live(signed_in, now)
    assert not _is_live(signed_in, now, digest_of("other"))
    with signed_in.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None
        assert grant.find_live(connection, offline.id, now) is None


def test_somebody_else_s_session_stays(signed_in: Database, now: datetime) -> None:
    with signed_in.write() as connection:
        assert browser_session.end_others(connection, uuid.UUID(int=9), None, now) == 0

    assert _is_live(signed_in, now)


def _end(connection: Connection, now: datetime) -> None:
    browser_session.end(connection, SID, now)


def _end_all(connection: Connection, now: datetime) -> None:
    assert browser_session.end_all(connection, ACCOUNT_ID, now) == 2


@pytest.mark.parametrize(("ending", "other_lives"), [(_end, True), (_end_all, False)])
def test_one_session_ends_or_all_of_the_account(
    signed_in: Database, now: datetime, ending: Callable[[Connection, datetime], None], other_lives: bool
) -> None:
    with signed_in.write() as connection:
        add_session(connection, replace(a_session(now), sid=OTHER_SID), secret="other")
        ending(connection, now)

    assert not _is_live(signed_in, now)
    assert _is_live(signed_in, now, digest_of("other")) is other_lives


@pytest.mark.parametrize("state", [AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD])
def test_half_a_session_is_found_apart_from_all_others(
    database: Database, now: datetime, state: AccountState
) -> None:
    half = replace(a_session(now), acr=SECOND_FACTOR_DUE)
    with database.write() as connection:
        add_account(connection, replace(an_account(now), state=state))
        add_session(connection, half)

    with database.read() as connection:
        assert browser_session.find_half(connection, COOKIE, now) == half
        assert browser_session.find_half(connection, digest_of("guess"), now) is None
        assert browser_session.find_half(connection, COOKIE, now + timedelta(minutes=30)) is None
    assert not _is_live(database, now)
    assert not _is_due(database, now)


@pytest.mark.parametrize(
    "state",
    [each for each in AccountState if each not in {AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD}],
)
def test_half_a_session_of_a_closed_account_is_none(
    database: Database, now: datetime, state: AccountState
) -> None:
    with database.write() as connection:
        add_account(connection, replace(an_account(now), state=state))
        add_session(connection, replace(a_session(now), acr=SECOND_FACTOR_DUE))

    with database.read() as connection:
        assert browser_session.find_half(connection, COOKIE, now) is None


@pytest.mark.parametrize("acr", ["AAL1_USERPASS", "AAL3_SMARTCARD", PASSWORD_DUE])
def test_no_other_session_is_half(database: Database, now: datetime, acr: str) -> None:
    with database.write() as connection:
        add_account(connection, an_account(now))
        add_session(connection, replace(a_session(now), acr=acr))

    with database.read() as connection:
        assert browser_session.find_half(connection, COOKIE, now) is None


def test_a_session_that_does_not_say_with_what_it_was_begun_was_begun_with_a_password(
    signed_in: Database, now: datetime
) -> None:
    engine = migration_engine(signed_in.url)
    with engine.begin() as connection_of_its_own:
        connection_of_its_own.execute(update(browser_session.browser_sessions).values(factors=None))
    engine.dispose()
    with signed_in.read() as connection:
        found = browser_session.find_live(connection, COOKIE, now)
    assert found is not None
    assert found.factors == ("password",)


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"acr": "AAL2_TOTP"},
        {"amr": ("pwd", "otp", "mfa")},
        {"auth_time": datetime(2026, 11, 23, 6, 59, tzinfo=UTC)},
    ],
    ids=str,
)
def test_a_session_is_stepped_up_only_while_it_is_what_was_read(
    signed_in: Database, now: datetime, meanwhile: dict[str, Any]
) -> None:
    before, idle_end = a_session(now), now + timedelta(minutes=30)
    after = replace(before, acr="AAL2_ANY", amr=("pwd", "swk"), factors=("password", "passkey"))
    with signed_in.write() as connection:
        seen = replace(before, **meanwhile)
        assert not browser_session.step_up(connection, seen, after, digest_of("new"), idle_end, now)
        assert not browser_session.change_secret(
            connection, seen, "AAL2_ANY", digest_of("new"), idle_end, now
        )
        assert browser_session.step_up(connection, before, after, digest_of("new"), idle_end, now)

    assert not _is_live(signed_in, now)
    with signed_in.read() as connection:
        assert browser_session.find_live(connection, digest_of("new"), now) == after


@pytest.mark.parametrize("ended", ["signed out", "idle"])
def test_a_session_that_has_ended_is_not_stepped_up(signed_in: Database, now: datetime, ended: str) -> None:
    at = now + timedelta(minutes=30) if ended == "idle" else now
    with signed_in.write() as connection:
        if ended == "signed out":
            browser_session.end(connection, SID, now)
        assert not browser_session.step_up(
            connection, a_session(now), a_session(now), digest_of("new"), at + timedelta(hours=1), at
        )
