"""What a form has done is said once, on the page after it."""

import re
from http.cookies import SimpleCookie

import pytest
from flask import Response

from idp.web import notice
from idp.web.notice import WORDS, Notice
from tests.site import Site, Visitor
from tests.web.forms import cookies_set

WORDS_OF_ALL = {
    "password_updated": "Your password has been updated. Log in with your new password.",
    "account_activated": "Your account is ready. Log in with your username and your new password.",
    "password_changed": "Your password has been changed.",
    "account_unlocked": "Your account is unlocked. Log in with your password.",
    "sent_again": "Your request has been submitted again.",
    "passkey_added": "Your passkey has been added. You can log in with it from now on.",
    "language_changed": "Your emails will be in the language you have chosen.",
    "session_ended": "That device is signed out.",
    "other_sessions_ended": "You are signed out everywhere but here.",
    "device_revoked": "That device is no longer trusted.",
    "consent_withdrawn": "That application can no longer see your information.",
    "disowned": (
        "You are signed out everywhere but here, and no device is trusted. Now choose a new password: "
        "someone else may know the old one."
    ),
    "factor_renamed": "The name has been changed.",
    "factor_removed": "It has been removed, and no device is trusted any longer.",
}


def told(site: Site, said: str) -> Visitor:
    """A browser that the page before told so."""
    visitor = site.browser()
    visitor.browser.set_cookie("__Host-notice", said, domain="id.example.nhs.uk", secure=True)
    return visitor


def banner(text: str) -> str | None:
    found = re.search(r'<div class="nhsuk-notification-banner.*?</p>', text, re.DOTALL)
    return found and " ".join(re.sub("<[^>]+>", "", found[0]).split())


def test_there_are_words_for_every_notice() -> None:
    assert {each.value: WORDS[each] for each in Notice} == WORDS_OF_ALL


def test_the_next_page_says_it_and_the_one_after_does_not(site: Site) -> None:
    visitor = told(site, "account_unlocked")
    assert banner(visitor.get("/").text) == "Success Your account is unlocked. Log in with your password."
    assert banner(visitor.get("/").text) is None


def test_a_page_that_refuses_something_says_it_too(site: Site) -> None:
    page = told(site, "password_updated").get("/nowhere")
    assert page.status_code == 404
    assert banner(page.text) == "Success Your password has been updated. Log in with your new password."


@pytest.mark.parametrize("planted", ["", "PASSWORD_UPDATED", "Your account is closed", "<b>", "x" * 4000])
def test_a_planted_cookie_says_nothing(site: Site, planted: str) -> None:
    page = told(site, planted).get("/")
    assert page.status_code == 200
    assert banner(page.text) is None


def test_it_waits_a_minute_for_its_page_and_no_script_reads_it(site: Site) -> None:
    response = Response()
    notice.put(site.provider, response, Notice.PASSWORD_CHANGED)
    (line,) = response.headers.getlist("Set-Cookie")
    morsel = SimpleCookie(line)["__Host-notice"]
    assert morsel.value == "password_changed"
    assert (morsel["max-age"], morsel["path"], morsel["samesite"]) == ("60", "/", "Lax")
    assert morsel["httponly"]
    assert morsel["secure"]


def test_what_has_been_said_is_forgotten(site: Site) -> None:
    cookie = cookies_set(told(site, "sent_again").get("/"))["__Host-notice"]
    assert (cookie["value"], cookie["max-age"]) == ("", "0")
