"""Challenges: for one ceremony, one account, one browser, five minutes and one use."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from idp.db import Database, webauthn_challenge
from idp.db.webauthn_challenge import Ceremony, Challenge
from tests.builders import ACCOUNT_ID, digest_of
from tests.crowd import together

OTHER = uuid.UUID("20000000-0000-4000-8000-000000000002")
MINUTE = timedelta(minutes=1)


def a_challenge(now: datetime) -> Challenge:
    return Challenge(
        digest=digest_of("challenge"),
        ceremony=Ceremony.STEP_UP,
        account_id=ACCOUNT_ID,
        binding=digest_of("browser"),
        created_at=now,
        expires_at=now + 5 * MINUTE,
    )


def use(database: Database, now: datetime, **other: Any) -> bool:  # noqa: ANN401 - of every kind
    wanted = {
        "digest": digest_of("challenge"),
        "ceremony": Ceremony.STEP_UP,
        "account_id": ACCOUNT_ID,
        "binding": digest_of("browser"),
        "now": now,
        **other,
    }
    with database.write() as connection:
        return webauthn_challenge.use(connection, **wanted)


@pytest.fixture
def asked(database: Database, now: datetime) -> Database:
    """A database with a challenge."""
    with database.write() as connection:
        webauthn_challenge.add(connection, a_challenge(now))
    return database


def test_a_challenge_is_used_once(asked: Database, now: datetime) -> None:
    assert use(asked, now)
    assert not use(asked, now)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"digest": digest_of("another")}, id="another challenge"),
        pytest.param({"digest": b""}, id="no challenge"),
        pytest.param({"ceremony": Ceremony.SIGN_IN}, id="another ceremony"),
        pytest.param({"account_id": OTHER}, id="another account"),
        pytest.param({"account_id": None}, id="no account"),
        pytest.param({"binding": digest_of("another")}, id="another browser"),
    ],
)
def test_for_anything_else_it_is_none_and_stays_unused(
    asked: Database, now: datetime, other: dict[str, Any]
) -> None:
    assert not use(asked, now, **other)
    assert use(asked, now)


def test_after_five_minutes_it_is_none(asked: Database, now: datetime) -> None:
    assert not use(asked, now + 5 * MINUTE)
    assert use(asked, now + 5 * MINUTE - timedelta(seconds=1))


def test_one_for_nobody_is_for_nobody(database: Database, now: datetime) -> None:
    with database.write() as connection:
        webauthn_challenge.add(connection, replace(a_challenge(now), account_id=None))
    assert not use(database, now)
    assert use(database, now, account_id=None)


def test_of_twelve_uses_at_once_one_is_the_first(postgresql_url: str, now: datetime) -> None:
    database = Database(postgresql_url)
    with database.write() as connection:
        webauthn_challenge.add(connection, a_challenge(now))
    assert sorted(together(lambda: use(database, now))) == [False] * 11 + [True]
    database.close()
