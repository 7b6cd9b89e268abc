"""People in a real Chromium at a real `idp demo`: both applications, every page, either language, no mouse.

Every page met is looked at: accessible, nothing sticking out, nothing in the console (see `browser.look`).
"""

import re
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import browser as browsers
from tests.journeys.browser import Watched, tab_to
from tests.journeys.demo import Demo

JANE = "918JSMITH01"
PRIYA = "918PPATEL01"

pytestmark = pytest.mark.browser


@pytest.fixture
def person(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    with browsers.watched(chromium, request.node.name.removeprefix("test_")) as watched:
        yield watched


@pytest.mark.parametrize("scripts", [True, False], ids=["JavaScript", "no JavaScript"])
def test_one_sign_in_opens_both_applications_and_one_sign_out_closes_them(
    demo: Demo, chromium: Browser, scripts: bool
) -> None:
    story = "both" if scripts else "both-without-scripts"
    with browsers.watched(chromium, story, scripts=scripts) as person:
        page = person.tab(demo.self_service)
        person.look(page, "self-service")
        page.get_by_role("link", name="Sign in", exact=True).click()
        expect(page).to_have_title(re.compile("^Log in with your credentials"))
        expect(page.get_by_text("Log in to continue to My ESR Self-Service.")).to_be_visible()
        person.look(page, "login")
        log_in(page, demo)
        expect(page.locator("h1")).to_contain_text("Your payslip for")
        person.look(page, "payslip")

        page.get_by_role("link", name="Token inspector").click()
        expect(page.get_by_text("Signature valid.")).to_have_count(2)
        expect(page.get_by_text("AAL1_USERPASS").first).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()
        expect(page.locator("dd", has_text=JANE)).to_be_visible()
        person.look(page, "tokens")

        page.get_by_role("link", name="Open Learning").click()
        expect(page.locator("h1")).to_have_text("Your courses")
        assert page.url == f"{demo.learning}/"
        person.look(page, "courses")

        page.goto(f"{demo.self_service}/tokens")
        page.get_by_role("button", name="Refresh the tokens").click()
        expect(page.get_by_role("status")).to_contain_text("was swapped for")

        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("You have signed out")
        assert page.url.startswith(f"{demo.self_service}/signed-out")
        person.look(page, "signed-out")
        asked_to_log_in_again(page, demo.self_service)

        # Learning's own session outlives the provider's, until it asks for anything.
        page.goto(f"{demo.learning}/tokens")
        page.get_by_role("button", name="Refresh the tokens").click()
        person.look(page, "session-over")
        asked_to_log_in_again(page, demo.learning)


def test_a_wrong_password_can_be_mended(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.authorize("test-code"))
    log_in(page, demo, password="Summer2026!")
    summary = page.locator(".nhsuk-error-summary")
    expect(summary).to_contain_text("Check your username and password, and enter them again")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: Log in with your credentials"))
    expect(page.get_by_label("Username*")).to_have_value(JANE)
    expect(page.get_by_label("Password*")).to_have_value("")
    person.look(page, "wrong")

    summary.get_by_role("link").click()
    expect(page.get_by_label("Username*")).to_be_focused()
    page.get_by_label("Username*").fill("")
    page.get_by_role("button", name="Log in via Username Password").click()
    expect(summary.get_by_role("listitem")).to_have_text(["Enter your username", "Enter your password"])
    person.look(page, "empty")

    log_in(page, demo)
    assert demo.answer().parameters["state"] == "a-state"


def test_the_password_can_be_shown(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.authorize("test-code"))
    field = page.get_by_label("Password*")
    field.fill("Marble")
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide password").click()
    expect(field).to_have_attribute("type", "password")


def test_the_whole_way_in_welsh(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.authorize("rota-planner"))
    english = page.inner_text("h1")
    page.get_by_role("link", name="Cymraeg").click()
    is_welsh = partial(expect(page.locator("html")).to_have_attribute, "lang", "cy")
    is_welsh()
    assert page.inner_text("h1") != english
    person.look(page, "login")
    fill(page, PRIYA, "Haf2026!")
    is_welsh()
    person.look(page, "wrong")
    fill(page, PRIYA, demo.password(PRIYA))
    is_welsh()
    expect(page.locator("h1")).to_contain_text("Rota Planner")
    person.look(page, "consent")
    page.locator("button[value=deny]").click()
    assert demo.answer().parameters["error"] == "access_denied"

    for path, name in (("/", "home"), ("/logout", "logout"), ("/nowhere", "not-found")):
        page.goto(demo.issuer + path)
        is_welsh()
        person.look(page, name)
    page.goto(f"{demo.issuer}/logout")
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Do you want to sign out?")


def test_an_application_of_others_is_allowed_once(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.authorize("rota-planner", scope="openid profile email esr"))
    log_in(page, demo)
    expect(page.locator("h1")).to_have_text("Share your information with Rota Planner?")
    person.look(page, "consent")
    page.get_by_role("button", name="Do not allow").click()
    refused = demo.answer().parameters
    assert (refused["error"], refused["state"], refused["iss"]) == ("access_denied", "a-state", demo.issuer)

    page.goto(demo.authorize("rota-planner"))
    page.get_by_role("button", name="Allow", exact=True).click()
    assert "code" in demo.answer().parameters

    page.goto(demo.authorize("rota-planner", prompt="none"))
    assert "code" in demo.answer().parameters


def test_two_tabs_sign_in_at_once(demo: Demo, person: Watched) -> None:
    first = person.tab(demo.authorize("test-code", state="first"))
    second = person.tab(demo.authorize("test-refresh", state="second"))
    log_in(first, demo)
    assert demo.answer().parameters["state"] == "first"
    log_in(second, demo)
    assert demo.answer().parameters["state"] == "second"


def test_whoever_comes_by_number_is_sent_on_by_name(demo: Demo, person: Watched) -> None:
    """Or else the login page would find no cookie of its own."""
    page = person.tab(demo.authorize("test-code", state="a/?#%&=+ b").replace("localhost", "127.0.0.1", 1))
    assert page.url.startswith(f"{demo.issuer}/login")
    log_in(page, demo)
    assert demo.answer().parameters["state"] == "a/?#%&=+ b"
    page.goto(demo.issuer.replace("localhost", "127.0.0.1"))
    assert page.url == f"{demo.issuer}/"


def test_it_works_from_the_keyboard_alone(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.authorize("test-code", prompt="login"))
    tab_to(page, "Skip to main content")
    page.keyboard.press("Enter")
    tab_to(page, "Username")
    page.keyboard.type(JANE)
    tab_to(page, "Password")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    tab_to(page, "Check your username")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Username*")).to_be_focused()
    tab_to(page, "Password")
    page.keyboard.type(demo.password(JANE))
    tab_to(page, "Log in")
    page.keyboard.press("Space")
    assert "code" in demo.answer().parameters


@pytest.mark.parametrize("scripts", [True, False], ids=["JavaScript", "no JavaScript"])
def test_an_answer_may_come_as_a_form(demo: Demo, chromium: Browser, scripts: bool) -> None:
    with browsers.watched(chromium, "form-post", scripts=scripts) as person:
        page = person.tab(demo.authorize("test-code", response_mode="form_post"))
        log_in(page, demo)
        if not scripts:
            expect(page.locator("h1")).to_have_text("Returning you to your application")
            person.look(page, "returning")
            page.get_by_role("button", name="Continue").click()
        answer = demo.answer()
        assert answer.method == "POST"
        assert answer.parameters.keys() == {"code", "state", "iss"}
        assert answer.parameters["iss"] == demo.issuer


def test_another_account_may_be_chosen(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.authorize("test-code"))
    log_in(page, demo)
    demo.answer()
    page.goto(demo.authorize("test-code", prompt="select_account"))
    expect(page.locator("h1")).to_have_text("Choose an account")
    person.look(page, "choose")
    page.get_by_role("button", name="Continue with this account").click()
    assert "code" in demo.answer().parameters

    page.goto(demo.authorize("test-code", prompt="select_account"))
    page.get_by_role("button", name="Use another account").click()
    log_in(page, demo, PRIYA)
    assert "code" in demo.answer().parameters
    page.goto(demo.issuer)
    expect(page.get_by_text(f"You are logged in as Priya Patel ({PRIYA}).")).to_be_visible()


def test_every_other_page_is_fit_to_be_seen(demo: Demo, person: Watched) -> None:
    page = person.tab(demo.issuer)
    person.look(page, "home")
    mistaken = demo.authorize("test-code", redirect_uri="http://localhost:1/elsewhere")
    for name, url in {
        "not-registered": mistaken,
        "unknown-client": demo.authorize("test-code").replace("test-code", "nobody"),
        "not-found": f"{demo.issuer}/nowhere",
        "expired": f"{demo.issuer}/login?handle=gone",
        "signed-out": f"{demo.issuer}/signed-out",
        "mailbox": f"{demo.issuer}/dev/outbox",
    }.items():
        page.goto(url)
        person.look(page, name)
    page.goto(demo.authorize("test-code"))
    log_in(page, demo)
    demo.answer()
    page.goto(f"{demo.issuer}/logout")
    person.look(page, "logout")
    page.get_by_role("button", name="Stay signed in").click()
    person.look(page, "home-signed-in")
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("You are signed out")


def log_in(page: Page, demo: Demo, username: str = JANE, password: str | None = None) -> None:
    """Fill in the login page and send it."""
    fill(page, username, password or demo.password(username))


def fill(page: Page, username: str, password: str) -> None:
    """The same, whatever the language."""
    page.locator("#username").fill(username)
    page.locator("#password").fill(password)
    page.locator("form button[type=submit]").click()


def asked_to_log_in_again(page: Page, application: str) -> None:
    """The application sends the person to the login page."""
    page.goto(application)
    page.get_by_role("link", name="Sign in", exact=True).click()
    expect(page.locator("h1")).to_have_text("Log in with your credentials")
