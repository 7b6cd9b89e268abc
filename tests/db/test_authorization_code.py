from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, authorization_code
from tests.builders import CLIENT_ID, GRANT_ID, a_code, add_signed_in, digest_of

CODE = digest_of("code")


@pytest.fixture
def issued(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_signed_in(connection, now)
        authorization_code.add(connection, a_code(now))
    return database


def test_a_code_is_redeemed_as_it_was_issued_and_once(issued: Database, now: datetime) -> None:
    with issued.write() as connection:
        assert authorization_code.redeem(connection, CODE, CLIENT_ID, now) == a_code(now)
        assert authorization_code.redeem(connection, CODE, CLIENT_ID, now) is None


def test_a_code_without_nonce_and_challenge_has_none(issued: Database, now: datetime) -> None:
    plain = replace(a_code(now), digest=digest_of("plain"), nonce=None, code_challenge=None, scope=())
    with issued.write() as connection:
        authorization_code.add(connection, plain)

        assert authorization_code.redeem(connection, plain.digest, CLIENT_ID, now) == plain


def test_an_expired_code_is_spent_too(issued: Database, now: datetime) -> None:
    late = now + timedelta(minutes=5)
    with issued.write() as connection:
        code = authorization_code.redeem(connection, CODE, CLIENT_ID, late)
        assert code is not None
        assert code.expires_at < late
        assert authorization_code.redeem(connection, CODE, CLIENT_ID, now) is None


def test_another_client_neither_redeems_nor_spends_the_code(issued: Database, now: datetime) -> None:
    with issued.write() as connection:
        assert authorization_code.redeem(connection, CODE, "other", now) is None
        assert authorization_code.redeem(connection, CODE, CLIENT_ID, now) is not None
        assert authorization_code.find_redeemed(connection, CODE, "other") is None


def test_a_replayed_code_names_the_grant_to_revoke(issued: Database, now: datetime) -> None:
    with issued.write() as connection:
        assert authorization_code.find_redeemed(connection, CODE, CLIENT_ID) is None
        authorization_code.redeem(connection, CODE, CLIENT_ID, now)

        assert authorization_code.find_redeemed(connection, CODE, CLIENT_ID) == GRANT_ID
        assert authorization_code.find_redeemed(connection, digest_of("guess"), CLIENT_ID) is None


def test_a_code_that_was_undone_is_not_spent(issued: Database, now: datetime) -> None:
    def redeem_and_fail() -> None:
        with issued.write() as connection:
            authorization_code.redeem(connection, CODE, CLIENT_ID, now)
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        redeem_and_fail()

    with issued.write() as connection:
        assert authorization_code.redeem(connection, CODE, CLIENT_ID, now) is not None


def test_two_codes_cannot_be_the_same(issued: Database, now: datetime) -> None:
    with pytest.raises(Conflict), issued.write() as connection:
        authorization_code.add(connection, a_code(now))
