"""Forms of a browser that has no waiting request."""

import pytest

from tests.site import ISSUER, PASSWORD, Site
from tests.web.forms import cookies_set, form_of, heading

WHO = {"email": "somebody@example.nhs.uk", "dob-day": "29", "dob-month": "2", "dob-year": "1984"}
REFUSED = (403, "We could not accept this form")


def test_the_cookie_stands_for_nobody_and_goes_with_the_browser(site: Site) -> None:
    visitor = site.browser()
    cookie = cookies_set(visitor.get("/forgotten"))["__Host-form"]
    assert len(cookie.pop("value")) == 43
    assert cookie == {"path": "/", "secure": "True", "httponly": "True", "samesite": "Lax"}
    assert "__Host-form" not in cookies_set(visitor.get("/unlock"))


def test_several_tabs_of_one_browser_share_it(site: Site) -> None:
    visitor = site.browser()
    tabs = [visitor.get(path) for path in ("/forgotten", "/request", "/unlock")]
    assert [visitor.submit(tab, **WHO).status_code for tab in tabs] == [303, 303, 303]


@pytest.mark.parametrize("path", ["/login", "/forgotten", "/request", "/unlock"])
@pytest.mark.parametrize("other", ["/login", "/forgotten", "/request", "/unlock", "/forgotten/confirmation"])
def test_the_token_of_one_page_opens_no_other(site: Site, path: str, other: str) -> None:
    visitor = site.browser()
    _, hidden = form_of(visitor.get(path))
    answer = visitor.post(other, {**hidden, **WHO, "username": "918JSMITH01", "password": PASSWORD})
    if path == other:
        assert answer.status_code == 303
    else:
        assert (answer.status_code, heading(answer)) == REFUSED


def test_a_browser_that_keeps_no_cookies_is_refused(site: Site) -> None:
    action, hidden = form_of(site.browser().get("/forgotten"))
    answer = site.browser().post(action, {**hidden, **WHO})
    assert (answer.status_code, heading(answer)) == REFUSED
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("planted", ["x", "ŵ" * 43, "x" * 44, "x" * 4000, " " * 43])
def test_what_we_never_gave_it_is_replaced(site: Site, planted: str) -> None:
    visitor = site.browser()
    visitor.browser.set_cookie("__Host-form", planted, domain="id.example.nhs.uk", secure=True)
    page = visitor.get("/forgotten")
    given = cookies_set(page)["__Host-form"]["value"]
    assert given != planted
    assert visitor.submit(page, **WHO).status_code == 303


def test_an_address_with_slashes_too_many_shows_a_form_that_works(site: Site) -> None:
    visitor = site.browser()
    page = visitor.browser.open("/", base_url=ISSUER, environ_overrides={"PATH_INFO": "//forgotten"})
    assert visitor.submit(page, **WHO).location == f"{ISSUER}/forgotten/confirmation"


def test_no_token_is_good_in_another_browser(site: Site) -> None:
    mallory, victim = site.browser(), site.browser()
    _, hidden = form_of(mallory.get("/login"))
    action, _ = form_of(victim.get("/login"))
    answer = victim.post(action, {**hidden, "username": "918JSMITH01", "password": PASSWORD})
    assert (answer.status_code, heading(answer)) == REFUSED
