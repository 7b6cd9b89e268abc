"""Clients that come, go and come back."""

from datetime import datetime

from idp.db import Database, client, grant
from idp.protocol import registration
from tests.builders import GRANT_ID, a_client, a_grant, add_signed_in


def test_a_client_that_is_enabled_again_starts_from_nothing(postgresql_url: str, now: datetime) -> None:
    database = Database(postgresql_url)
    with database.write() as connection:
        add_signed_in(connection, now)
    with database.write() as disabling:
        registration.disable(disabling, a_client(now), now)
        # Until that is committed, a redemption elsewhere still finds the client enabled.
        with database.write() as redeeming:
            assert grant.add_if_live(redeeming, a_grant(now), now)

    with database.write() as connection:
        found = client.find(connection, a_client(now).client_id)
        assert found is not None
        registration.enable(connection, found, now)

    with database.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None
    database.close()
