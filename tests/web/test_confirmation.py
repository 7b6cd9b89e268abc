"""The confirmation: the same for everybody, and a way to ask once more."""

import re
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from idp.db import outbox
from tests.mailbox import queued
from tests.observed import statements
from tests.site import ISSUER, Site, Visitor
from tests.web.asking import PAGES, ask
from tests.web.conftest import Build
from tests.web.forms import form_of, heading, login_page, reference

SENTENCES = {
    "/forgotten": "Your password-reset request has been submitted.",
    "/request": "Your username request has been submitted.",
    "/unlock": "Your unlock request has been submitted.",
}
THEN = (
    "An email with instructions will be sent shortly. Please contact the System Administrator if you do not "
    "receive an email within the next 10-15 minutes."
)


def words(page: TestResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def confirmed(visitor: Visitor, path: str = "/forgotten", query: str = "") -> TestResponse:
    return visitor.follow(ask(visitor, path, query=query))


@pytest.mark.parametrize("path", PAGES)
def test_it_says_what_was_submitted_and_under_which_reference(site: Site, path: str) -> None:
    page = confirmed(site.browser(), path)
    assert (page.status_code, heading(page)) == (200, "Confirmation")
    assert f"{SENTENCES[path]} {THEN}" in words(page)
    assert page.text.count(reference(page)) == 1
    assert 'href="/login"' in page.text


@pytest.mark.parametrize("path", PAGES)
def test_whoever_opens_it_by_hand_reads_the_same_without_a_reference(site: Site, path: str) -> None:
    page = site.browser().get(f"{path}/confirmation")
    assert page.status_code == 200
    assert f"{SENTENCES[path]} {THEN}" in words(page)
    assert "Send it again" not in page.text
    assert not re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{2}\b", page.text)


def test_the_reference_is_that_of_the_mail(site: Site) -> None:
    shown = reference(confirmed(site.browser()))
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert letter.values["reference"] == shown


def test_it_can_be_sent_again_under_the_same_reference(site: Site) -> None:
    visitor = site.browser()
    page = confirmed(visitor)
    site.provider.recovery.work()
    answer = visitor.submit(page)
    assert (answer.status_code, answer.location) == (303, f"{ISSUER}/forgotten/confirmation")
    again = visitor.follow(answer)
    assert "Your request has been submitted again." in words(again)
    assert reference(again) == reference(page)
    assert "submitted again" not in words(visitor.get("/forgotten/confirmation"))
    site.provider.recovery.work()
    with site.provider.database.read() as connection:
        assert len(outbox.newest(connection, 9, reference=reference(page))) == 2


def test_sending_again_costs_the_same_for_a_member_and_a_stranger(site: Site) -> None:
    work = []
    for email in ("918jsmith01@example.nhs.uk", "nobody@example.nhs.uk"):
        visitor = site.browser()
        page = visitor.follow(ask(visitor, "/forgotten", email=email))
        site.provider.recovery.work()
        with statements() as seen:
            answer = visitor.submit(page)
        work.append((answer.status_code, answer.location, [name for name, _ in answer.headers], seen))
    assert work[0] == work[1]


def test_sending_again_is_limited_like_asking(build: Build) -> None:
    site = build(recovery_per_ten_minutes=2)
    visitor = site.browser()
    page = confirmed(visitor)
    assert visitor.follow(visitor.submit(page)).status_code == 200
    stopped = visitor.submit(page)
    assert (stopped.status_code, heading(stopped)) == (429, "Too many requests from this network")
    assert not stopped.headers.getlist("Set-Cookie")


def test_after_an_hour_one_says_again_who_one_is(site: Site) -> None:
    visitor = site.browser()
    page = confirmed(visitor, "/unlock")
    site.clock.advance(timedelta(minutes=60))
    assert visitor.submit(page).location == f"{ISSUER}/unlock"
    assert "Send it again" not in visitor.get("/unlock/confirmation").text


def test_what_was_asked_on_one_page_is_not_shown_on_another(site: Site) -> None:
    visitor = site.browser()
    old = confirmed(visitor, "/forgotten")
    confirmed(visitor, "/unlock")
    assert "Send it again" not in visitor.get("/forgotten/confirmation").text
    assert visitor.submit(old).location == f"{ISSUER}/forgotten"


def test_another_browser_cannot_send_it_again(site: Site) -> None:
    visitor, other = site.browser(), site.browser()
    action, hidden = form_of(confirmed(visitor))
    answer = other.post(action, hidden)
    assert (answer.status_code, heading(answer)) == (403, "We could not accept this form")


@pytest.mark.parametrize("planted", ["x", "x" * 43, "ŵ" * 43, "x" * 4000])
def test_a_planted_handle_shows_nothing(site: Site, planted: str) -> None:
    visitor = site.browser()
    visitor.browser.set_cookie("__Host-asked", planted, domain="id.example.nhs.uk", secure=True)
    page = visitor.get("/forgotten/confirmation")
    assert page.status_code == 200
    assert "Send it again" not in page.text


class TestOk:
    def test_leads_back_to_the_waiting_request(self, site: Site) -> None:
        visitor = site.browser()
        query = f"?{form_of(login_page(visitor))[0].partition('?')[2]}"
        page = confirmed(visitor, query=query)
        assert f'href="/login{query}"' in page.text
        assert "Log in to continue to Payslips." in visitor.get(f"/login{query}").text

    def test_leads_to_the_plain_login_page_once_the_request_has_gone(self, site: Site) -> None:
        visitor = site.browser()
        query = f"?{form_of(login_page(visitor))[0].partition('?')[2]}"
        confirmed(visitor, query=query)
        site.clock.advance(timedelta(minutes=30))
        page = visitor.get(f"/forgotten/confirmation{query}")
        assert 'href="/login"' in page.text
        assert query not in form_of(page)[0]
