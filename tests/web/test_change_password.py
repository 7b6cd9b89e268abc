"""Changing the password while signed in, and where a new one is due, over HTTP."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from idp.db import account
from idp.db.account import Account, AccountState
from tests.site import ISSUER, PASSWORD, Site, Visitor, received
from tests.web.conftest import Build
from tests.web.forms import cookies_set, form_of, from_elsewhere, heading, login_page, summary

NEW = "Cre@tew&rd01"
OTHER = "Coper-Lamp-91"


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Someone who has signed in."""
    browser = site.browser()
    browser.log_in(login_page(browser))
    return browser


@pytest.fixture
def due(site: Site) -> Visitor:
    """Someone whose password must be changed, before they log in."""
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    return site.browser()


def found(site: Site, username: str = "918JSMITH01") -> Account:
    with site.provider.database.read() as connection:
        one = account.find(connection, username)
    assert one is not None
    return one


def change(
    visitor: Visitor, page: TestResponse, password: str = NEW, current: str = PASSWORD, **typed: str
) -> TestResponse:
    fields = {"current_password": current, "password": password, "confirm_password": password, **typed}
    return visitor.submit(page, **fields)


def silent(visitor: Visitor) -> dict[str, str]:
    return received(visitor.authorize(prompt="none"))


class TestOfOnesOwnAccord:
    def test_the_page_names_the_person_and_asks_for_the_current_password(self, visitor: Visitor) -> None:
        page = visitor.get("/change-password")
        assert (page.status_code, heading(page)) == (200, "Change your password")
        assert "You are logged in as Jane Smith (918JSMITH01)." in page.text
        assert 'autocomplete="current-password"' in page.text
        assert page.text.count('autocomplete="new-password"') == 2
        assert "0117 496 0000" in page.text
        assert "maxlength" not in page.text

    def test_the_new_password_replaces_the_old_one(self, site: Site, visitor: Visitor) -> None:
        done = change(visitor, visitor.get("/change-password"))
        assert (done.status_code, done.location) == (303, f"{ISSUER}/")
        assert "Your password has been changed." in visitor.follow(done).text
        other = site.browser()
        page = login_page(other)
        assert other.submit(page, username="918JSMITH01", password=PASSWORD).status_code == 422
        assert "code" in received(other.log_in(page, password=NEW))

    def test_this_session_goes_on_under_a_new_secret_and_every_other_ends(
        self, site: Site, visitor: Visitor
    ) -> None:
        elsewhere = site.browser()
        tokens = site.tokens(visitor=elsewhere)
        before = visitor_secret(visitor)
        done = change(visitor, visitor.get("/change-password"))
        assert cookies_set(done)["__Host-sid"]["value"] != before
        assert "code" in silent(visitor)
        assert silent(elsewhere)["error"] == "login_required"
        assert site.refresh(tokens["refresh_token"]).status_code == 400

    def test_a_copy_of_the_old_secret_opens_nothing(self, site: Site, visitor: Visitor) -> None:
        copy = site.browser()
        copy.browser.set_cookie("__Host-sid", visitor_secret(visitor), domain="id.example.nhs.uk")
        assert "code" in silent(copy)
        assert change(visitor, visitor.get("/change-password")).status_code == 303
        assert silent(copy)["error"] == "login_required"
        assert "code" in silent(visitor)

    def test_a_wrong_current_password_changes_nothing(self, site: Site, visitor: Visitor) -> None:
        page = change(visitor, visitor.get("/change-password"), OTHER, "Wrong.Horse.Lamp19")
        assert page.status_code == 422
        ((field, words),) = summary(page)
        assert field == "current_password"
        assert words.startswith("Check your current password and enter it again.")
        assert "Wrong.Horse" not in page.text
        assert OTHER not in page.text
        assert found(site).password_hash == site.password_hash
        assert change(visitor, page).status_code == 303

    def test_guesses_are_counted_as_at_the_login_page(self, site: Site, visitor: Visitor) -> None:
        page = visitor.get("/change-password")
        visitor.browser.delete_cookie("__Host-dev", domain="id.example.nhs.uk")
        for _ in range(6):
            page = change(visitor, page, current="Wrong.Horse.Lamp19")
        refused = change(visitor, page)
        assert refused.status_code == 422
        assert [field for field, _ in summary(refused)] == ["current_password"]
        assert found(site).password_hash == site.password_hash
        site.clock.advance(timedelta(minutes=1))
        assert change(visitor, visitor.get("/change-password")).status_code == 303

    def test_an_address_that_guesses_on_and_on_is_stopped(self, build: Build) -> None:
        site = build(sign_ins_per_minute=2)
        visitor = site.browser()
        visitor.log_in(login_page(visitor))
        page = change(visitor, visitor.get("/change-password"), current="Wrong.Horse.Lamp19")
        refused = change(visitor, page)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert found(site).password_hash == site.password_hash

    def test_a_refusal_names_every_reason(self, site: Site, visitor: Visitor) -> None:
        page = change(visitor, visitor.get("/change-password"), "Nurse..1234")
        assert [(field, words.partition(":")[0]) for field, words in summary(page)] == [
            ("password", "The password must have 12 characters or more, and not more than 256"),
            ("password", "'..' is a repeated character"),
            ("password", "'1234' is a run of 4 or more letters or numbers in order"),
            ("password", "'Nurse' is a word about your role, your locality, your name or this system"),
        ]
        assert found(site).password_hash == site.password_hash

    def test_the_current_password_is_no_new_one(self, visitor: Visitor) -> None:
        page = change(visitor, visitor.get("/change-password"), PASSWORD)
        assert summary(page) == [
            ("password", "This password is one of your last 4 passwords: choose a new one")
        ]

    def test_who_does_not_know_the_current_password_learns_nothing_of_it(self, visitor: Visitor) -> None:
        page = visitor.get("/change-password")
        for current in ("", "Wrong.Horse.Lamp19"):
            page = change(visitor, page, PASSWORD, current)
            assert [field for field, _ in summary(page)] == ["current_password"]

    def test_a_form_that_is_wrong_otherwise_is_told_of_the_password_too(self, visitor: Visitor) -> None:
        page = change(visitor, visitor.get("/change-password"), "Short1!aB", "Wrong.Horse.Lamp19")
        assert [field for field, _ in summary(page)] == ["current_password", "password"]

    def test_what_is_missing_is_asked_for(self, site: Site, visitor: Visitor) -> None:
        page = change(visitor, visitor.get("/change-password"), "", "")
        assert page.status_code == 422
        assert "<title>Error: Change your password" in page.text
        assert summary(page) == [
            ("current_password", "Enter your current password"),
            ("password", "Enter a new password"),
        ]
        page = change(visitor, page, confirm_password=OTHER)
        assert summary(page) == [
            ("confirm_password", "The two passwords do not match: enter the same one again")
        ]
        assert found(site).password_hash == site.password_hash

    def test_the_form_of_one_person_does_not_speak_for_the_next(self, site: Site, visitor: Visitor) -> None:
        site.add_account("918JDOE01")
        page = visitor.get("/change-password")
        visitor.follow(visitor.log_in(login_page(visitor, prompt="login"), "918JDOE01"))
        assert change(visitor, page).status_code == 403
        assert found(site, "918JDOE01").password_hash == site.password_hash

    def test_a_form_of_another_site_does_nothing(self, site: Site, visitor: Visitor) -> None:
        action, hidden = form_of(visitor.get("/change-password"))
        fields = {**hidden, "current_password": PASSWORD, "password": NEW, "confirm_password": NEW}
        for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert visitor.post(action, fields, headers=header).status_code == 403
        assert visitor.post(action, {**fields, "csrf_token": "0" * 64}).status_code == 403
        assert found(site).password_hash == site.password_hash

    def test_a_stranger_logs_in_first_and_comes_back(self, site: Site) -> None:
        stranger = site.browser()
        page = stranger.follow(stranger.get("/change-password"))
        assert heading(page) == "Log in with your credentials"
        assert heading(stranger.log_in(page)) == "Change your password"

    def test_sending_the_form_twice_changes_once(self, site: Site, visitor: Visitor) -> None:
        page = visitor.get("/change-password")
        secret = visitor_secret(visitor)
        assert change(visitor, page).status_code == 303
        hashed = found(site).password_hash
        visitor.browser.set_cookie("__Host-sid", secret, domain="id.example.nhs.uk")
        again = change(visitor, page, OTHER)
        assert again.location == f"{ISSUER}/login?next=change-password"
        assert found(site).password_hash == hashed

    @pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
    def test_no_header_names_another_host(self, visitor: Visitor, header: str) -> None:
        action, hidden = form_of(visitor.get("/change-password"))
        fields = {**hidden, "current_password": PASSWORD, "password": NEW, "confirm_password": NEW}
        done = from_elsewhere(visitor, action, fields, {header: "evil.example"})
        assert (done.status_code, done.location) == (303, f"{ISSUER}/")


