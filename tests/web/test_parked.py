"""Requests that wait for a person, each in its own tab of one browser."""

from datetime import timedelta

from werkzeug.test import TestResponse

from idp.db import client
from tests.site import CALLBACK, ISSUER, PASSWORD, Site, received
from tests.web.forms import form_of, heading, login_page

LEARNING = "https://learning.example.nhs.uk/callback"


def test_several_tabs_wait_at_once_and_each_gets_its_own_answer(site: Site) -> None:
    site.add_client("learning", redirect_uris=[LEARNING])
    visitor = site.browser()
    tabs = [login_page(visitor, state=f"tab-{number}") for number in range(3)]
    other = login_page(visitor, "learning", redirect_uri=LEARNING, state="other")
    assert visitor.log_in(other).location.startswith(LEARNING)
    for number in (2, 0, 1):
        assert received(visitor.log_in(tabs[number]))["state"] == f"tab-{number}"


def test_a_tab_that_waited_goes_on_by_itself_once_the_person_has_signed_in(site: Site) -> None:
    visitor = site.browser()
    waiting, other = login_page(visitor), login_page(visitor)
    visitor.log_in(other)
    handle = form_of(waiting)[0].partition("=")[2]
    assert "code" in received(visitor.get(f"/authorize/{handle}"))


def refused(response: TestResponse) -> str:
    assert 400 <= response.status_code < 500
    assert not response.headers.getlist("Set-Cookie")
    assert "Location" not in response.headers
    return heading(response)


def test_the_address_of_a_login_page_opens_nothing_in_another_browser(site: Site) -> None:
    mallory, victim = site.browser(), site.browser()
    handle = form_of(login_page(mallory))[0].partition("=")[2]
    for path in ("/login?request=", "/authorize/", "/consent?request=", "/select-account?request="):
        answer = victim.get(f"{path}{handle}")
        assert refused(answer) == "This login page belongs to another browser", path
        assert "Allow cookies" in answer.text


def test_nor_does_its_form(site: Site) -> None:
    mallory, victim = site.browser(), site.browser()
    action, hidden = form_of(login_page(mallory))
    login_page(victim)
    answer = victim.post(action, {**hidden, "username": "918JSMITH01", "password": PASSWORD})
    assert refused(answer) == "This login page belongs to another browser"


def test_an_expired_page_says_so_and_offers_the_way_back(site: Site) -> None:
    site.add_client("rota", client_name="Rota", client_uri="https://rota.example.nhs.uk/")
    visitor = site.browser()
    page = login_page(visitor, "rota")
    site.clock.advance(timedelta(minutes=29, seconds=59))
    page = visitor.submit(page, username="918JSMITH01", password="wrong")
    assert page.status_code == 422
    site.clock.advance(timedelta(seconds=1))
    expired = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
    assert refused(expired) == "This login page has expired"
    assert '<a href="https://rota.example.nhs.uk/">Go back to Rota</a>' in expired.text


def test_the_way_back_is_where_the_application_begins_a_login(site: Site) -> None:
    site.add_client(
        "rota",
        client_uri="https://rota.example.nhs.uk/",
        initiate_login_uri="https://rota.example.nhs.uk/login",
    )
    visitor = site.browser()
    login_page(visitor, "rota")
    page = login_page(visitor, "rota")
    site.clock.advance(timedelta(minutes=30))
    assert 'href="https://rota.example.nhs.uk/login"' in visitor.get(form_of(page)[0]).text


def test_a_request_is_answered_once(site: Site) -> None:
    visitor = site.browser()
    page = login_page(visitor)
    assert "code" in received(visitor.log_in(page))
    handle = form_of(page)[0].partition("=")[2]
    for again in (
        visitor.submit(page, username="918JSMITH01", password=PASSWORD),
        visitor.get(f"/login?request={handle}"),
        visitor.get(f"/authorize/{handle}"),
    ):
        assert refused(again) == "You have already used this login page"
        assert f'href="{ISSUER}/"' in again.text


def test_guessing_a_handle_finds_nothing(site: Site) -> None:
    visitor = site.browser()
    login_page(visitor)
    for handle in ("", "x", "x" * 43, "x" * 65, "ŵ" * 40, "../../etc/passwd", "' OR 1=1--"):
        answer = visitor.get("/login", query_string={"request": handle})
        assert refused(answer) == "This login page is no longer available", handle


def test_a_page_that_belongs_to_no_request_says_where_to_start(site: Site) -> None:
    for path in ("/login?request=a&request=b", "/consent", "/consent?requests=a", "/select-account"):
        assert refused(site.browser().get(path)) == "Start from your application", path


def test_a_waiting_request_is_validated_again(site: Site) -> None:
    visitor = site.browser()
    page = login_page(visitor)
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    site.clock.advance(timedelta(seconds=5))
    answer = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
    assert refused(answer) == "This application is switched off"
    assert CALLBACK not in answer.text


def test_every_request_has_a_handle_of_its_own_that_is_hard_to_guess(site: Site) -> None:
    visitor = site.browser()
    handles = {form_of(login_page(visitor))[0].partition("=")[2] for _ in range(5)}
    assert len(handles) == 5
    assert {len(handle) for handle in handles} == {43}
