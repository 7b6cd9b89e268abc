"""An app is set up in a real Chromium and then asked for; with scripts, and without."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from pyotp import TOTP

from idp.accounts.link import Links
from idp.db import account, recovery_code, totp_device
from idp.db.link import Purpose
from idp.services.clock import SystemClock
from tests.journeys import browser as browsers
from tests.journeys.browser import Watched
from tests.journeys.live import LiveServer
from tests.site import PASSWORD, request_for

JANE = "918JSMITH01"

pytestmark = pytest.mark.browser


@pytest.fixture
def server(server_on_sqlite: LiveServer) -> Iterator[LiveServer]:
    """The server, whose people have no second factor."""
    yield server_on_sqlite
    provider = server_on_sqlite.site.provider
    with provider.database.write() as connection:
        found = account.find(connection, JANE)
        assert found is not None
        totp_device.remove_all(connection, found.id)
        recovery_code.remove_all(connection, found.id)


def enrol_link(server: LiveServer) -> str:
    """The address in the mail that lets Jane enrol her first factor."""
    provider = server.site.provider
    with provider.database.write() as connection:
        found = account.find(connection, JANE)
        assert found is not None
        links = Links(provider.randomness, provider.lifetimes, server.issuer)
        return links.issue(connection, found.id, Purpose.ENROL, SystemClock().now()).url


def log_in(page: Page) -> None:
    page.get_by_label("Username*").fill(JANE)
    page.get_by_label("Password*").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def log_out(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.issuer}/logout")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("You are signed out")


def code(secret: str, steps: int = 0) -> str:
    """What the app shows, its clock so many steps ahead."""
    shown: str = TOTP(secret).at(SystemClock().now() + steps * timedelta(seconds=30))
    return shown


def is_home(page: Page, server: LiveServer) -> None:
    expect(page).to_have_url(f"{server.issuer}/")
    expect(page.get_by_text(f"You are logged in as Jane Smith ({JANE}).")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_app_is_set_up_and_then_asked_for(server: LiveServer, chromium: Browser, *, scripts: bool) -> None:
    story = f"second-factor-{'with' if scripts else 'without'}-scripts"
    with browsers.watched(chromium, story, scripts=scripts) as person:
        secret, noted = set_up(server, person)
        page = person.tab(f"{server.issuer}/login")
        log_in(page)
        expect(page.locator("h1")).to_have_text("Confirm that it is you")
        person.look(page, "code")
        page.get_by_label("Code*").fill("000000")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("alert")).to_contain_text("Check the code and enter it again")
        person.look(page, "wrong")
        # The code of the step that set it up is used; the next one is heard already.
        page.get_by_label("Code*").fill(code(secret, 1))
        page.get_by_label("Trust this device").check()
        page.get_by_role("button", name="Continue").click()
        is_home(page, server)
        log_out(page, server)
        page.goto(f"{server.issuer}/login")
        log_in(page)
        is_home(page, server)

    with browsers.watched(chromium, f"{story}-lost", scripts=scripts) as elsewhere:
        page = elsewhere.tab(f"{server.issuer}/login")
        log_in(page)
        page.get_by_role("link", name="Use a recovery code instead").click()
        elsewhere.look(page, "recovery-code")
        page.get_by_label("Recovery code*").fill(noted[0].lower())
        page.get_by_role("button", name="Continue").click()
        is_home(page, server)
        page.goto(f"{server.issuer}/mfa/recovery-codes")
        expect(page.get_by_text("You have 9 recovery codes left.")).to_be_visible()
        elsewhere.look(page, "make")
        page.get_by_role("button", name="Make new recovery codes").click()
        expect(page.locator("h1")).to_have_text("Your recovery codes")
        assert noted[1] not in page.content()


def set_up(server: LiveServer, person: Watched) -> tuple[str, list[str]]:
    """The whole of it; the app's secret, and the codes one notes down."""
    page = person.tab(f"{server.issuer}/login")
    log_in(page)
    is_home(page, server)
    page.goto(f"{server.issuer}/mfa/enrol")
    person.look(page, "mail")
    page.get_by_role("button", name=re.compile("Send me the email|Send it again")).click()
    expect(page.locator("h1")).to_have_text("We have sent you an email")
    person.look(page, "sent")
    page.goto(enrol_link(server))
    person.look(page, "name")
    page.get_by_label("Name of the app*").fill("My phone")
    page.get_by_role("button", name="Continue").click()
    key = page.locator(".idp-key").inner_text().replace(" ", "")
    assert page.locator(".idp-qr svg").bounding_box()["width"] > 150  # type: ignore[index]  # it is there
    person.look(page, "key")
    page.get_by_label("Code*").fill("12")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the 6 digits that your app shows")
    person.look(page, "no-code")
    page.get_by_label("Code*").fill(code(key))
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("h1")).to_have_text("Your recovery codes")
    person.look(page, "codes")
    noted = page.locator(".idp-codes code").all_inner_texts()
    assert all(re.fullmatch(r"\d(-[0-9A-Z]{5}){3}-[0-9A-Z]", each) for each in noted)
    page.get_by_role("link", name="I have noted them down").or_(
        page.get_by_role("button", name="I have noted them down")
    ).click()
    log_out(page, server)
    page.close()
    return key, noted


def test_an_application_that_wants_more_gets_it(server: LiveServer, chromium: Browser) -> None:
    """The mailed link goes on with the request it was asked for in."""
    with browsers.watched(chromium, "second-factor-wanted") as person:
        page = person.tab(f"{server.issuer}/authorize?{urlencode(request_for(acr_values='AAL2_TOTP'))}")
        expect(page.locator("h1")).to_have_text("Log in with your credentials")
        person.look(page, "login")
        page.goto(f"{enrol_link(server)}&request=nothing")
        expect(page.locator("h1")).to_have_text("Open this link where you are logging in")
        person.look(page, "elsewhere")
