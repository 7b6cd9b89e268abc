"""NHS Care Identity vouches for people in a real Chromium, and what it says less of is believed less.

The demo's stand-in asks who one would like to be, and how one would have proved it.
"""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import browser as browsers
from tests.journeys.browser import tab_to
from tests.journeys.demo import Demo

ROBERT = "432RCLARKE01"
JANE = "918JSMITH01"

pytestmark = pytest.mark.browser


def leave(page: Page) -> None:
    """Choose Care Identity on the login page."""
    page.get_by_role("button", name="Log in with NHS Care Identity").click()
    expect(page.locator("h1")).to_have_text("Who are you today?")


def claims(demo: Demo, page: Page) -> dict[str, Any]:
    """What the application was told in its ID Token."""
    page.goto(f"{demo.self_service}/tokens")
    shown = page.locator("section[aria-labelledby=id-token] pre").text_content()
    told: dict[str, Any] = json.loads(shown or "")["payload"]
    return told


@pytest.mark.parametrize("scripts", [True, False], ids=["JavaScript", "no JavaScript"])
@pytest.mark.parametrize(
    ("method", "acr", "amr"),
    [
        ("Smartcard and PIN", "AAL3_SMARTCARD", ["sc", "pin", "mfa"]),
        ("Security key", "AAL3_FIDO2", ["hwk", "user", "mfa"]),
        ("Code from an authenticator app", "AAL2_ANY", ["mfa"]),
    ],
)
def test_care_identity_signs_in_at_an_application(
    demo: Demo, chromium: Browser, method: str, acr: str, amr: list[str], *, scripts: bool
) -> None:
    with browsers.watched(chromium, f"care-{acr}-{scripts}", scripts=scripts) as person:
        page = person.tab(demo.self_service)
        page.get_by_role("link", name="Sign in", exact=True).click()
        leave(page)
        page.get_by_label(method).check()
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("h1")).to_contain_text("Your payslip for")
        assert page.url == f"{demo.self_service}/"
        told = claims(demo, page)
        assert (told["acr"], told["amr"]) == (acr, amr)
        assert told["nhsid_useruid"] == "656005750104"


def test_the_end_of_a_session_there_ends_it_here(demo: Demo, chromium: Browser) -> None:
    with browsers.watched(chromium, "care-logout") as person:
        page = person.tab(f"{demo.issuer}/login")
        leave(page)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text(f"You are logged in as Robert Clarke ({ROBERT}).")).to_be_visible()
        page.goto(demo.care_identity)
        page.get_by_role("button", name="End this session").click()
        expect(page.locator("h1")).to_have_text("Your session has ended")
        page.goto(f"{demo.issuer}/account")
        expect(page.locator("h1")).to_have_text("Log in with your credentials")


@pytest.mark.parametrize(
    ("person_there", "method", "action", "title"),
    [
        pytest.param(
            *("Aisha Rahman", "Smartcard and PIN", "Continue"),
            "Your NHS Care Identity is not linked to an account",
            id="unknown",
        ),
        pytest.param(
            *("Robert Clarke", "Password alone", "Continue"),
            "Log in to NHS Care Identity in a stronger way",
            id="too little",
        ),
        pytest.param(
            *("Robert Clarke", "Smartcard and PIN", "Cancel"),
            "You did not log in with NHS Care Identity",
            id="cancelled",
        ),
    ],
)
def test_what_does_not_sign_in_is_told_and_another_way_goes_on(
    demo: Demo, chromium: Browser, person_there: str, method: str, action: str, title: str
) -> None:
    with browsers.watched(chromium, f"care-refused-{action}") as person:
        page = person.tab(demo.authorize("test-code"))
        leave(page)
        page.get_by_label(person_there).check()
        page.get_by_label(method).check()
        page.get_by_role("button", name=action).click()
        expect(page.locator("h1")).to_have_text(title)
        assert demo.received.empty()
        person.look(page, "refused")
        tab_to(page, "Log in another way")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Log in to continue to Test: code.")).to_be_visible()
        page.get_by_label("Username*").fill(JANE)
        page.get_by_label("Password*").fill(demo.password(JANE))
        page.get_by_role("button", name="Log in via Username Password").click()
        expect(page.locator("h1")).to_have_text("Received")
        assert "code" in demo.answer().parameters


def test_a_refusal_is_explained_in_welsh(demo: Demo, chromium: Browser) -> None:
    with browsers.watched(chromium, "care-welsh") as person:
        page = person.tab(f"{demo.issuer}/login?lang=cy")
        page.locator(".idp-panel a").last.click()
        page.get_by_label("Password alone").check()
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("html")).to_have_attribute("lang", "cy")
        person.look(page, "problem")
