"""A person chooses which account to go on with."""

import pytest

from tests.site import Site, Visitor, body, received
from tests.web.forms import form_of, heading, login_page


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Someone who has signed in, and has a colleague."""
    site.add_account("918JDOE01")
    browser = site.browser()
    browser.log_in(login_page(browser))
    return browser


def test_the_page_shows_who_is_signed_in(visitor: Visitor) -> None:
    page = visitor.follow(visitor.authorize(prompt="select_account"))
    assert heading(page) == "Choose an account"
    for shown in ("918JSMITH01", "Jane Smith", "NHS Blood and Transplant", "0117 496 0000"):
        assert shown in page.text


def test_going_on_with_the_account_answers_the_client(visitor: Visitor) -> None:
    page = visitor.follow(visitor.authorize(prompt="select_account"))
    assert "code" in received(visitor.follow(visitor.submit(page, choice="continue")))
    page = visitor.follow(visitor.authorize(prompt="select_account"))
    assert heading(page) == "Choose an account", "asked each time"


def test_another_account_logs_in_and_is_the_one_the_client_gets(site: Site, visitor: Visitor) -> None:
    page = visitor.follow(visitor.authorize(prompt="select_account", scope="openid esr"))
    login = visitor.follow(visitor.submit(page, choice="other"))
    assert heading(login) == "Log in with your credentials"
    code = received(visitor.log_in(login, "918JDOE01"))["code"]
    access_token = body(site.redeem(code))["access_token"]
    assert body(site.userinfo(access_token))["esr_username"] == "918JDOE01"


def test_anything_but_a_clear_choice_asks_again(visitor: Visitor) -> None:
    page = visitor.follow(visitor.authorize(prompt="select_account"))
    for choice in ({}, {"choice": ""}, {"choice": "everyone"}):
        page = visitor.follow(visitor.submit(page, **choice))
        assert heading(page) == "Choose an account"


def test_without_a_session_there_is_nothing_to_choose_from(site: Site) -> None:
    stranger = site.browser()
    page = stranger.follow(stranger.authorize(prompt="select_account"))
    assert heading(page) == "Log in with your credentials"
    by_hand = stranger.get(form_of(page)[0].replace("/login", "/select-account"))
    assert heading(stranger.follow(by_hand)) == "Log in with your credentials"
    assert "code" in received(stranger.log_in(page)), "logging in was the choice"


def test_without_a_page_a_choice_is_an_error(visitor: Visitor) -> None:
    answer = received(visitor.authorize(prompt="none select_account"))
    assert answer["error"] in {"invalid_request", "account_selection_required"}
