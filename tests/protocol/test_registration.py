"""Clients that come, go and come back."""

from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, authorization_code, client, grant
from idp.protocol import registration
from tests.builders import GRANT_ID, a_client, a_code, a_grant, add_signed_in
from tests.site import Site, received
from tests.web.forms import heading


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


def remove(site: Site, client_id: str) -> None:
    with site.provider.database.write() as connection:
        found = client.find(connection, client_id)
        assert found is not None
        registration.remove(connection, found, site.clock.now())


def test_requests_that_wait_do_not_keep_a_client_from_being_removed(site: Site) -> None:
    visitor = site.browser()
    page = visitor.follow(visitor.authorize())
    remove(site, "payslips")
    assert heading(visitor.log_in(page)) == "This login page is no longer available"


def test_codes_that_were_let_expire_do_not_keep_a_client_from_being_removed(
    database: Database, now: datetime
) -> None:
    code = a_code(now)
    with database.write() as connection:
        add_signed_in(connection, now)
        authorization_code.add(connection, code)
    with pytest.raises(Conflict), database.write() as connection:
        registration.remove(connection, a_client(now), now)
    with database.write() as connection:
        registration.remove(connection, a_client(now), now + timedelta(seconds=60))
    with database.read() as connection:
        assert client.find(connection, code.client_id) is None


def test_a_code_that_was_redeemed_does(database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_signed_in(connection, now)
        authorization_code.add(connection, a_code(now))
        assert authorization_code.redeem(connection, a_code(now).digest, a_code(now).client_id, now)
    with pytest.raises(Conflict), database.write() as connection:
        registration.remove(connection, a_client(now), now + timedelta(seconds=60))


def test_a_client_that_was_removed_a_moment_ago_is_not_registered(site: Site) -> None:
    site.add_client("rota")
    visitor = site.browser()
    assert "code" in visitor.sign_in_to()
    assert "error" in received(visitor.authorize("rota", prompt="none", max_age="0"))  # now it is remembered
    remove(site, "rota")
    answer = visitor.authorize("rota")
    assert (answer.status_code, heading(answer)) == (400, "This application is not set up correctly")
    assert "is not registered with us" in answer.text
    stranger = site.browser().authorize("rota")
    assert (stranger.status_code, heading(stranger)) == (400, "This application is not set up correctly")
