"""The account page in a real Chromium: its owner sees where they are logged in, and takes things away."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pyotp import TOTP

from idp.db.signing_key import SigningKey
from idp.services.clock import SystemClock
from tests import site as sites
from tests.accounts import second_factors
from tests.journeys import browser as browsers
from tests.journeys import demo as demos
from tests.journeys import live
from tests.journeys.browser import tab_to
from tests.journeys.live import LiveServer
from tests.site import PASSWORD, request_for

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"

pytestmark = pytest.mark.browser


@pytest.fixture
def server(server_on_sqlite: LiveServer) -> LiveServer:
    return server_on_sqlite


def log_in(page: Page, server: LiveServer, username: str) -> None:
    """With the password, on the way to the account page."""
    page.goto(f"{server.issuer}/account")
    page.get_by_label("Username*").fill(username)
    page.get_by_label("Password*").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def enter_code(page: Page, secret: str) -> None:
    expect(page.locator("h1")).to_have_text("Confirm that it is you")
    page.get_by_label("Code*").fill(TOTP(secret).at(SystemClock().now()))
    page.get_by_role("button", name="Continue").click()


def is_account(page: Page, server: LiveServer) -> None:
    expect(page.locator("h1")).to_have_text("Your account")
    expect(page).to_have_url(f"{server.issuer}/account")


def section(page: Page, heading: str) -> Locator:
    """The part of the page below a heading."""
    return page.get_by_role("region", name=heading)


def button(where: Locator, words: str, about: str) -> Locator:
    """One of many that say the same, by what is only read out."""
    return where.get_by_role("button", name=re.compile(rf"^{words}\s*: {about}$"))


def news(page: Page, words: str) -> None:
    """What the page says above everything else, once."""
    expect(page.get_by_text(words, exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text(words, exact=True)).to_be_hidden()


@contextmanager
def elsewhere(chromium: Browser, server: LiveServer, username: str) -> Iterator[Page]:
    """The same person in another browser."""
    with browsers.watched(chromium, "account-elsewhere", user_agent=FIREFOX) as other:
        page = other.tab()
        log_in(page, server, username)
        is_account(page, server)
        yield page


def is_out(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.issuer}/account")
    expect(page.locator("h1")).to_have_text("Log in with your credentials")


def test_another_browser_is_signed_out(server: LiveServer, chromium: Browser) -> None:
    server.site.add_account("918AONE01")
    with browsers.watched(chromium, "account-sessions") as person:
        page = person.tab()
        log_in(page, server, "918AONE01")
        here = section(page, "Where you are logged in")
        expect(here.get_by_role("listitem")).to_have_count(1)
        with elsewhere(chromium, server, "918AONE01") as other:
            page.reload()
            expect(here.get_by_role("listitem")).to_contain_text(["Chrome on Linux", "Firefox on Linux"])
            person.look(page, "two-sessions")
            tab_to(page, "Sign this device out")
            page.keyboard.press("Enter")
            news(page, "That device is signed out.")
            expect(here.get_by_role("listitem")).to_contain_text(["Chrome on Linux"])
            is_out(other, server)
        with (
            elsewhere(chromium, server, "918AONE01") as one,
            elsewhere(chromium, server, "918AONE01") as another,
        ):
            page.reload()
            here.get_by_role("button", name="Sign out everywhere but here").click()
            news(page, "You are signed out everywhere but here.")
            is_out(one, server)
            is_out(another, server)
        is_account(page, server)


def test_an_app_is_named_and_removed_by_who_has_proved_it(server: LiveServer, chromium: Browser) -> None:
    site = server.site
    site.add_account("918ATWO01")
    with browsers.watched(chromium, "account-app") as person:
        page = person.tab()
        log_in(page, server, "918ATWO01")
        factors = section(page, "How you prove who you are")
        expect(factors).to_contain_text("You log in with your password alone.")
        # Set up in another browser since: this one has not proved it.
        phone = second_factors.build(site).add_app("918ATWO01")
        page.reload()
        expect(factors).to_contain_text("Work telephone (authenticator app)")
        expect(factors.get_by_role("button")).to_have_count(0)
        person.look(page, "prove-first")
        factors.get_by_role("link", name="Prove that it is you").click()
        enter_code(page, phone.secret)
        is_account(page, server)

        factors.get_by_text("Rename or remove: Work telephone").click()
        person.look(page, "change")
        factors.get_by_label("Name").fill(" ")
        factors.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("alert")).to_contain_text("Enter a name of up to 60 characters")
        page.get_by_role("alert").get_by_role("link").click()
        expect(factors.get_by_label("Name")).to_be_focused()
        person.look(page, "no-name")
        factors.get_by_label("Name").fill("Old telephone")
        button(factors, "Rename", "Work telephone").click()
        news(page, "The name has been changed.")

        factors.get_by_text("Rename or remove: Old telephone").click()
        button(factors, "Remove", "Old telephone").click()
        news(page, "It has been removed, and no device is trusted any longer.")
        expect(factors).to_contain_text("You log in with your password alone.")
        expect(section(page, "Recent activity")).to_contain_text(
            "An authenticator app was removed: Old telephone"
        )


def test_a_device_is_trusted_no_longer(server: LiveServer, chromium: Browser) -> None:
    site = server.site
    site.add_account("918ATHREE01")
    phone = second_factors.build(site).add_app("918ATHREE01")
    with browsers.watched(chromium, "account-device") as person:
        page = person.tab()
        log_in(page, server, "918ATHREE01")
        page.get_by_label("Trust this device").check()
        enter_code(page, phone.secret)
        is_account(page, server)
        devices = section(page, "Trusted devices")
        expect(devices.get_by_role("listitem")).to_contain_text(["Chrome on Linux This device"])
        person.look(page, "trusted")
        devices.get_by_role("button", name="Stop trusting this device").click()
        news(page, "That device is no longer trusted.")
        expect(devices).to_contain_text("You trust no device.")
        page.goto(f"{server.issuer}/logout")
        page.get_by_role("button", name="Sign out").click()
        log_in(page, server, "918ATHREE01")
        expect(page.locator("h1")).to_have_text("Confirm that it is you")


def test_an_application_that_was_allowed_is_not_any_more(server: LiveServer, chromium: Browser) -> None:
    site, port = server.site, live.free_port()
    callback = f"http://localhost:{port}/callback"
    site.add_account("918AFOUR01")
    site.add_client("rota", first_party=False, client_name="Rota Planner", redirect_uris=[callback])
    asked = urlencode(request_for("rota", redirect_uri=callback, scope="openid profile email"))
    wanted = f"{server.issuer}/authorize?{asked}"
    with (
        demos.listening(port) as received,
        browsers.watched(chromium, "account-consent") as person,
    ):
        page = person.tab()
        log_in(page, server, "918AFOUR01")
        consents = section(page, "Applications that see your information")
        expect(consents).to_contain_text("You have allowed no application of others")
        page.goto(wanted)
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.locator("h1")).to_have_text("Received")
        assert "code" in received.get(timeout=15).parameters
        page.goto(f"{server.issuer}/account")
        expect(consents).to_contain_text("Rota Planner")
        person.look(page, "allowed")
        button(consents, "Stop this", "Rota Planner").click()
        news(page, "That application can no longer see your information.")
        expect(consents).to_contain_text("You have allowed no application of others")
        page.goto(wanted)
        expect(page.locator("h1")).to_have_text("Share your information with Rota Planner?")


def test_this_was_not_me(server: LiveServer, chromium: Browser) -> None:
    server.site.add_account("918AFIVE01")
    with (
        browsers.watched(chromium, "account-not-me") as person,
        elsewhere(chromium, server, "918AFIVE01") as stranger,
    ):
        page = person.tab()
        log_in(page, server, "918AFIVE01")
        page.get_by_role("link", name="All activity of the last 30 days").click()
        expect(page.locator("h1")).to_have_text("Recent activity")
        theirs = page.get_by_role("listitem").filter(has_text="Firefox on Linux").first
        theirs.get_by_text("Was this not you?").click()
        person.look(page, "activity")
        theirs.get_by_role("button", name="This was not me").click()
        expect(page).to_have_url(re.compile(f"^{server.issuer}/change-password"))
        expect(
            page.get_by_text("You are signed out everywhere but here, and no device is trusted.")
        ).to_be_visible()
        person.look(page, "new-password")
        is_out(stranger, server)
        page.get_by_label("Current password*").fill(PASSWORD)
        page.locator("#password").fill("Cobalt Lantern Meadow 7")
        page.locator("#confirm_password").fill("Cobalt Lantern Meadow 7")
        page.locator("main form button[type=submit]").click()
        expect(page.get_by_text("Your password has been changed.")).to_be_visible()
        page.goto(f"{server.issuer}/account/activity")
        expect(page.get_by_text("You said this was not you")).to_have_count(1)
        person.look(page, "disowned")


def test_the_language_of_mails_and_pages_is_chosen(server: LiveServer, chromium: Browser) -> None:
    server.site.add_account("918ASIX01")
    with browsers.watched(chromium, "account-language") as person:
        page = person.tab()
        log_in(page, server, "918ASIX01")
        page.get_by_label("Cymraeg").check()
        page.get_by_role("button", name="Save language").click()
        expect(page.locator("html")).to_have_attribute("lang", "cy")
        expect(page.get_by_label("Cymraeg")).to_be_checked()
        expect(page.locator("h1")).to_have_text("Eich cyfrif")
        person.look(page, "welsh")
        page.goto(f"{server.issuer}/account/activity")
        expect(page.locator("html")).to_have_attribute("lang", "cy")
        person.look(page, "welsh-activity")


def test_without_scripts_everything_is_there_too(server: LiveServer, chromium: Browser) -> None:
    server.site.add_account("918ASEVEN01")
    with (
        browsers.watched(chromium, "account-plain", scripts=False) as person,
        elsewhere(chromium, server, "918ASEVEN01") as other,
    ):
        page = person.tab()
        log_in(page, server, "918ASEVEN01")
        is_account(page, server)
        person.look(page, "account")
        page.get_by_role("button", name="Sign this device out").click()
        expect(page.get_by_text("That device is signed out.")).to_be_visible()
        is_out(other, server)


def test_the_last_factor_stays_where_everybody_has_to_have_one(
    chromium: Browser,
    tmp_path: Path,
    migrated_sqlite: Path,
    keys_dir: Path,
    signing_keys: list[SigningKey],
    password_hash: str,
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "idp.sqlite3")
    url = f"sqlite:///{tmp_path}/idp.sqlite3"
    site = sites.build(url, keys_dir, signing_keys, password_hash, SystemClock().now())
    jane = site.add_account().username
    phone = second_factors.build(site).add_app(jane)
    always = {"IDP_SECOND_FACTOR": "always"}
    with (
        live.serve(site, keys_dir=keys_dir, folder=tmp_path, workers=1, **always) as server,
        browsers.watched(chromium, "account-last") as person,
    ):
        page = person.tab()
        log_in(page, server, jane)
        enter_code(page, phone.secret)
        is_account(page, server)
        factors = section(page, "How you prove who you are")
        factors.get_by_text("Rename or remove: Work telephone").click()
        button(factors, "Remove", "Work telephone").click()
        expect(page.get_by_role("alert")).to_contain_text("You cannot remove this: everybody needs")
        expect(factors).to_contain_text("Work telephone (authenticator app)")
        person.look(page, "refused")
    site.provider.database.close()
