import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from idp.db import Connection, Database, account, browser_session
from idp.db.account import AccountState
from tests.builders import ACCOUNT_ID, SID, a_session, add_account, add_session, an_account, digest_of

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


def test_a_session_ends_with_the_employment(database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_account(connection, replace(an_account(now), ends_on=date(2026, 11, 23)))
        add_session(connection, replace(a_session(now), expires_at=now + timedelta(days=2)))
        browser_session.touch(connection, SID, now + timedelta(days=2), now)

    assert _is_live(database, datetime.fromisoformat("2026-11-23T23:59:59+00:00"))
    assert not _is_live(database, datetime.fromisoformat("2026-11-24T00:00:00+00:00"))


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
