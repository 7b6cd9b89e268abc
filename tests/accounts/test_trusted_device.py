"""A trusted device spares one account a question for a while, and can be ended."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idp.accounts import administration, card_link
from idp.accounts.factor_news import FactorNews
from idp.accounts.trusted_device import TrustedDevices
from idp.db import trusted_device as rows
from idp.db.engine import migration_engine
from idp.db.smartcard import Smartcard
from idp.db.trusted_device import trusted_devices
from tests.accounts.passwords import Desk, build
from tests.fakes import FakeRandomness
from tests.site import Site

DAY = timedelta(days=1)
AGENT = "Mozilla/5.0"


@pytest.fixture
def desk(site: Site) -> Desk:
    return build(site)


@pytest.fixture
def devices(site: Site) -> TrustedDevices:
    return TrustedDevices(FakeRandomness(), site.provider.lifetimes)


def trust(desk: Desk, devices: TrustedDevices, username: str = "918JSMITH01", agent: str = AGENT) -> str:
    with desk.site.provider.database.write() as connection:
        return devices.trust(connection, desk.jane(username).id, user_agent=agent, now=desk.now)


def knows(desk: Desk, devices: TrustedDevices, token: str | None, username: str = "918JSMITH01") -> bool:
    with desk.site.provider.database.write() as connection:
        return devices.use(connection, token, desk.jane(username).id, desk.now)


def test_a_device_is_trusted_for_thirty_days(desk: Desk, devices: TrustedDevices) -> None:
    token = trust(desk, devices)
    desk.site.clock.advance(30 * DAY - timedelta(seconds=1))
    assert knows(desk, devices, token)
    desk.site.clock.advance(timedelta(seconds=1))
    assert not knows(desk, devices, token)


@pytest.mark.parametrize("token", [None, "", "x" * 43, "x" * 10_000, "ŵ\x00"])
def test_nothing_else_is_trusted(desk: Desk, devices: TrustedDevices, token: str | None) -> None:
    trust(desk, devices)
    assert not knows(desk, devices, token)


def test_it_is_trusted_for_one_account_alone(desk: Desk, devices: TrustedDevices) -> None:
    desk.site.add_account("918JDOE01", person_id=desk.jane().person_id)
    assert not knows(desk, devices, trust(desk, devices), "918JDOE01")


def test_its_use_is_noted(desk: Desk, devices: TrustedDevices) -> None:
    token = trust(desk, devices)
    later = desk.site.clock.advance(DAY)
    with desk.site.provider.database.write() as connection:
        assert devices.use(connection, token, desk.jane().id, later)
        assert not devices.use(connection, None, desk.jane().id, later)
        (found,) = rows.of_account(connection, desk.jane().id, later)
    assert (found.last_used_at, found.created_at, found.user_agent) == (later, later - DAY, AGENT)


def test_its_owner_ends_one_and_nobody_elses(desk: Desk, devices: TrustedDevices) -> None:
    desk.site.add_account("918JDOE01")
    first, second = trust(desk, devices), trust(desk, devices)
    database = desk.site.provider.database
    with database.read() as connection:
        shown = rows.of_account(connection, desk.jane().id, desk.now)
    with database.write() as connection:
        assert not rows.revoke(connection, shown[0].id, desk.jane("918JDOE01").id, desk.now)
        assert rows.revoke(connection, shown[0].id, desk.jane().id, desk.now)
        assert not rows.revoke(connection, shown[0].id, desk.jane().id, desk.now)
    assert sorted([knows(desk, devices, first), knows(desk, devices, second)]) == [False, True]


def test_all_are_ended_at_once(desk: Desk, devices: TrustedDevices) -> None:
    desk.site.add_account("918JDOE01")
    other = trust(desk, devices, "918JDOE01")
    tokens = [trust(desk, devices), trust(desk, devices)]
    with desk.site.provider.database.write() as connection:
        assert rows.revoke_all(connection, desk.jane().id, desk.now) == 2
    assert not any(knows(desk, devices, token) for token in tokens)
    assert knows(desk, devices, other, "918JDOE01")


def test_the_database_holds_no_token_and_no_endless_browser_name(desk: Desk, devices: TrustedDevices) -> None:
    token = trust(desk, devices, agent="x" * 100_000)
    with migration_engine(desk.site.provider.database.url).connect() as connection:
        (row,) = connection.execute(select(trusted_devices)).all()
    assert token not in str(row)
    assert len(row.user_agent) == 256


@pytest.mark.parametrize("how", ["reset", "change"])
def test_a_new_password_ends_them(desk: Desk, devices: TrustedDevices, how: str) -> None:
    token = trust(desk, devices)
    if how == "reset":
        desk.update(desk.mail_link())
    else:
        desk.change(desk.live(desk.sign_in()))
    assert not knows(desk, devices, token)


def test_the_service_desk_ends_them_with_the_account(desk: Desk, devices: TrustedDevices) -> None:
    token = trust(desk, devices)
    with desk.site.provider.database.write() as connection:
        administration.disable(connection, desk.jane(), desk.now)
    with desk.site.provider.database.write() as connection:
        administration.enable(connection, desk.jane(), desk.now)
    assert not knows(desk, devices, token)


def test_another_card_ends_them_and_so_does_one_less(desk: Desk, devices: TrustedDevices) -> None:
    provider, jane = desk.site.provider, desk.jane()
    news = FactorNews(provider.entry.post)
    before = trust(desk, devices)
    with provider.database.write() as connection:
        card = card_link.link(connection, news, provider.randomness, jane, "123456789012", desk.now)
    assert isinstance(card, Smartcard)
    assert not knows(desk, devices, before)
    after = trust(desk, devices)
    with provider.database.write() as connection:
        card_link.unlink(connection, news, jane, card, desk.now)
    assert not knows(desk, devices, after)
