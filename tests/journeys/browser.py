"""A real Chromium, watched: whatever it complains of fails the test, and pages are looked at closely.

`look` takes a page in at the widths of a desk and of a small telephone: axe finds nothing against WCAG 2.2
AA, nothing sticks out, and with `IDP_TEST_SCREENSHOTS=DIR` there is a picture of it.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no annotations
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.machine import cannot

WIDTHS = (1200, 320)

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # What is in order is much, and slow to hand over.
    "resultTypes": ["violations"],
}
# Chromium reports every page that is an error, such as a form to fill in again.
_REFUSED_PAGE = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        cannot("There is no Chromium.", remedy="apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        running.close()


@dataclass
class Watched:
    """A browser of one person. `complaints` is what it said was wrong."""

    context: BrowserContext
    scripts: bool
    story: str
    complaints: list[str] = field(default_factory=list)
    _looks: int = 0

    def __post_init__(self) -> None:
        self.context.on("console", self._heard)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("requestfailed", self._failed)

    def tab(self, url: str | None = None) -> Page:
        """A new tab."""
        page = self.context.new_page()
        if url is not None:
            page.goto(url)
        return page

    def look(self, page: Page, name: str) -> None:
        """Take the page in at every width, and go back to the first."""
        self._looks += 1
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            _picture(page, f"{self.story}-{self._looks:02}-{name}-{width}")
            assert page.locator("h1").count() == 1, page.url
            if self.scripts:
                found = Axe().run(page, options=_RULES).response["violations"]
                assert not found, (name, width, _summary(found))
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _REFUSED_PAGE.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        # A page that is left before it is there is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")


@contextmanager
def watched(browser: Browser, story: str, *, scripts: bool = True, **options: Any) -> Iterator[Watched]:  # noqa: ANN401 - playwright's
    """A person's browser, without cookies, that must have nothing to complain of in the end."""
    with browser.new_context(java_script_enabled=scripts, **options) as context:
        context.set_default_timeout(15_000)
        person = Watched(context, scripts, story)
        yield person
        assert person.complaints == [], person.complaints


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus carries this name."""
    focused = page.locator(":focus")
    for _ in range(20):
        page.keyboard.press("Tab")
        label = focused.evaluate("element => element.labels?.[0]?.innerText ?? element.innerText")
        if label.startswith(name):
            return
    raise AssertionError(f"Tab does not reach {name}")


def _picture(page: Page, name: str) -> None:
    folder = os.environ.get("IDP_TEST_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def _summary(violations: list[dict[str, Any]]) -> list[str]:
    return [f"{found['id']}: {[node['html'] for node in found['nodes']]}" for found in violations]
