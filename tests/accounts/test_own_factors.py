"""Owners rename and remove what they prove who they are with: by whom policy lets, and not the last one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from idp.accounts import own_account, own_factors
from idp.accounts.factor_news import Changed
from idp.accounts.own_account import Acting
from idp.accounts.own_factors import LastFactor, OwnFactors
from idp.accounts.permission import Withheld
from idp.db import totp_device
from idp.policy.enrolment import Permission
from idp.policy.second_factor import Rule
from tests import enrolled
from tests.accounts import second_factors
from tests.accounts.second_factors import Desk, Telephone
from tests.site import Site


@pytest.fixture
def jane(site: Site) -> Desk:
    return second_factors.build(site)


@pytest.fixture
def phone(jane: Desk) -> Telephone:
    """Her app."""
    return jane.add_app()


def acting(jane: Desk, phone: Telephone) -> Acting:
    """Jane, who has just proved both password and app."""
    outcome = jane.prove(jane.half_session(), phone.code(jane.site))
    live = jane.live(outcome.entered.session)  # type: ignore[union-attr]  # what a right code gives
    assert live is not None
    return Acting(live, "192.0.2.7", jane.site.clock.now())


def remove(jane: Desk, who: Acting, rule: Rule, phone: Telephone) -> object:
    changes = OwnFactors(jane.factors.permissions, jane.factors.news, rule)
    with jane.site.provider.database.write() as connection:
        assert own_account.hold(connection, who, jane.site.provider.lifetimes)
        return changes.remove(connection, who, Changed.TOTP, phone.device_id)


def apps(jane: Desk) -> list[str]:
    with jane.site.provider.database.read() as connection:
        return [each.name for each in totp_device.of_account(connection, jane.jane().id)]


@pytest.mark.parametrize("rule", [Rule.ALWAYS, Rule.OUTSIDE])
def test_the_last_one_stays_where_everybody_has_to_have_one(
    site: Site, jane: Desk, phone: Telephone, rule: Rule
) -> None:
    who = acting(jane, phone)
    assert remove(jane, who, rule, phone) == LastFactor()
    assert apps(jane) == ["Work telephone"]
    enrolled.passkey(site, jane.jane().id)
    assert remove(jane, who, rule, phone) is True
    assert apps(jane) == []


def test_one_of_the_last_two_stays_when_both_are_removed_at_once(jane: Desk, phone: Telephone) -> None:
    other = jane.add_app(name="Tablet")
    who = acting(jane, phone)
    start = threading.Barrier(2)

    def remove_it(which: Telephone) -> object:
        start.wait(10)
        return remove(jane, who, Rule.ALWAYS, which)

    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(remove_it, (phone, other)))
    assert sorted(map(str, outcomes)) == ["LastFactor()", "True"]
    assert len(apps(jane)) == 1


def test_the_last_one_goes_where_they_choose(jane: Desk, phone: Telephone) -> None:
    assert remove(jane, acting(jane, phone), Rule.WHEN_ENROLLED, phone) is True
    (letter,) = jane.letters_about("factor_removed")
    assert letter.values["label"] == "Work telephone"


def test_a_card_is_no_step_after_the_password(site: Site, jane: Desk, phone: Telephone) -> None:
    enrolled.smartcard(site, jane.jane().id)
    assert remove(jane, acting(jane, phone), Rule.ALWAYS, phone) == LastFactor()


def test_the_transaction_asks_for_fresh_proof_itself(jane: Desk, phone: Telephone) -> None:
    who = acting(jane, phone)
    stale = Acting(who.session, who.address, jane.site.clock.advance(timedelta(minutes=5)))
    assert remove(jane, stale, Rule.WHEN_ENROLLED, phone) == Withheld(Permission.LOG_IN)
    changes = OwnFactors(jane.factors.permissions, jane.factors.news, Rule.WHEN_ENROLLED)
    with jane.site.provider.database.write() as connection:
        renamed = changes.rename(connection, stale, Changed.TOTP, phone.device_id, "Mine")
    assert renamed == Withheld(Permission.LOG_IN)
    assert apps(jane) == ["Work telephone"]


def test_only_apps_and_passkeys_are_the_owner_s_to_change() -> None:
    kinds = [own_factors.kind_in(each.value) for each in Changed]
    assert [kind for kind in kinds if kind] == [Changed.TOTP, Changed.PASSKEY]
