"""A person says whether a client may see what it asks for."""

import pytest
from werkzeug.test import TestResponse

from idp.db import account, audit, client, consent
from tests.site import Site, Visitor, body, received
from tests.web.forms import heading, login_page


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Someone who has signed in, at a provider with a third party."""
    site.add_client(
        "rota", client_name="Rota Planner", first_party=False, client_uri="https://rota.example.nhs.uk/"
    )
    browser = site.browser()
    browser.log_in(login_page(browser))
    return browser


def ask(visitor: Visitor, scope: str = "openid profile", **asked: str) -> TestResponse:
    return visitor.follow(visitor.authorize("rota", scope=scope, **asked))


def allow(visitor: Visitor, page: TestResponse) -> dict[str, str]:
    return received(visitor.follow(visitor.submit(page, decision="allow")))


def test_a_third_party_is_asked_for_once_and_remembered(visitor: Visitor) -> None:
    page = ask(visitor)
    assert heading(page) == "Share your information with Rota Planner?"
    assert "You are logged in as Jane Smith (918JSMITH01)." in page.text
    assert "your name and the language you read" in page.text
    assert "your work email address" not in page.text
    assert "https://rota.example.nhs.uk/" in page.text
    assert "code" in allow(visitor, page)
    assert "code" in received(ask(visitor))
    assert "code" in received(ask(visitor, "openid"))


def test_more_than_was_allowed_is_asked_for(visitor: Visitor) -> None:
    allow(visitor, ask(visitor, "openid"))
    page = ask(visitor, "openid email")
    assert "your work email address" in page.text
    allow(visitor, page)
    assert "code" in received(ask(visitor, "openid email"))


def test_what_was_allowed_before_stays_allowed(visitor: Visitor) -> None:
    allow(visitor, ask(visitor, "openid profile"))
    allow(visitor, ask(visitor, "openid email"))
    assert "code" in received(ask(visitor, "openid profile email"))


def test_the_client_may_ask_that_the_person_be_asked_again(visitor: Visitor) -> None:
    allow(visitor, ask(visitor))
    page = ask(visitor, prompt="consent")
    assert heading(page) == "Share your information with Rota Planner?"
    assert "code" in allow(visitor, page)


def test_a_person_who_does_not_allow_it_goes_back_with_access_denied(site: Site, visitor: Visitor) -> None:
    page = ask(visitor)
    answer = received(visitor.submit(page, decision="deny"))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "a-state"
    assert answer["iss"] == "https://id.example.nhs.uk"
    assert heading(ask(visitor)) == "Share your information with Rota Planner?"
    assert granted(site) == frozenset()


def granted(site: Site, client_id: str = "rota") -> frozenset[str]:
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        return consent.find(connection, found.id, client_id)


def test_anything_but_a_clear_answer_asks_again(site: Site, visitor: Visitor) -> None:
    page = ask(visitor)
    for answer in ({}, {"decision": ""}, {"decision": "ALLOW"}):
        page = visitor.follow(visitor.submit(page, **answer))
        assert heading(page) == "Share your information with Rota Planner?"
    assert granted(site) == frozenset()


def test_a_first_party_asks_for_nothing_but_a_date_of_birth(site: Site, visitor: Visitor) -> None:
    site.add_client("occupational-health", scope="openid profile birthdate")
    redirected = visitor.authorize("occupational-health", scope="openid profile")
    assert "code" in received(redirected)
    page = visitor.follow(visitor.authorize("occupational-health", scope="openid birthdate"))
    assert "your date of birth" in page.text
    code = allow(visitor, page)["code"]
    tokens = body(site.redeem(code, "occupational-health"))
    assert body(site.userinfo(tokens["access_token"]))["birthdate"] == "1984-02-29"


def test_without_a_page_consent_is_required(visitor: Visitor) -> None:
    assert received(visitor.authorize("rota", prompt="none"))["error"] == "consent_required"


def test_what_a_person_allowed_outlives_a_pause_of_the_client(site: Site, visitor: Visitor) -> None:
    allow(visitor, ask(visitor))
    for disabled in (True, False):
        with site.provider.database.write() as connection:
            client.set_disabled(connection, "rota", disabled=disabled, now=site.clock.now())
    assert "code" in received(ask(visitor))


def test_allowing_is_written_down(site: Site, visitor: Visitor) -> None:
    allow(visitor, ask(visitor))
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        event = audit.last_of_account(connection, found.id, "consent.granted")
    assert event is not None
    assert (event.client_id, event.detail) == ("rota", {"scope": ["openid", "profile"]})


def test_consent_belongs_to_one_account(site: Site, visitor: Visitor) -> None:
    allow(visitor, ask(visitor))
    site.add_account("918JDOE01")
    other = site.browser()
    page = other.log_in(login_page(other, "rota"), "918JDOE01")
    assert heading(page) == "Share your information with Rota Planner?"


def test_a_session_that_ended_on_the_consent_page_logs_in_first(site: Site, visitor: Visitor) -> None:
    page = ask(visitor)
    visitor.browser.delete_cookie("__Host-sid", domain="id.example.nhs.uk")
    refused = visitor.submit(page, decision="allow")
    assert refused.status_code == 403
    assert granted(site) == frozenset()
    again = visitor.follow(visitor.get("/consent?" + page.request.query_string.decode()))
    assert heading(again) == "Log in with your credentials"
    assert heading(visitor.log_in(again)) == "Share your information with Rota Planner?"
