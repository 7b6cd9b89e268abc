from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, client, consent
from tests.builders import ACCOUNT_ID, CLIENT_ID, a_client, add_signed_in, digest_of


@pytest.fixture
def registered(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_signed_in(connection, now)
    return database


def test_a_client_is_found_as_it_was_registered(registered: Database, now: datetime) -> None:
    with registered.read() as connection:
        assert client.find(connection, CLIENT_ID) == a_client(now)
        assert client.find(connection, "other") is None


def test_a_client_id_is_taken_once(registered: Database, now: datetime) -> None:
    with pytest.raises(Conflict), registered.write() as connection:
        client.add(connection, a_client(now))


def test_clients_are_listed_oldest_first(registered: Database, now: datetime) -> None:
    older = replace(a_client(now), client_id="zebra", created_at=now - timedelta(days=1), secret_digest=None)
    with registered.write() as connection:
        client.add(connection, older)

        assert client.every(connection) == [older, a_client(now)]


def test_a_secret_is_replaced(registered: Database, now: datetime) -> None:
    later = now + timedelta(days=1)
    with registered.write() as connection:
        assert client.set_secret(connection, CLIENT_ID, digest_of("new"), later)
        assert not client.set_secret(connection, "other", digest_of("new"), later)

        assert client.find(connection, CLIENT_ID) == replace(
            a_client(now), secret_digest=digest_of("new"), updated_at=later
        )


def test_a_client_is_disabled_and_enabled(registered: Database, now: datetime) -> None:
    with registered.write() as connection:
        assert client.set_disabled(connection, CLIENT_ID, disabled=True, now=now)
        assert client.find(connection, CLIENT_ID) == replace(a_client(now), disabled_at=now)
        assert client.set_disabled(connection, CLIENT_ID, disabled=False, now=now)
        assert client.find(connection, CLIENT_ID) == a_client(now)
        assert not client.set_disabled(connection, "other", disabled=True, now=now)


def test_a_client_is_removed_unless_something_refers_to_it(registered: Database, now: datetime) -> None:
    with registered.write() as connection:
        client.add(connection, replace(a_client(now), client_id="idle"))
        assert client.remove(connection, "idle")
        assert not client.remove(connection, "idle")
        consent.grant(connection, ACCOUNT_ID, CLIENT_ID, frozenset({"openid"}), now)

    with pytest.raises(Conflict), registered.write() as connection:
        client.remove(connection, CLIENT_ID)


def test_a_consent_takes_the_place_of_the_one_before(registered: Database, now: datetime) -> None:
    with registered.write() as connection:
        assert consent.find(connection, ACCOUNT_ID, CLIENT_ID) == frozenset()
        for scope in ({"openid", "email"}, {"openid", "birthdate"}):
            consent.grant(connection, ACCOUNT_ID, CLIENT_ID, frozenset(scope), now)
            assert consent.find(connection, ACCOUNT_ID, CLIENT_ID) == scope
