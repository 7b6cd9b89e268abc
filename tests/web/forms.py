"""What a person's browser makes of a page: its form, its words, its cookies."""

import html
import re
from collections.abc import Mapping
from http.cookies import SimpleCookie

from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from tests.site import ISSUER, Visitor


def form_of(page: TestResponse) -> tuple[str, dict[str, str]]:
    """Where the page's form goes, and its hidden fields."""
    found = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert found, page.text
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return html.unescape(found[1]), {name: html.unescape(value) for name, value in hidden}


def heading(page: TestResponse) -> str:
    """The page's only h1."""
    (found,) = re.findall(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    return html.unescape(" ".join(found.split()))


def summary(page: TestResponse) -> list[tuple[str, str]]:
    """The entries of the error summary: which field, which words."""
    listed = re.search(r'<ul class="nhsuk-list nhsuk-error-summary__list">(.*?)</ul>', page.text, re.DOTALL)
    assert listed, page.text
    entries = re.findall(r'<a href="#([\w-]+)"\s*>(.*?)</a>', listed[1], re.DOTALL)
    return [(field, html.unescape(" ".join(words.split()))) for field, words in entries]


def reference(page: TestResponse) -> str:
    """The reference the page shows."""
    found = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{2}\b", page.text)
    assert found, page.text
    return found[0]


def cookies_set(response: TestResponse) -> dict[str, dict[str, str]]:
    """The cookies an answer sets, by name: their value and attributes."""
    found = {}
    for line in response.headers.getlist("Set-Cookie"):
        for name, morsel in SimpleCookie(line).items():
            attributes = {key: str(value) for key, value in morsel.items() if value}
            found[name] = {"value": morsel.value, **attributes}
    return found


def from_elsewhere(
    visitor: Visitor, action: str, fields: Mapping[str, str], headers: Mapping[str, str]
) -> TestResponse:
    """Send a form with headers that name another host, and the cookies of this one: what a bad proxy does."""
    names = ("__Host-form", "__Host-sid")
    kept = [visitor.browser.get_cookie(name, domain="id.example.nhs.uk") for name in names]
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in kept if cookie is not None)
    sender = Browser(visitor.site.flask, use_cookies=False)
    return sender.post(action, base_url=ISSUER, data=fields, headers={**headers, "Cookie": cookies})


def login_page(visitor: Visitor, client_id: str = "payslips", **asked: str | None) -> TestResponse:
    """The login page a person sees who comes from an application."""
    page = visitor.follow(visitor.authorize(client_id, **asked))
    assert 'name="password"' in page.text
    return page
