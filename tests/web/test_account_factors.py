"""What one proves who one is with, on the account page: seen, renamed, removed by whom policy lets."""

import uuid
from datetime import timedelta

import pytest

from idp.accounts import browser_session
from idp.accounts.mfa import Proved
from idp.db import passkey, recovery_code, totp_device, trusted_device
from idp.policy.second_factor import Rule
from tests import enrolled
from tests.accounts import second_factors
from tests.accounts.second_factors import Desk, Telephone
from tests.site import ISSUER, Site, Visitor
from tests.web.account_page import JANE, JO, form, forms, last, logged_in, of, send, text
from tests.web.demanding import demanding
from tests.web.forms import heading, summary

NAME = "/account/factor/name"
REMOVAL = "/account/factor/removal"


@pytest.fixture
def desk(site: Site) -> Desk:
    return second_factors.build(site)


@pytest.fixture
def phone(desk: Desk) -> Telephone:
    """Jane's app."""
    return desk.add_app()


def proved(site: Site, phone: Telephone) -> Visitor:
    """Jane, who has just proved both password and app."""
    visitor, desk = logged_in(site), second_factors.build(site)
    kept = visitor.browser.get_cookie("__Host-sid", domain="id.example.nhs.uk")
    assert kept is not None
    with site.provider.database.read() as connection:
        half = browser_session.find_half(connection, kept.value, site.clock.now())
    assert half is not None
    outcome = desk.prove(half, phone.code(site))
    assert isinstance(outcome, Proved)
    visitor.browser.set_cookie("__Host-sid", outcome.entered.session.secret, domain="id.example.nhs.uk")
    assert heading(visitor.get("/account")) == "Your account"
    return visitor


def apps(site: Site, username: str = JANE) -> list[str]:
    with site.provider.database.read() as connection:
        return [each.name for each in totp_device.of_account(connection, of(site, username).id)]


def keys(site: Site) -> list[str]:
    with site.provider.database.read() as connection:
        return [each.name for each in passkey.of_account(connection, of(site).id)]


class TestSeeing:
    def test_without_any_it_says_so_and_leads_to_them(self, site: Site) -> None:
        page = logged_in(site).get("/account")
        assert "You log in with your password alone." in page.text
        assert 'href="/mfa/enrol?next=account"' in page.text
        assert 'href="/passkey/add?next=account"' in page.text

    def test_each_is_told_by_name_kind_and_time(self, site: Site, desk: Desk, phone: Telephone) -> None:
        enrolled.passkey(site, of(site).id)
        enrolled.smartcard(site, of(site).id)
        desk.add_codes()
        said = text(proved(site, phone).get("/account"))
        added = "Added 23 November 2026, 06:50, last used 23 November 2026, 07:00"
        assert f"Work telephone (authenticator app) {added}" in said
        assert "Key (passkey) Added 23 November 2026, 07:00" in said
        assert "Smartcard …5678 Added 23 November 2026, 07:00" in said
        assert "555012345678" not in said
        assert "You have 10 recovery codes left." in said

    def test_those_of_another_are_not(self, site: Site, desk: Desk, phone: Telephone) -> None:
        site.add_account(JO)
        desk.add_app(JO, "Jo's telephone")
        said = proved(site, phone).get("/account").text
        assert "Jo&#39;s telephone" not in said
        assert said.count("(authenticator app)") == 1

    def test_who_has_proved_only_half_sees_nothing_and_does_nothing(
        self, site: Site, phone: Telephone
    ) -> None:
        full = proved(site, phone).get("/account")
        half = logged_in(site)
        for path in ("/account", "/account/activity"):
            assert half.get(path).location == f"{ISSUER}/mfa?next=account"
        for action in (NAME, REMOVAL, "/account/sessions", "/account/language", "/account/activity"):
            assert send(half, full, action).location == f"{ISSUER}/mfa?next=account"
        assert apps(site) == ["Work telephone"]


class TestRenaming:
    def test_it_gets_another_name(self, site: Site, phone: Telephone) -> None:
        visitor = proved(site, phone)
        renaming = form(visitor.get("/account"), NAME, factor=str(phone.device_id))
        assert renaming.words == "Rename: Work telephone"
        done = visitor.post(renaming.action, {**renaming.hidden, "name": "  Old   telephone "})
        assert (done.status_code, done.location) == (303, f"{ISSUER}/account")
        assert "The name has been changed." in visitor.follow(done).text
        assert apps(site) == ["Old telephone"]
        found = last(site, "factor.renamed")
        assert found is not None
        assert found.detail == {"factor": "totp", "label": "Old telephone"}

    def test_so_does_a_passkey(self, site: Site, phone: Telephone) -> None:
        enrolled.passkey(site, of(site).id)
        visitor = proved(site, phone)
        renaming = form(visitor.get("/account"), NAME, kind="passkey")
        assert visitor.post(NAME, {**renaming.hidden, "name": "Blue key"}).status_code == 303
        assert keys(site) == ["Blue key"]

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61])
    def test_a_name_that_will_not_do_is_asked_for_again(
        self, site: Site, phone: Telephone, name: str
    ) -> None:
        visitor = proved(site, phone)
        renaming = form(visitor.get("/account"), NAME)
        page = visitor.post(NAME, {**renaming.hidden, "name": name})
        assert page.status_code == 422
        assert summary(page) == [(f"name-{phone.device_id}", "Enter a name of up to 60 characters")]
        assert page.text.count('class="nhsuk-error-message"') == 1
        assert apps(site) == ["Work telephone"]


