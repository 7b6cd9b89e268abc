"""Signing in, refreshing and signing out, and every answer that must be refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from relying_party.app import create_app
from relying_party.settings import Settings
from self_service import APPLICATION
from werkzeug.test import TestResponse

from tests.examples.fake_provider import STRANGER as STRANGERS_KEY
from tests.examples.fake_provider import SUB, FakeProvider

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def begin(browser: FlaskClient, path: str = "/sign-in") -> str:
    response = browser.get(path)
    assert response.status_code == 302
    return str(response.location)


def sign_in(browser: FlaskClient, provider: FakeProvider, path: str = "/sign-in") -> TestResponse:
    return browser.get(provider.authorize(begin(browser, path)))


def post(browser: FlaskClient, path: str) -> TestResponse:
    page = browser.get("/tokens").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return browser.post(path, data={"csrf_token": found[1]})


def is_signed_in(browser: FlaskClient) -> bool:
    return "Your payslip" in browser.get("/").text


def test_home_offers_to_sign_in_and_sets_no_cookie(browser: FlaskClient) -> None:
    response = browser.get("/")
    assert 'href="/sign-in"' in response.text
    assert "Set-Cookie" not in response.headers


def test_the_request_has_state_nonce_and_a_pkce_challenge(
    browser: FlaskClient, provider: FakeProvider
) -> None:
    asked = dict(parse_qsl(urlsplit(begin(browser)).query))
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == "http://localhost/callback"
    assert asked["scope"] == "openid profile esr"
    assert asked["client_id"] == provider.client_id
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20


def test_a_person_signs_in_and_sees_the_payslip(browser: FlaskClient, provider: FakeProvider) -> None:
    response = sign_in(browser, provider)
    assert response.location == "/"
    page = browser.get("/").text
    assert "Siân O&#39;Connor" in page
    assert "918SOCONNOR01" in page
    assert "NHS Blood and Transplant" in page
    assert "£2,127.91" in page


def test_the_cookie_is_its_own_and_holds_no_token(browser: FlaskClient, provider: FakeProvider) -> None:
    response = sign_in(browser, provider)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("esr_self_service=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "eyJ" not in cookie
    assert len(cookie) < 150


def test_a_session_gets_a_new_name_at_sign_in(browser: FlaskClient, provider: FakeProvider) -> None:
    url = begin(browser)
    before = browser.get_cookie("esr_self_service")
    browser.get(provider.authorize(url))
    after = browser.get_cookie("esr_self_service")
    assert before
    assert after
    assert before.value != after.value
    browser.set_cookie("esr_self_service", before.value)
    assert not is_signed_in(browser)


def test_two_tabs_may_sign_in_at_once(browser: FlaskClient, provider: FakeProvider) -> None:
    first, second = begin(browser), begin(browser)
    assert browser.get(provider.authorize(first)).status_code == 303
    assert browser.get(provider.authorize(second)).status_code == 303
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/sign-in?prompt=none", "prompt", "none"),
        ("/sign-in?max_age=60", "max_age", "60"),
        ("/sign-in?ui_locales=cy", "ui_locales", "cy"),
        ("/start?iss={issuer}&login_hint=918SOCONNOR01", "login_hint", "918SOCONNOR01"),
        ("/sign-in?max_age=soon", "max_age", None),
        (
            "/sign-in?assurance=smartcard",
            "claims",
            '{"id_token": {"acr": {"essential": true, "values": ["AAL3_SMARTCARD"]}}}',
        ),
        ("/sign-in?assurance=none", "claims", None),
        ("/sign-in?redirect_uri=https://evil.example", "redirect_uri", "http://localhost/callback"),
    ],
)
def test_a_link_chooses_how_to_ask(
    browser: FlaskClient, provider: FakeProvider, path: str, name: str, value: str | None
) -> None:
    asked = dict(parse_qsl(urlsplit(begin(browser, path.format(issuer=provider.issuer))).query))
    assert asked.get(name) == value


@pytest.mark.parametrize(
    ("return_to", "expected"),
    [("/tokens", "/tokens"), ("https://evil.example/", "/"), ("//evil.example", "/"), ("/sign-in", "/")],
)
def test_after_sign_in_only_our_own_pages_follow(
    browser: FlaskClient, provider: FakeProvider, return_to: str, expected: str
) -> None:
    assert sign_in(browser, provider, f"/sign-in?return_to={return_to}").location == expected


def test_another_site_may_begin_a_sign_in_with_a_post(browser: FlaskClient, provider: FakeProvider) -> None:
    response = browser.post(
        "/start", data={"iss": provider.issuer, "target_link_uri": "http://localhost/tokens"}
    )
    assert response.status_code == 303
    assert sign_in(browser, provider, response.location).location == "/tokens"


def test_another_site_may_not_choose_the_provider(browser: FlaskClient) -> None:
    response = browser.get("/start?iss=https://evil.example")
    assert response.status_code == 400
    assert "iss_mismatch" in response.text


def replacing(**changes: object) -> Change:
    return lambda document: document.update(changes)


def without(name: str) -> Change:
    def drop(document: dict[str, Any]) -> None:
        del document[name]

    return drop


REFUSED = [
    pytest.param(
        "redirect", replacing(iss="https://evil.example"), "iss_mismatch", id="iss of another provider"
    ),
    pytest.param("redirect", without("iss"), "iss_mismatch", id="iss promised but not sent"),
    pytest.param("redirect", replacing(state="made-up"), "state_mismatch", id="forged state"),
    pytest.param("redirect", without("state"), "state_mismatch", id="no state"),
    pytest.param("redirect", without("code"), "invalid_response", id="neither code nor error"),
    pytest.param("id_token", replacing(nonce="another"), "nonce_mismatch", id="nonce of another sign-in"),
    pytest.param("id_token", without("nonce"), "missing_claim", id="no nonce"),
    pytest.param("id_token", replacing(aud="learning"), "invalid_claim", id="ID Token of another client"),
    pytest.param(
        "id_token", replacing(iss="https://evil.example"), "invalid_claim", id="ID Token of another issuer"
    ),
    pytest.param("id_token", replacing(exp=1_000_000_000), "expired_token", id="expired ID Token"),
    pytest.param(
        "id_token", replacing(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "invalid_claim", id="foreign at_hash"
    ),
    pytest.param("token_response", without("id_token"), "no_id_token", id="no ID Token"),
    pytest.param("token_response", replacing(id_token="no.token"), "decode_error", id="ID Token is none"),
    pytest.param(
        "token_response",
        replacing(id_token="eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."),
        "unsupported_algorithm",
        id="alg none",
    ),
    pytest.param("userinfo", replacing(sub="someone else"), "sub_mismatch", id="UserInfo of another person"),
    pytest.param(
        "discovery", replacing(issuer="https://evil.example"), "iss_mismatch", id="foreign discovery"
    ),
]


@pytest.mark.parametrize(("where", "change", "error"), REFUSED)
def test_an_answer_that_does_not_fit_is_refused(
    browser: FlaskClient, provider: FakeProvider, where: str, change: Change, error: str
) -> None:
    setattr(provider, f"change_{where}", change)
    response = browser.get("/sign-in")
    if response.status_code == 302:
        response = browser.get(provider.authorize(str(response.location)))
    assert response.status_code == 400
    assert f">{error}<" in response.text
    assert "What to do" in response.text
    assert not is_signed_in(browser)


def test_a_signature_by_an_unknown_key_is_refused(browser: FlaskClient, provider: FakeProvider) -> None:
    provider.signing_key = STRANGERS_KEY
    response = sign_in(browser, provider)
    assert response.status_code == 400
    assert ">bad_signature<" in response.text
    assert not is_signed_in(browser)


def test_an_answer_works_in_the_browser_that_asked_only(app: Flask, provider: FakeProvider) -> None:
    answer = provider.authorize(begin(app.test_client()))
    assert ">state_mismatch<" in app.test_client().get(answer).text


def test_an_answer_works_once(browser: FlaskClient, provider: FakeProvider) -> None:
    answer = provider.authorize(begin(browser))
    browser.get(answer)
    assert ">state_mismatch<" in browser.get(answer).text
    assert is_signed_in(browser)


def test_a_repeated_parameter_is_refused(browser: FlaskClient, provider: FakeProvider) -> None:
    answer = provider.authorize(begin(browser))
    assert ">invalid_response<" in browser.get(f"{answer}&code=another").text


def test_the_providers_error_is_shown_plainly(browser: FlaskClient, provider: FakeProvider) -> None:
    def refuse(answer: dict[str, Any]) -> None:
        del answer["code"]
        answer.update(error="access_denied", error_description="<b>consent refused</b>")

    provider.change_redirect = refuse
    response = sign_in(browser, provider)
    assert response.status_code == 400
    assert "<h1>You did not sign in</h1>" in response.text
    assert ">access_denied<" in response.text
    assert "&lt;b&gt;consent refused" in response.text


def test_a_forged_error_does_not_sign_anyone_out(browser: FlaskClient, provider: FakeProvider) -> None:
    sign_in(browser, provider)
    browser.get(f"/callback?error=login_required&state=made-up&iss={provider.issuer}")
    assert is_signed_in(browser)


def test_a_quiet_check_that_finds_no_session_ends_ours(browser: FlaskClient, provider: FakeProvider) -> None:
    sign_in(browser, provider)

    def refuse(answer: dict[str, Any]) -> None:
        del answer["code"]
        answer["error"] = "login_required"

    provider.change_redirect = refuse
    response = sign_in(browser, provider, "/sign-in?prompt=none")
    assert "<h1>You are not signed in</h1>" in response.text
    assert not is_signed_in(browser)


@pytest.mark.parametrize(("age", "status"), [(10, 303), (3600, 400)])
def test_max_age_is_checked_on_the_way_back(
    browser: FlaskClient, provider: FakeProvider, age: int, status: int
) -> None:
    provider.auth_time = int(time.time()) - age
    assert sign_in(browser, provider, "/sign-in?max_age=60").status_code == status


@pytest.mark.parametrize(
    ("acr", "status"), [("AAL2_TOTP", 303), ("AAL3_SMARTCARD", 303), ("AAL1_USERPASS", 400), (None, 400)]
)
def test_a_demanded_assurance_is_checked_on_the_way_back(
    browser: FlaskClient, provider: FakeProvider, acr: str | None, status: int
) -> None:
    def claim(claims: dict[str, Any]) -> None:
        claims.pop("acr")
        claims.update({} if acr is None else {"acr": acr})

    provider.change_id_token = claim
    response = sign_in(browser, provider, "/sign-in?assurance=two-factor")
    assert response.status_code == status
    assert is_signed_in(browser) == (status == 303)


def test_a_demanded_assurance_that_cannot_be_had_is_explained(
    browser: FlaskClient, provider: FakeProvider
) -> None:
    def refuse(answer: dict[str, Any]) -> None:
        del answer["code"]
        answer["error"] = "unmet_authentication_requirements"

    provider.change_redirect = refuse
    response = sign_in(browser, provider, "/sign-in?assurance=smartcard")
    assert "<h1>This needs a stronger sign-in</h1>" in response.text


def test_a_provider_that_is_down_is_not_the_persons_fault(settings: Settings, provider: FakeProvider) -> None:
    provider.token_status = 503
    browser = create_app(APPLICATION, settings).test_client()
    response = sign_in(browser, provider)
    assert response.status_code == 502
    assert "does not answer" in response.text


def test_refresh_swaps_the_refresh_token(browser: FlaskClient, provider: FakeProvider) -> None:
    sign_in(browser, provider)
    first = provider.refresh_token
    response = post(browser, "/refresh")
    assert response.status_code == 303
    sent = provider.requests[-1][1]
    assert sent["grant_type"] == "refresh_token"
    assert sent["refresh_token"] == first
    page = browser.get("/tokens").text
    assert "was swapped for" in page
    assert "The new access token is good until" in page
    assert first not in page
    assert provider.refresh_token not in page
    assert "was swapped for" not in browser.get("/tokens").text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (replacing(sub="someone else"), "sub_mismatch"),
        (replacing(nonce="another"), "nonce_mismatch"),
        (replacing(auth_time=1), "sub_mismatch"),
        (replacing(aud="learning"), "invalid_claim"),
    ],
)
def test_a_refreshed_id_token_is_about_the_same_sign_in(
    browser: FlaskClient, provider: FakeProvider, change: Change, error: str
) -> None:
    sign_in(browser, provider)
    provider.change_id_token = change
    assert f">{error}<" in post(browser, "/refresh").text


def test_a_refused_refresh_ends_our_session(browser: FlaskClient, provider: FakeProvider) -> None:
    sign_in(browser, provider)
    provider.revoke_everything()
    response = post(browser, "/refresh")
    assert response.status_code == 400
    assert "<h1>Your sign-in has ended</h1>" in response.text
    assert not is_signed_in(browser)


def test_userinfo_is_asked_again(browser: FlaskClient, provider: FakeProvider) -> None:
    sign_in(browser, provider)
    provider.change_userinfo = replacing(name="Siân Price")
    assert post(browser, "/userinfo").status_code == 303
    assert "Siân Price" in browser.get("/").text


def test_an_expired_access_token_is_renewed_first(browser: FlaskClient, provider: FakeProvider) -> None:
    provider.change_token_response = replacing(expires_in=5)
    sign_in(browser, provider)
    post(browser, "/userinfo")
    assert [form["grant_type"] for path, form in provider.requests if path == "/token"] == [
        "authorization_code",
        "refresh_token",
    ]


def test_sign_out_ends_ours_and_asks_the_provider_to_end_its_own(
    browser: FlaskClient, provider: FakeProvider
) -> None:
    sign_in(browser, provider)
    response = post(browser, "/sign-out")
    assert response.status_code == 303
    asked = parse_qs(urlsplit(str(response.location)).query)
    assert asked["post_logout_redirect_uri"] == ["http://localhost/signed-out"]
    assert asked["client_id"] == [provider.client_id]
    assert asked["id_token_hint"][0].startswith("eyJ")
    assert not is_signed_in(browser)
    page = browser.get(f"/signed-out?state={asked['state'][0]}").text
    assert "your session at the identity provider have ended" in page
    assert "your session at the identity provider" not in browser.get("/signed-out?state=made-up").text


def test_signed_out_does_not_lie_to_who_is_signed_in(browser: FlaskClient, provider: FakeProvider) -> None:
    sign_in(browser, provider)
    assert "You are still signed in" in browser.get("/signed-out").text


@pytest.mark.parametrize("path", ["/refresh", "/userinfo", "/sign-out"])
def test_a_forged_post_changes_nothing(browser: FlaskClient, provider: FakeProvider, path: str) -> None:
    sign_in(browser, provider)
    seen = len(provider.requests)
    assert browser.post(path, data={"csrf_token": "forged"}).status_code == 400
    assert browser.get(path).status_code == 405
    assert len(provider.requests) == seen
    assert is_signed_in(browser)
    assert SUB in browser.get("/tokens").text
