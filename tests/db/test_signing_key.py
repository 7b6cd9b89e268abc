from dataclasses import replace
from datetime import datetime

import pytest

from idp.db import Conflict, Database, signing_key
from idp.db.signing_key import KeyStage, SigningKey


def _key(kid: str, stage: KeyStage, now: datetime, alg: str = "ES256") -> SigningKey:
    return SigningKey(kid, alg, stage, {"kty": "EC", "crv": "P-256"}, b"\x01sealed", now, None, None, None)


@pytest.mark.parametrize("stage", [KeyStage.ANNOUNCED, KeyStage.ACTIVE])
def test_an_algorithm_has_one_key_in_each_of_these_stages(
    database: Database, now: datetime, stage: KeyStage
) -> None:
    with database.write() as connection:
        signing_key.add(connection, _key("one", stage, now))
        signing_key.add(connection, _key("another algorithm's", stage, now, alg="RS256"))

    with pytest.raises(Conflict), database.write() as connection:
        signing_key.add(connection, _key("two", stage, now))


@pytest.mark.parametrize("stage", [KeyStage.RETIRING, KeyStage.RETIRED])
def test_an_algorithm_may_have_many_old_keys(database: Database, now: datetime, stage: KeyStage) -> None:
    with database.write() as connection:
        signing_key.add(connection, _key("one", stage, now))
        signing_key.add(connection, _key("two", stage, now))


def test_a_key_goes_through_its_stages_and_loses_its_private_part_at_the_end(
    database: Database, now: datetime
) -> None:
    key = _key("one", KeyStage.ANNOUNCED, now)
    with database.write() as connection:
        signing_key.add(connection, key)
        assert signing_key.move(connection, key, KeyStage.ACTIVE, now)
        [active] = signing_key.in_use(connection)
        assert active == replace(key, stage=KeyStage.ACTIVE, active_at=now)
        assert signing_key.move(connection, active, KeyStage.RETIRING, now)
        [retiring] = signing_key.in_use(connection)
        assert signing_key.move(connection, retiring, KeyStage.RETIRED, now)

        assert signing_key.in_use(connection) == []
        [retired] = signing_key.every(connection)
    assert retired == SigningKey(
        "one", "ES256", KeyStage.RETIRED, {"kty": "EC", "crv": "P-256"}, None, now, now, now, now
    )


def test_a_key_that_another_node_moved_is_left_alone(database: Database, now: datetime) -> None:
    key = _key("one", KeyStage.ANNOUNCED, now)
    with database.write() as connection:
        signing_key.add(connection, key)
        assert signing_key.move(connection, key, KeyStage.ACTIVE, now)
        assert not signing_key.move(connection, key, KeyStage.RETIRED, now)


def test_the_next_key_cannot_be_active_beside_the_old_one(database: Database, now: datetime) -> None:
    following = _key("two", KeyStage.ANNOUNCED, now)
    with database.write() as connection:
        signing_key.add(connection, _key("one", KeyStage.ACTIVE, now))
        signing_key.add(connection, following)

    with pytest.raises(Conflict), database.write() as connection:
        signing_key.move(connection, following, KeyStage.ACTIVE, now)