class TestRemoving:
    def test_it_is_gone_and_the_owner_is_told(self, site: Site, desk: Desk, phone: Telephone) -> None:
        desk.add_codes()
        visitor = proved(site, phone)
        removing = form(visitor.get("/account"), REMOVAL)
        assert removing.words == "Remove: Work telephone"
        done = visitor.post(removing.action, removing.hidden)
        assert "It has been removed" in visitor.follow(done).text
        assert apps(site) == []
        with site.provider.database.read() as connection:
            assert recovery_code.left(connection, of(site).id) == 0
        (letter,) = desk.letters_about("factor_removed")
        assert (letter.values["factor"], letter.values["label"]) == ("totp", "Work telephone")
        assert "An authenticator app was removed: Work telephone" in text(visitor.get("/account"))
        assert visitor.post(removing.action, removing.hidden).status_code == 404

    def test_no_device_is_trusted_any_longer(self, site: Site, phone: Telephone) -> None:
        devices, now = site.provider.entry.trusted_devices, site.clock.now()
        visitor = proved(site, phone)
        with site.provider.database.write() as connection:
            devices.trust(connection, of(site).id, user_agent=None, now=now)
        enrolled.passkey(site, of(site).id)
        visitor.post(REMOVAL, form(visitor.get("/account"), REMOVAL, kind="passkey").hidden)
        assert keys(site) == []
        assert apps(site) == ["Work telephone"]
        with site.provider.database.read() as connection:
            assert trusted_device.of_account(connection, of(site).id, now) == []

    @pytest.mark.parametrize("rule", [Rule.ALWAYS, Rule.OUTSIDE])
    def test_the_last_one_stays_where_everybody_has_to_have_one(
        self, site: Site, desk: Desk, phone: Telephone, rule: Rule
    ) -> None:
        desk.add_codes()
        ruled = demanding(site, rule)
        visitor = proved(ruled, phone)
        removing = form(visitor.get("/account"), REMOVAL)
        refused = visitor.post(removing.action, removing.hidden)
        assert refused.status_code == 422
        said = (
            "You cannot remove this: everybody needs an authenticator app or a passkey. Add another one first"
        )
        assert summary(refused) == [("factors", said)]
        assert apps(ruled) == ["Work telephone"]
        with site.provider.database.read() as connection:
            assert recovery_code.left(connection, of(site).id) == 10
        assert not desk.letters_about("factor_removed")

        enrolled.passkey(ruled, of(ruled).id)
        assert visitor.post(removing.action, removing.hidden).status_code == 303
        assert (apps(ruled), keys(ruled)) == ([], ["Key"])
        left = form(visitor.get("/account"), REMOVAL)
        assert summary(visitor.post(left.action, left.hidden)) == [("factors", said)]
        assert keys(ruled) == ["Key"]


@pytest.mark.parametrize("action", [NAME, REMOVAL])
class TestWhoMay:
    def test_five_minutes_later_one_logs_in_again(
        self, site: Site, desk: Desk, phone: Telephone, action: str
    ) -> None:
        visitor = proved(site, phone)
        asked = form(visitor.get("/account"), action)
        site.clock.advance(timedelta(minutes=5))
        page = visitor.get("/account")
        assert not [each for each in forms(page) if each.action == action]
        assert 'href="/login?next=account"' in page.text
        stale = visitor.post(action, {**asked.hidden, "name": "Mine"})
        assert stale.location == f"{ISSUER}/login?next=account"
        assert apps(site) == ["Work telephone"]
        assert not desk.letters_about("factor_removed")

    def test_who_did_not_prove_the_second_factor_here_does_so_first(
        self, site: Site, desk: Desk, action: str
    ) -> None:
        visitor = logged_in(site)
        phone = desk.add_app()
        page = visitor.get("/account")
        assert not [each for each in forms(page) if each.action == action]
        assert 'href="/mfa?next=account"' in page.text
        named = {"kind": "totp", "factor": str(phone.device_id), "name": "Mine"}
        assert send(visitor, page, action, **named).location == f"{ISSUER}/mfa?next=account"
        assert apps(site) == ["Work telephone"]

    def test_another_s_cannot_be_named(self, site: Site, desk: Desk, phone: Telephone, action: str) -> None:
        site.add_account(JO)
        theirs = desk.add_app(JO, "Jo's telephone")
        visitor = proved(site, phone)
        page = visitor.get("/account")
        for kind, factor in (
            ("totp", str(theirs.device_id)),
            ("totp", str(uuid.uuid4())),
            ("passkey", str(phone.device_id)),
            ("smartcard", str(phone.device_id)),
            ("all", str(phone.device_id)),
            ("totp", "1 or 1=1"),
            ("", ""),
        ):
            named = {"kind": kind, "factor": factor, "name": "Mine"}
            assert send(visitor, page, action, **named).status_code == 404
        assert apps(site, JO) == ["Jo's telephone"]
        assert apps(site) == ["Work telephone"]

    def test_no_other_site_can(self, site: Site, phone: Telephone, action: str) -> None:
        visitor = proved(site, phone)
        asked = form(visitor.get("/account"), action)
        fields = {**asked.hidden, "name": "Mine"}
        assert visitor.post(action, fields, headers={"Origin": "https://evil.example"}).status_code == 403
        assert visitor.post(action, {**fields, "csrf_token": "0" * 64}).status_code == 403
        assert apps(site) == ["Work telephone"]
