from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, grant, refresh_token
from tests.builders import CLIENT_ID, a_grant, a_refresh_token, add_signed_in, digest_of

TOKEN = digest_of("refresh")


@pytest.fixture
def issued(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_signed_in(connection, now)
        assert grant.add_if_live(connection, a_grant(now), now)
        refresh_token.add(connection, a_refresh_token(now))
    return database


def test_a_token_is_rotated_once(issued: Database, now: datetime) -> None:
    rotated = replace(a_refresh_token(now), rotated_at=now)
    with issued.write() as connection:
        assert refresh_token.rotate(connection, TOKEN, CLIENT_ID, now) == rotated
        assert refresh_token.rotate(connection, TOKEN, CLIENT_ID, now) is None
        assert refresh_token.find(connection, TOKEN, CLIENT_ID) == rotated


@pytest.mark.parametrize(
    ("expires", "ends"),
    [
        pytest.param(timedelta(0), timedelta(hours=1), id="it was idle for too long"),
        pytest.param(timedelta(hours=1), timedelta(0), id="its family is over"),
    ],
)
def test_a_token_that_is_over_is_not_rotated(
    issued: Database, now: datetime, expires: timedelta, ends: timedelta
) -> None:
    token = replace(
        a_refresh_token(now), digest=digest_of("old"), expires_at=now + expires, ends_at=now + ends
    )
    with issued.write() as connection:
        refresh_token.add(connection, token)

        assert refresh_token.rotate(connection, token.digest, CLIENT_ID, now) is None
        assert refresh_token.find(connection, token.digest, CLIENT_ID) == token


def test_a_token_of_another_client_is_not_found_or_rotated(issued: Database, now: datetime) -> None:
    with issued.write() as connection:
        assert refresh_token.rotate(connection, TOKEN, "other", now) is None
        assert refresh_token.find(connection, TOKEN, "other") is None
        assert refresh_token.find_any(connection, TOKEN) == a_refresh_token(now)


def test_a_token_is_stored_once(issued: Database, now: datetime) -> None:
    """A child's digest follows from its parent, so one parent cannot have two."""
    with pytest.raises(Conflict), issued.write() as connection:
        refresh_token.add(connection, replace(a_refresh_token(now), parent_digest=digest_of("parent")))
