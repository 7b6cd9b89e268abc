"""Both applications in a real browser: single sign-on, refresh, sign-out; with and without JavaScript."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import learning
import pytest
import self_service
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no annotations
from playwright.sync_api import Browser, Page, sync_playwright
from relying_party.app import create_app
from relying_party.application import Application
from relying_party.settings import Settings
from werkzeug.serving import make_server

from tests.examples.fake_provider import FakeProvider

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    ports = [_free_port(), _free_port()]
    own, other = (f"http://localhost:{port}" for port in ports)
    with ExitStack() as stack:
        stack.enter_context(
            _served(self_service.APPLICATION, replace(settings, base_url=own, other_url=other))
        )
        stack.enter_context(_served(learning.APPLICATION, replace(settings, base_url=other, other_url=own)))
        yield own, other


@pytest.mark.parametrize("scripts", [True, False], ids=["JavaScript", "no JavaScript"])
def test_one_sign_in_opens_both_and_sign_out_ends_it(
    browser: Browser, addresses: tuple[str, str], provider: FakeProvider, scripts: bool
) -> None:
    own, other = addresses
    with browser.new_context(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto(own)
        page.get_by_role("link", name="Sign in", exact=True).click()
        assert "Your payslip for" in page.inner_text("h1")
        page.get_by_role("link", name="Open Learning").click()
        assert page.url == f"{other}/"
        assert page.inner_text("h1") == "Your courses"
        page.goto(f"{own}/tokens")
        page.get_by_role("button", name="Refresh the tokens").click()
        assert "was swapped for" in page.inner_text("[role=status]")
        page.get_by_role("button", name="Sign out").click()
        assert page.inner_text("h1") == "You have signed out"
        assert "at the identity provider have ended" in page.inner_text("main")
        assert provider.requests[-1][0] == "/logout"


@pytest.mark.parametrize("width", [320, 1200])
def test_every_page_is_accessible_and_fits(browser: Browser, addresses: tuple[str, str], width: int) -> None:
    own, other = addresses
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        for address in [own, f"{own}/nowhere", f"{own}/callback", f"{own}/signed-out"]:
            page.goto(address)
            _check(page, width)
        for address in [f"{own}/sign-in", f"{own}/tokens", f"{other}/sign-in"]:
            page.goto(address)
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
            _check(page, width)


def _check(page: Page, width: int) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, (page.url, found)
    assert page.locator("h1").count() == 1, page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url


@contextmanager
def _served(application: Application, settings: Settings) -> Iterator[None]:
    port = int(settings.base_url.rpartition(":")[2])
    server = make_server("127.0.0.1", port, create_app(application, settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
