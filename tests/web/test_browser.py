"""Cookies, and forms that another site or another browser sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from idp.db import account, browser_session, consent
from idp.db.account import AccountState
from idp.db.link import Purpose
from idp.services.digest import digest
from idp.web.routes import PAGES
from tests.site import CALLBACK, ISSUER, PASSWORD, Site, Visitor, received
from tests.web.asking import JANE, ask
from tests.web.forms import cookies_set, form_of, heading, login_page

HOST = "id.example.nhs.uk"


def sign_in(visitor: Visitor, username: str = "918JSMITH01") -> TestResponse:
    """The answer to the login form itself."""
    return visitor.submit(login_page(visitor, prompt="login"), username=username, password=PASSWORD)


def test_the_session_cookie_is_bound_to_this_host_and_goes_with_the_browser(site: Site) -> None:
    cookie = cookies_set(sign_in(site.browser()))["__Host-sid"]
    assert len(cookie.pop("value")) == 43
    assert cookie == {"path": "/", "secure": "True", "httponly": "True", "samesite": "Lax"}


def test_the_device_cookie_lasts_180_days_and_the_transaction_s_half_an_hour(site: Site) -> None:
    visitor = site.browser()
    ((name, transaction),) = cookies_set(visitor.authorize()).items()
    assert name.startswith("__Host-tx-")
    assert len(name) == len("__Host-tx-") + 8
    device = cookies_set(sign_in(visitor))["__Host-dev"]
    assert transaction["max-age"] == str(30 * 60)
    assert device["max-age"] == str(180 * 86_400)
    for cookie in (transaction, device):
        assert (cookie["path"], cookie["samesite"]) == ("/", "Lax")
        assert {"secure", "httponly"} <= cookie.keys()
        assert "domain" not in cookie


def test_an_answered_request_takes_its_cookie_along(site: Site) -> None:
    visitor = site.browser()
    started = visitor.authorize()
    (name,) = cookies_set(started)
    ended = visitor.log_in(visitor.follow(started))
    assert cookies_set(ended)[name]["max-age"] == "0" or "expires" in cookies_set(ended)[name]


def test_the_database_holds_no_session_secret(site: Site) -> None:
    secret = cookies_set(sign_in(site.browser()))["__Host-sid"]["value"]
    with site.provider.database.read() as connection:
        assert browser_session.find_live(connection, digest(secret), site.clock.now()) is not None
        assert browser_session.find_live(connection, secret.encode(), site.clock.now()) is None


def test_every_sign_in_has_a_new_secret_and_the_one_before_opens_nothing(site: Site) -> None:
    visitor = site.browser()
    first = cookies_set(sign_in(visitor))["__Host-sid"]["value"]
    second = cookies_set(sign_in(visitor))["__Host-sid"]["value"]
    assert first != second
    assert not is_signed_in(site, first)
    assert is_signed_in(site, second)


def is_signed_in(site: Site, secret: str) -> bool:
    visitor = site.browser()
    visitor.browser.set_cookie("__Host-sid", secret, domain=HOST, secure=True)
    return "code" in received(visitor.authorize(prompt="none"))


def test_a_cookie_that_was_planted_before_the_login_never_becomes_the_session(site: Site) -> None:
    victim = site.browser()
    victim.browser.set_cookie("__Host-sid", "planted" * 6, domain=HOST, secure=True)
    assert cookies_set(sign_in(victim))["__Host-sid"]["value"] != "planted" * 6
    assert not is_signed_in(site, "planted" * 6)


def test_a_stranger_s_session_that_was_planted_ends_when_the_victim_signs_in(site: Site) -> None:
    site.add_account("918MALLORY01")
    mallory = cookies_set(sign_in(site.browser(), "918MALLORY01"))["__Host-sid"]["value"]
    victim = site.browser()
    victim.browser.set_cookie("__Host-sid", mallory, domain=HOST, secure=True)
    sign_in(victim)
    assert not is_signed_in(site, mallory)


@pytest.mark.parametrize(("minutes", "lives"), [(29, True), (30, False)])
def test_a_session_ends_after_half_an_hour_of_rest(site: Site, minutes: int, *, lives: bool) -> None:
    visitor = site.browser()
    sign_in(visitor)
    site.clock.advance(timedelta(minutes=minutes))
    assert ("code" in received(visitor.authorize(prompt="none"))) is lives


def test_a_session_ends_after_twelve_hours_of_work(site: Site) -> None:
    visitor = site.browser()
    sign_in(visitor)
    for _ in range(35):
        site.clock.advance(timedelta(minutes=20))
        assert "code" in received(visitor.authorize())
    site.clock.advance(timedelta(minutes=20))
    assert received(visitor.authorize(prompt="none"))["error"] == "login_required"


def test_a_silent_check_keeps_nobody_signed_in(site: Site) -> None:
    visitor = site.browser()
    sign_in(visitor)
    site.clock.advance(timedelta(minutes=29))
    assert "code" in received(visitor.authorize(prompt="none"))
    site.clock.advance(timedelta(minutes=2))
    assert received(visitor.authorize(prompt="none"))["error"] == "login_required"


def test_a_disabled_account_s_session_ends_at_once(site: Site) -> None:
    visitor = site.browser()
    sign_in(visitor)
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.DISABLED)
    assert received(visitor.authorize(prompt="none"))["error"] == "login_required"
    assert "You are logged in" not in visitor.get("/").text


@dataclass(frozen=True)
class Form:
    """A page with a form, and what a person sends from it."""

    open: Callable[[Site, Visitor], TestResponse]
    fields: Mapping[str, str]


def _select_account(_site: Site, visitor: Visitor) -> TestResponse:
    sign_in(visitor)
    return visitor.follow(visitor.authorize(prompt="select_account"))


def _consent(_site: Site, visitor: Visitor) -> TestResponse:
    sign_in(visitor)
    return visitor.follow(visitor.authorize(prompt="consent"))


def _logout(_site: Site, visitor: Visitor) -> TestResponse:
    sign_in(visitor)
    return visitor.get("/logout")


def _plain(path: str) -> Callable[[Site, Visitor], TestResponse]:
    return lambda _, visitor: visitor.get(path)


def _confirmation(path: str) -> Callable[[Site, Visitor], TestResponse]:
    return lambda _, visitor: visitor.follow(ask(visitor, path))


def _link(purpose: Purpose) -> Callable[[Site, Visitor], TestResponse]:
    def opened(site: Site, visitor: Visitor) -> TestResponse:
        with site.provider.database.write() as connection:
            found = account.find(connection, "918JSMITH01")
            assert found is not None
            issued = site.provider.links.issue(connection, found.id, purpose, site.clock.now())
        return visitor.get(issued.url.removeprefix(ISSUER))

    return opened


def _change_password(_site: Site, visitor: Visitor) -> TestResponse:
    sign_in(visitor)
    return visitor.get("/change-password")


NEW_PASSWORD = {"password": "Cre@tew&rd01", "confirm_password": "Cre@tew&rd01"}
FORMS = {
    "/login": Form(lambda _, visitor: login_page(visitor), {"username": "918JSMITH01", "password": PASSWORD}),
    "/forgotten": Form(_plain("/forgotten"), JANE),
    "/forgotten/confirmation": Form(_confirmation("/forgotten"), {}),
    "/request": Form(_plain("/request"), JANE),
    "/request/confirmation": Form(_confirmation("/request"), {}),
    "/unlock": Form(_plain("/unlock"), JANE),
    "/unlock/confirmation": Form(_confirmation("/unlock"), {}),
    "/unlock-account": Form(_link(Purpose.UNLOCK), {}),
    "/update-password": Form(_link(Purpose.RESET), {"username": "918JSMITH01", **NEW_PASSWORD}),
    "/change-password": Form(_change_password, {"current_password": PASSWORD, **NEW_PASSWORD}),
    "/select-account": Form(_select_account, {"choice": "continue"}),
    "/consent": Form(_consent, {"decision": "allow"}),
    "/logout": Form(_logout, {"decision": "sign_out"}),
}
# A relying party may post its request; it becomes a GET and changes nothing by itself.
NOT_OURS = {"/authorize"}
# One page with many forms: `test_account` tries each of them.
OF_THE_ACCOUNT = {path for _, path, _ in PAGES if path.startswith("/account/")}
# They answer scripts, not people, and steps of a second factor need one: `test_passkey`, `test_mfa` and
# `test_mfa_enrol` send them from elsewhere.
OF_FACTORS = {
    path for method, path, _ in PAGES if method == "POST" and path.startswith(("/passkey/", "/mfa"))
}

ELSEWHERE = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour on the same domain": {"Sec-Fetch-Site": "same-site"},
    "another site that names our origin": {"Sec-Fetch-Site": "cross-site", "Origin": ISSUER},
    "an old browser, another origin": {"Origin": "https://evil.example"},
    "an old browser, our host without TLS": {"Origin": "http://id.example.nhs.uk"},
    "an old browser, a name that begins like ours": {"Origin": f"{ISSUER}.evil.example"},
}


def test_every_page_that_takes_a_form_is_tried_here() -> None:
    tried = FORMS.keys() | NOT_OURS | OF_THE_ACCOUNT | OF_FACTORS
    assert {path for method, path, _ in PAGES if method == "POST"} == tried


@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_another_site_sends_is_refused_even_with_the_right_token(site: Site, path: str) -> None:
    visitor = site.browser()
    action, hidden = form_of(FORMS[path].open(site, visitor))
    for sender, headers in ELSEWHERE.items():
        answer = visitor.post(action, {**hidden, **FORMS[path].fields}, headers=headers)
        assert (answer.status_code, heading(answer)) == (403, "We could not accept this form"), sender
        assert not answer.headers.getlist("Set-Cookie")
    assert visitor.post(action, {**hidden, **FORMS[path].fields}).status_code == 303, "nothing had changed"


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": ISSUER},
        {"Sec-Fetch-Site": "none"},
        {"Origin": ISSUER},
        # What a browser without Fetch Metadata says from a page whose referrer policy is no-referrer.
        {"Origin": "null"},
    ],
    ids=["same origin", "no site", "an old browser", "an old browser, no referrer"],
)
def test_our_own_form_is_accepted(site: Site, path: str, headers: Mapping[str, str]) -> None:
    visitor = site.browser()
    action, hidden = form_of(FORMS[path].open(site, visitor))
    assert visitor.post(action, {**hidden, **FORMS[path].fields}, headers=dict(headers)).status_code == 303


@pytest.mark.parametrize("path", ["/consent", "/select-account"])
def test_a_page_that_one_person_left_open_does_not_speak_for_the_next(site: Site, path: str) -> None:
    somebody_else = site.add_account("918JDOE01")
    visitor = site.browser()
    left_open = FORMS[path].open(site, visitor)
    sign_in(visitor, "918JDOE01")
    answer = visitor.submit(left_open, **FORMS[path].fields)
    assert (answer.status_code, heading(answer)) == (403, "We could not accept this form")
    with site.provider.database.read() as connection:
        assert not consent.find(connection, somebody_else.id, "payslips")
    action, _ = form_of(left_open)
    assert "918JDOE01" in visitor.get(action).text, "reloaded, the page asks the person who is there"


def test_a_posted_authorization_request_is_one(site: Site) -> None:
    visitor = site.browser()
    sign_in(visitor)
    posted = visitor.post(
        "/authorize",
        {
            "client_id": "payslips",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
        },
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://payslips.example.nhs.uk"},
    )
    assert "code" in received(visitor.follow(posted))


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_own_token_is_refused(site: Site, path: str) -> None:
    visitor, other = site.browser(), site.browser()
    action, hidden = form_of(FORMS[path].open(site, visitor))
    _, of_another_browser = form_of(FORMS[path].open(site, other))
    token = hidden.pop("csrf_token")
    for wrong in (None, "", "0" * 64, "ŵ" * 64, "x" * 5000, token[:-1], of_another_browser["csrf_token"]):
        changed = {} if wrong is None else {"csrf_token": wrong}
        answer = visitor.post(action, {**hidden, **changed, **FORMS[path].fields})
        assert (answer.status_code, heading(answer)) == (403, "We could not accept this form"), wrong
