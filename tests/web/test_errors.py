"""Every problem a person may meet: in plain words, with a reference, and nothing leaves for anywhere."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from idp.db import account, client, rate, trace
from idp.db.link import Purpose
from idp.db.trace import Trace
from idp.policy.rate import RateLimits
from idp.web.address import UNKNOWN
from idp.web.errors import WORDS
from tests.site import ISSUER, PASSWORD, Site, Visitor, body
from tests.web.forms import form_of, heading, login_page, reference
from tests.web.outage import take_away

EVIL = "https://evil.example/callback"


def handle_of(page: TestResponse) -> str:
    return form_of(page)[0].partition("=")[2]


def disabled(site: Site, visitor: Visitor) -> TestResponse:
    if not site.provider.server.clients.find_any("paused"):
        site.add_client("paused")
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "paused", disabled=True, now=site.clock.now())
    site.clock.advance(timedelta(seconds=5))
    return visitor.authorize("paused")


def expired(site: Site, visitor: Visitor) -> TestResponse:
    page = login_page(visitor)
    site.clock.advance(timedelta(minutes=30))
    return visitor.submit(page, username="918JSMITH01", password=PASSWORD)


def answered(_site: Site, visitor: Visitor) -> TestResponse:
    page = login_page(visitor, prompt="login")
    visitor.log_in(page)
    return visitor.get(f"/authorize/{handle_of(page)}")


def of_another(site: Site, visitor: Visitor) -> TestResponse:
    return visitor.get(f"/login?request={handle_of(login_page(site.browser()))}")


def forged(_site: Site, visitor: Visitor) -> TestResponse:
    action, _ = form_of(login_page(visitor, prompt="login"))
    return visitor.post(action, {"username": "918JSMITH01", "password": PASSWORD, "csrf_token": "forged"})


def throttled(site: Site, visitor: Visitor) -> TestResponse:
    address = site.provider.sign_in.attempts.of_address(UNKNOWN)
    with site.provider.database.write() as connection:
        for number in range(20):
            rate.failed(connection, address, UUID(int=number).bytes * 2, site.clock.now())
    return visitor.submit(login_page(visitor, prompt="login"), username="918JDOE01", password=PASSWORD)


def account_throttled(site: Site, visitor: Visitor) -> TestResponse:
    provider, now = site.provider, site.clock.now()
    with provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        limit = RateLimits().new_password_account
        for _ in range(30):
            provider.passwords.attempts.count_new_password(connection, found.id, limit, now)
        token = provider.links.issue(connection, found.id, Purpose.RESET, now).token
    page = visitor.get(f"/update-password?link={token}")
    new = {"password": "Grey.Boat.Fern26", "confirm_password": "Grey.Boat.Fern26"}
    return visitor.submit(page, username="918JSMITH01", **new)


def ask(visitor: Visitor) -> TestResponse:
    page = visitor.get("/forgotten")
    born = {"dob-day": "29", "dob-month": "2", "dob-year": "1984"}
    return visitor.submit(page, email="nobody@example.nhs.uk", **born)


def recovery_throttled(_site: Site, visitor: Visitor) -> TestResponse:
    for _ in range(10):
        ask(visitor)
    return ask(visitor)


def recovery_busy(site: Site, visitor: Visitor) -> TestResponse:
    recovery, now = site.provider.recovery, site.clock.now()
    with site.provider.database.write() as connection:
        for _ in range(300):
            assert recovery.attempts.may_recover(connection, "whole", recovery.limits.whole, now)
    return ask(visitor)


def broken(site: Site, visitor: Visitor) -> TestResponse:
    """Someone changed a row by hand."""
    page = login_page(visitor, prompt="login")
    with site.provider.database.write() as connection:
        connection.execute("UPDATE authorization_requests SET parameters = '7'", (), lambda _: None)
    return visitor.get(f"/login?request={handle_of(page)}")


def hint_of_another(site: Site, visitor: Visitor) -> TestResponse:
    return visitor.get(f"/logout?client_id=learning&id_token_hint={site.tokens()['id_token']}")


def too_large(_site: Site, visitor: Visitor) -> TestResponse:
    action, hidden = form_of(login_page(visitor, prompt="login"))
    return visitor.post(action, {**hidden, "username": "918JSMITH01", "password": "x" * 70_000})


def get(path: str) -> Callable[[Site, Visitor], TestResponse]:
    return lambda _, visitor: visitor.get(path)


def authorize(**asked: str | None) -> Callable[[Site, Visitor], TestResponse]:
    return lambda _, visitor: visitor.authorize(**{"client_id": "payslips", **asked})  # type: ignore[arg-type]  # a None leaves it out


@dataclass(frozen=True)
class Meeting:
    """How one meets a problem, and what the page says."""

    status: int
    title: str
    sentence: str
    come: Callable[[Site, Visitor], TestResponse]


NOT_SET_UP = "This application is not set up correctly"
NO_SIGN_OUT = "We could not sign you out for this application"
PROBLEMS = {
    "client_missing": Meeting(400, NOT_SET_UP, "does not say which application", authorize(client_id=None)),
    "client_repeated": Meeting(
        400, NOT_SET_UP, "names more than one application", get("/authorize?client_id=a&client_id=b")
    ),
    "client_unknown": Meeting(400, NOT_SET_UP, "is not registered with us", authorize(client_id="nobody")),
    "client_disabled": Meeting(403, "This application is switched off", "An administrator", disabled),
    "redirect_uri_missing": Meeting(
        400, NOT_SET_UP, "does not say where to return you to", authorize(redirect_uri=None)
    ),
    "redirect_uri_repeated": Meeting(
        400,
        NOT_SET_UP,
        "more than one address to return you to",
        get(f"/authorize?client_id=payslips&redirect_uri={EVIL}&redirect_uri={EVIL}"),
    ),
    "redirect_uri_unregistered": Meeting(
        400, NOT_SET_UP, "an address that is not registered for it", authorize(redirect_uri=EVIL)
    ),
    "malformed": Meeting(400, "We could not read this request", "is damaged", get("/authorize?state=%FF")),
    "request_missing": Meeting(
        400, "Start from your application", "we cannot tell which one", get("/consent")
    ),
    "request_unknown": Meeting(
        400, "This login page is no longer available", "opened too long ago", get("/login?request=x")
    ),
    "request_expired": Meeting(400, "This login page has expired", "works for 30 minutes", expired),
    "request_answered": Meeting(400, "You have already used this login page", "works once", answered),
    "request_of_another_browser": Meeting(
        400, "This login page belongs to another browser", "in another browser or window", of_another
    ),
    "forged": Meeting(403, "We could not accept this form", "did not come from our own page", forged),
    "logout_repeated": Meeting(
        400, NO_SIGN_OUT, "says one thing twice", get("/logout?client_id=a&client_id=b")
    ),
    "logout_too_long": Meeting(400, NO_SIGN_OUT, "is too long", get(f"/logout?state={'x' * 3000}")),
    "logout_hint": Meeting(400, NO_SIGN_OUT, "did not prove", hint_of_another),
    "logout_return": Meeting(
        400, NO_SIGN_OUT, "not registered for it", get(f"/logout?post_logout_redirect_uri={EVIL}")
    ),
    "address_throttled": Meeting(
        429, "Too many tries from this network", "too many failed logins", throttled
    ),
    "account_throttled": Meeting(
        429, "Too many new passwords have been tried", "has not been changed", account_throttled
    ),
    "recovery_throttled": Meeting(
        429, "Too many requests from this network", "asked for too often", recovery_throttled
    ),
    "recovery_busy": Meeting(
        503, "Very many people are asking for login details at the moment", "Nothing was sent", recovery_busy
    ),
    "not_found": Meeting(404, "Page not found", "no page at this address", get("/nowhere")),
    "method_not_allowed": Meeting(
        405,
        "This page cannot be used that way",
        "not for this kind of request",
        lambda _, visitor: visitor.browser.delete("/login", base_url=ISSUER),
    ),
    "too_large": Meeting(413, "That was too much to send", "larger than we accept", too_large),
    "failed": Meeting(500, "Sorry, something went wrong", "A fault on our side", broken),
}


def test_every_problem_is_met_here() -> None:
    assert PROBLEMS.keys() == WORDS.keys()


def kept(site: Site, page: TestResponse) -> Trace:
    with site.provider.database.read() as connection:
        found = trace.find(connection, reference(page))
    assert found is not None
    return found


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_is_told_in_plain_words_with_a_reference_that_explains_it(site: Site, problem: str) -> None:
    meeting = PROBLEMS[problem]
    page = meeting.come(site, site.browser())
    assert (page.status_code, heading(page)) == (meeting.status, meeting.title)
    assert meeting.sentence in page.text
    assert "If you ask for help, give this reference:" in page.text
    assert EVIL not in page.text
    assert "Location" not in page.headers
    assert not page.headers.getlist("Set-Cookie")
    assert page.headers["Cache-Control"] == "no-store"
    if problem in {"not_found", "method_not_allowed"}:
        return
    assert kept(site, page).problem == problem
    assert "?" not in kept(site, page).request
    for secret in (PASSWORD, "csrf_token", "__Host-", "forged,"):
        assert secret not in str(kept(site, page))


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_is_told_in_welsh(site: Site, problem: str) -> None:
    visitor = site.browser()
    visitor.browser.set_cookie("__Host-lang", "cy", domain="id.example.nhs.uk", secure=True)
    page = PROBLEMS[problem].come(site, visitor)
    assert page.headers["Content-Language"] == "cy"
    assert '<html lang="cy">' in page.text
    assert heading(page) != PROBLEMS[problem].title
    assert "Cyfeirnod" in page.text or "cyfeirnod" in page.text


def test_what_was_received_and_what_is_registered_are_kept_for_the_operator(site: Site) -> None:
    page = site.browser().authorize(redirect_uri="https://payslips.example.nhs.uk/callback/")
    assert kept(site, page).client_id == "payslips"
    assert kept(site, page).detail == {
        "received": "https://payslips.example.nhs.uk/callback/",
        "registered": ["https://payslips.example.nhs.uk/callback"],
    }


def test_a_fault_of_ours_is_logged_with_its_cause_and_shown_without(site: Site, log: io.StringIO) -> None:
    page = broken(site, site.browser())
    assert "AttributeError" not in page.text
    assert kept(site, page).detail == {"cause": "AttributeError"}
    assert "'int' object has no attribute 'items'" in log.getvalue()


def test_without_its_database_it_is_busy_and_says_when_to_come_back(site: Site, tmp_path: Path) -> None:
    visitor = site.browser()
    page = login_page(visitor)
    site.clock.advance(timedelta(seconds=5))
    take_away(site.provider.database, tmp_path)
    for answer in (
        visitor.get("/"),
        visitor.authorize(),
        visitor.submit(page, username="918JSMITH01", password=PASSWORD),
        visitor.get(form_of(page)[0]),
        visitor.get("/logout?client_id=payslips"),
    ):
        assert (answer.status_code, heading(answer)) == (503, "Very many people are logging in at the moment")
        assert int(answer.headers["Retry-After"]) >= 1
        assert not answer.headers.getlist("Set-Cookie")
        assert "psycopg" not in answer.text
        assert "sqlite" not in answer.text


def test_without_its_database_an_application_is_told_to_try_again(site: Site, tmp_path: Path) -> None:
    site.clock.advance(timedelta(seconds=5))
    take_away(site.provider.database, tmp_path)
    for path in ("/token", "/introspect", "/revoke"):
        answer = site.post(path, grant_type="client_credentials", token="x")
        assert answer.status_code == 503, path
        assert body(answer)["error"] == "temporarily_unavailable"
        assert int(answer.headers["Retry-After"]) >= 1


def test_without_its_database_what_needs_none_still_answers(site: Site, tmp_path: Path) -> None:
    take_away(site.provider.database, tmp_path)
    visitor = site.browser()
    assert visitor.get("/nowhere").status_code == 404
    assert visitor.get("/static/idp.css").status_code == 200
    assert visitor.get("/signed-out").status_code == 200
    assert visitor.get("/.well-known/openid-configuration").status_code == 200
    assert visitor.get("/login").status_code == 200
    assert visitor.get("/forgotten").status_code == 200


def test_a_refusal_that_cannot_be_kept_still_has_its_reference(site: Site, tmp_path: Path) -> None:
    visitor = site.browser()
    visitor.authorize()
    take_away(site.provider.database, tmp_path)
    page = visitor.authorize(redirect_uri=EVIL)
    assert (page.status_code, heading(page)) == (400, NOT_SET_UP)
    assert reference(page)
