"""Passkeys in a real Chromium, with its virtual authenticator: made, used by a button, and by autofill."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from idp.accounts.link import Links
from idp.db import account, passkey
from idp.db.link import Purpose
from idp.services.clock import SystemClock
from tests.journeys import browser as browsers
from tests.journeys.browser import Watched
from tests.journeys.live import LiveServer
from tests.site import PASSWORD, Site

JANE = "918JSMITH01"
OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.chromium() as running:
        yield running


@pytest.fixture
def person(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    with browsers.watched(chromium, request.node.name.removeprefix("test_")) as watched:
        yield watched


@dataclass
class Phone:
    """The authenticator of one tab."""

    cdp: CDPSession
    id: str

    @classmethod
    def of(cls, page: Page) -> "Phone":
        cdp = page.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})
        return cls(cdp, made["authenticatorId"])

    @property
    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._send("getCredentials")["credentials"]
        return found

    def wait_to_be_touched(self, *, wait: bool) -> None:
        self._send("setAutomaticPresenceSimulation", enabled=not wait)

    def know_its_owner(self, *, knows: bool) -> None:
        self._send("setUserVerified", isUserVerified=knows)

    def _send(self, what: str, **values: object) -> Any:  # noqa: ANN401 - JSON
        return self.cdp.send(f"WebAuthn.{what}", {"authenticatorId": self.id, **values})


def enrol_link(server: LiveServer) -> str:
    """The address in the mail that lets Jane enrol her first factor, for the page of passkeys."""
    provider = server.site.provider
    with provider.database.write() as connection:
        found = account.find(connection, JANE)
        assert found is not None
        links = Links(provider.randomness, provider.lifetimes, server.issuer)
        issued = links.issue(connection, found.id, Purpose.ENROL, SystemClock().now())
    return f"{server.issuer}/passkey/add?link={issued.token}"


@pytest.fixture
def server(server_on_sqlite: LiveServer) -> Iterator[LiveServer]:
    """The server, whose people have no passkeys."""
    yield server_on_sqlite
    forget_passkeys(server_on_sqlite.site)


def forget_passkeys(site: Site) -> None:
    with site.provider.database.write() as connection:
        found = account.find(connection, JANE)
        assert found is not None
        for each in passkey.of_account(connection, found.id):
            passkey.remove(connection, each.id, found.id)


def type_password(page: Page) -> None:
    page.get_by_label("Username*").fill(JANE)
    page.get_by_label("Password*").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def log_in(page: Page) -> None:
    type_password(page)
    expect(page.get_by_text(f"You are logged in as Jane Smith ({JANE}).")).to_be_visible()


def log_out(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.issuer}/logout")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("You are signed out")


def add(page: Page, server: LiveServer, name: str = "My phone") -> None:
    page.goto(enrol_link(server))
    page.get_by_label("Name of this passkey").fill(name)
    page.get_by_role("button", name="Add a passkey").click()


def without_autofill(page: Page) -> None:
    """From now on the tab is of a browser that suggests nothing in a field: there the button is the way."""
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")


def note_codes(page: Page) -> list[str]:
    """The recovery codes that come with a first passkey, on the page until they are noted down."""
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_focused()
    expect(page.get_by_label("Name of this passkey")).to_be_hidden()
    noted = page.locator(".idp-codes code").all_inner_texts()
    page.get_by_role("button", name="I have noted them down").click()
    return noted


def is_added(page: Page, server: LiveServer) -> None:
    expect(page).to_have_url(f"{server.issuer}/account")
    expect(page.get_by_text("Your passkey has been added.")).to_be_visible()


def is_home(page: Page, server: LiveServer) -> None:
    expect(page).to_have_url(f"{server.issuer}/")
    expect(page.get_by_text(f"You are logged in as Jane Smith ({JANE}).")).to_be_visible()


def test_a_passkey_is_made_and_then_logs_in(server: LiveServer, person: Watched) -> None:
    page = person.tab(f"{server.issuer}/login")
    phone = Phone.of(page)
    person.look(page, "login")
    log_in(page)
    page.goto(enrol_link(server))
    person.look(page, "add")
    page.get_by_label("Name of this passkey").fill("My phone")
    page.get_by_label("Name of this passkey").press("Enter")
    expect(page.get_by_text("Your passkey has been added.")).to_be_visible()
    person.look(page, "codes")
    assert len(set(note_codes(page))) == 10
    is_added(page, server)
    (made,) = phone.credentials
    assert made["isResidentCredential"]
    assert made["rpId"] == "localhost"

    log_out(page, server)
    without_autofill(page)
    page.goto(f"{server.issuer}/login")
    page.get_by_role("button", name="Log in with a passkey").click()
    is_home(page, server)


def test_the_username_field_suggests_it(server: LiveServer, person: Watched) -> None:
    """Who picks the suggestion (Chromium does for its virtual authenticator) has nothing to press or type."""
    page = person.tab(f"{server.issuer}/login")
    phone = Phone.of(page)
    log_in(page)
    add(page, server)
    note_codes(page)
    is_added(page, server)
    assert len(phone.credentials) == 1
    log_out(page, server)
    page.goto(f"{server.issuer}/login")
    is_home(page, server)


def test_it_is_the_second_factor_of_who_types_a_password(server: LiveServer, person: Watched) -> None:
    page = person.tab(f"{server.issuer}/login")
    phone = Phone.of(page)
    log_in(page)
    add(page, server)
    note_codes(page)
    is_added(page, server)
    log_out(page, server)
    phone.wait_to_be_touched(wait=True)
    page.goto(f"{server.issuer}/login")
    type_password(page)
    expect(page).to_have_url(f"{server.issuer}/mfa")
    person.look(page, "second-factor")
    phone.know_its_owner(knows=False)
    phone.wait_to_be_touched(wait=False)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("No passkey was used. Try again, or log in another way.")
    page.goto(server.issuer)
    expect(page.get_by_text("You are logged in")).to_be_hidden()
    page.goto(f"{server.issuer}/mfa")
    phone.know_its_owner(knows=True)
    page.get_by_role("button", name="Use a passkey").click()
    is_home(page, server)


def test_who_types_a_password_meanwhile_is_not_disturbed(server: LiveServer, person: Watched) -> None:
    page = person.tab(f"{server.issuer}/login")
    Phone.of(page).wait_to_be_touched(wait=True)
    page.reload()
    log_in(page)


def test_what_goes_wrong_is_said(server: LiveServer, person: Watched) -> None:
    page = person.tab(f"{server.issuer}/login")
    phone = Phone.of(page)
    log_in(page)
    page.goto(enrol_link(server))
    problem = page.get_by_role("alert")
    page.get_by_role("button", name="Add a passkey").click()
    expect(problem).to_have_text("Enter a name of up to 60 characters for this passkey")
    person.look(page, "no-name")
    phone.know_its_owner(knows=False)
    page.get_by_label("Name of this passkey").fill("My phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(problem).to_have_text("No passkey was made. Try again when you are ready.")
    phone.know_its_owner(knows=True)
    page.get_by_role("button", name="Add a passkey").click()
    note_codes(page)
    is_added(page, server)
    page.goto(f"{server.issuer}/passkey/add")
    page.get_by_label("Name of this passkey").fill("The same phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(problem).to_have_text("This device has a passkey for your account already.")

    log_out(page, server)
    forget_passkeys(server.site)
    without_autofill(page)
    page.goto(f"{server.issuer}/login")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(problem).to_have_text(
        re.compile(
            r"We could not log you in with this passkey\. Try again, or log in another way\. "
            r"Reference: \w{4}-\w{2}"
        )
    )
    person.look(page, "unknown")


def test_in_welsh_the_button_is_welsh_too(server: LiveServer, person: Watched) -> None:
    page = person.tab(f"{server.issuer}/login?lang=cy")
    expect(page.locator("[data-passkey-start]")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "cy")


def test_without_scripts_there_is_nothing_to_press(server: LiveServer, chromium: Browser) -> None:
    with browsers.watched(chromium, "passkey-without-scripts", scripts=False) as person:
        page = person.tab(f"{server.issuer}/login")
        expect(page.locator("[data-passkey]")).to_be_hidden()
        log_in(page)
        page.goto(enrol_link(server))
        expect(page.locator("[data-passkey]")).to_be_hidden()
        expect(page.get_by_text("This browser cannot add a passkey.")).to_be_visible()
        person.look(page, "add")