class TestWhereOneIsDue:
    def test_the_page_says_why_and_does_not_ask_for_the_password_again(
        self, site: Site, due: Visitor
    ) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        assert (page.status_code, heading(page)) == (200, "You need a new password")
        assert "Jane Smith (918JDOE01)" in page.text
        assert "your password must be changed" in page.text
        assert "current_password" not in page.text
        assert found(site, "918JDOE01").state is AccountState.MUST_CHANGE_PASSWORD

    def test_the_application_gets_its_answer_after_the_change(self, site: Site, due: Visitor) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        done = change(due, page)
        assert done.location.startswith(f"{ISSUER}/authorize/")
        assert "code" in received(due.follow(done))
        assert found(site, "918JDOE01").state is AccountState.ACTIVE
        assert "code" in silent(due)

    def test_until_then_the_session_opens_nothing(self, due: Visitor) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        assert silent(due)["error"] == "login_required"
        for path in ("/consent", "/select-account"):
            query = form_of(page)[0].partition("?")[2]
            assert heading(due.follow(due.get(f"{path}?{query}"))) == "You need a new password"
        assert heading(due.follow(due.get("/"))) == "You need a new password"

    def test_a_refused_password_leaves_it_due(self, site: Site, due: Visitor) -> None:
        page = change(due, due.log_in(login_page(due), "918JDOE01"), PASSWORD)
        assert page.status_code == 422
        assert summary(page) == [
            ("password", "This password is one of your last 4 passwords: choose a new one")
        ]
        assert found(site, "918JDOE01").state is AccountState.MUST_CHANGE_PASSWORD
        assert "code" in received(due.follow(change(due, page)))

    def test_who_tries_too_many_passwords_waits(self, site: Site, due: Visitor) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        assert {change(due, page, "ab" * 600).status_code for _ in range(30)} == {422}
        stopped = change(due, page)
        assert (stopped.status_code, heading(stopped)) == (429, "Too many new passwords have been tried")
        assert int(stopped.headers["Retry-After"]) >= 1
        assert found(site, "918JDOE01").state is AccountState.MUST_CHANGE_PASSWORD

    def test_without_an_application_it_leads_home(self, site: Site, due: Visitor) -> None:
        page = due.log_in(due.get("/login"), "918JDOE01")
        assert heading(page) == "You need a new password"
        done = change(due, page)
        assert done.location == f"{ISSUER}/"
        assert "Your password has been changed." in due.follow(done).text
        assert found(site, "918JDOE01").state is AccountState.ACTIVE

    def test_the_old_secret_of_the_session_opens_nothing(self, site: Site, due: Visitor) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        copy = site.browser()
        copy.browser.set_cookie("__Host-sid", visitor_secret(due), domain="id.example.nhs.uk")
        change(due, page)
        assert silent(copy)["error"] == "login_required"

    def test_the_form_of_a_request_is_no_form_without_one(self, site: Site, due: Visitor) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        _, hidden = form_of(page)
        refused = due.post("/change-password", {**hidden, "password": NEW, "confirm_password": NEW})
        assert refused.status_code == 403
        assert found(site, "918JDOE01").state is AccountState.MUST_CHANGE_PASSWORD

    def test_one_may_sign_out_instead(self, due: Visitor) -> None:
        page = due.log_in(login_page(due), "918JDOE01")
        assert 'href="/logout"' in page.text
        assert heading(due.follow(due.get("/logout"))) == "You are signed out"
        assert heading(due.follow(due.get("/change-password"))) == "Log in with your credentials"


def visitor_secret(visitor: Visitor) -> str:
    """The session's secret, as the browser keeps it."""
    kept = visitor.browser.get_cookie("__Host-sid", domain="id.example.nhs.uk")
    assert kept is not None
    return kept.value
