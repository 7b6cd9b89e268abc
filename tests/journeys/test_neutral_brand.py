"""Without a brand the pages have colours of their own, which must be as easy to read."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.journeys import browser as browsers
from tests.journeys.live import LiveServer
from tests.site import PASSWORD, request_for

pytestmark = pytest.mark.browser


def test_every_kind_of_page_is_fit_to_be_seen(server_on_sqlite: LiveServer) -> None:
    server = server_on_sqlite
    server.site.add_client("rota", first_party=False, client_name="Rota", client_uri="https://rota.example")
    address = f"{server.issuer}/authorize?{urlencode(request_for('rota', scope='openid profile esr'))}"
    with browsers.chromium() as chromium, browsers.watched(chromium, "neutral") as person:
        page = person.tab(address)
        expect(page.locator("body")).to_contain_class("idp-neutral")
        person.look(page, "login")
        page.get_by_label("Username*").fill("918JSMITH01")
        page.get_by_role("button", name="Log in", exact=True).click()
        person.look(page, "blank")
        page.get_by_label("Password*").fill(PASSWORD)
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.locator("h1")).to_have_text("Share your information with Rota?")
        person.look(page, "consent")
        for path in ("/", "/logout", "/nowhere", "/signed-out"):
            page.goto(server.issuer + path)
            person.look(page, path.strip("/") or "home")
