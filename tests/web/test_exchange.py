"""The language of a page, and the toggle that keeps everything else."""

import html
import re

import pytest
from werkzeug.test import TestResponse

from tests.site import Site, received
from tests.web.forms import cookies_set, form_of, login_page


def toggle(page: TestResponse) -> str:
    """Where the toggle leads: the other language."""
    found = re.search(r'<a href="([^"]+)" lang="(?:cy|en)" hreflang', page.text)
    assert found, page.text
    return html.unescape(found[1])


def language(page: TestResponse) -> str:
    found = re.search(r'<html lang="(\w+)">', page.text)
    assert found
    assert page.headers["Content-Language"] == found[1]
    return found[1]


def test_the_toggle_keeps_the_request_and_is_remembered(site: Site) -> None:
    visitor = site.browser()
    page = login_page(visitor)
    welsh = visitor.get(toggle(page))
    assert (language(page), language(welsh)) == ("en", "cy")
    assert form_of(welsh) == form_of(page)
    assert "adolygu eto gan siaradwr Cymraeg" in html.unescape(welsh.text)
    cookie = cookies_set(welsh)["__Host-lang"]
    assert cookie == {"value": "cy", "path": "/", "secure": "True", "httponly": "True", "samesite": "Lax"}
    assert language(visitor.get("/")) == "cy"
    assert "code" in received(visitor.log_in(welsh))
    assert language(visitor.get(toggle(visitor.get("/")))) == "en"


def test_after_a_failed_login_the_toggle_shows_the_page_afresh(site: Site) -> None:
    visitor = site.browser()
    page = visitor.submit(login_page(visitor), username="918JSMITH01", password="wrong")
    again = visitor.get(toggle(page))
    assert (again.status_code, language(again)) == (200, "cy")
    assert "code" in received(visitor.log_in(again))


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"query_string": "lang=cy"}, "cy"),
        ({"query_string": "lang=xx"}, "en"),
        ({"headers": {"Accept-Language": "cy-GB,en;q=0.5"}}, "cy"),
        ({"headers": {"Accept-Language": "fr,cy;q=0.2,en;q=0.1"}}, "cy"),
        ({"headers": {"Accept-Language": "fr"}}, "en"),
        ({"headers": {"Accept-Language": "," * 5000}}, "en"),
        ({"query_string": "lang=en", "headers": {"Accept-Language": "cy"}}, "en"),
    ],
)
def test_the_language_is_the_person_s_choice_then_the_browser_s(
    site: Site, asked: dict[str, str], shown: str
) -> None:
    assert language(site.browser().get("/", **asked)) == shown


def test_what_the_application_says_comes_before_what_the_browser_says(site: Site) -> None:
    visitor = site.browser()
    started = visitor.authorize(ui_locales="fr cy en")
    page = visitor.get(started.location.partition("id.example.nhs.uk")[2], headers={"Accept-Language": "en"})
    assert language(page) == "cy"
    english = visitor.get(toggle(page))
    assert language(english) == "en", "and the person's own choice before both"


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("/nowhere?a=1&a=2&b=%26", "/nowhere?a=1&a=2&b=%26&lang=cy"),
        ("/nowhere?lang=en&a=", "/nowhere?a=&lang=cy"),
        ('/a"b<c>?x="', "/a%22b%3Cc%3E?x=%22&lang=cy"),
        ("/%C5%B5", "/%C5%B5?lang=cy"),
    ],
)
def test_the_toggle_leads_to_the_same_address(site: Site, asked: str, leads: str) -> None:
    assert toggle(site.browser().get(asked)) == leads


def test_the_toggle_never_leads_to_another_host(site: Site) -> None:
    answer = site.browser().browser.get(
        "/", base_url="https://id.example.nhs.uk", environ_overrides={"PATH_INFO": "//evil.example/"}
    )
    assert toggle(answer) == "/evil.example/?lang=cy"
