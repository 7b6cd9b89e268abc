"""Sign-out at the wish of a relying party (OpenID Connect RP-Initiated Logout)."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.db import client
from idp.policy.lifetime import Lifetimes
from idp.protocol import jwt, keyring
from tests.site import ISSUER, SIGNED_OUT, Site, Visitor

NO_SIGN_OUT = "We could not sign you out for this application"


@pytest.fixture
def visitor(site: Site) -> Visitor:
    return site.browser()


@pytest.fixture
def tokens(site: Site, visitor: Visitor) -> dict[str, Any]:
    """The visitor is signed in."""
    return site.tokens(visitor=visitor)


def logout(visitor: Visitor, **asked: str) -> TestResponse:
    return visitor.get(f"/logout?{urlencode(asked)}")


def is_signed_in(visitor: Visitor) -> bool:
    return "code=" in visitor.authorize(prompt="none").location


def assert_refused(response: TestResponse, sentence: str) -> None:
    assert (response.status_code, response.headers.get("Location")) == (400, None)
    assert NO_SIGN_OUT in response.text
    assert sentence in response.text


def test_a_hint_of_this_session_ends_it_at_once(site: Site, visitor: Visitor, tokens: dict[str, Any]) -> None:
    response = logout(
        visitor,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=SIGNED_OUT,
        state="a state & more",
        client_id="payslips",
    )
    assert (response.status_code, response.location) == (303, f"{SIGNED_OUT}?state=a+state+%26+more")
    assert "__Host-sid=;" in response.headers["Set-Cookie"]
    assert not is_signed_in(visitor)
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.refresh(tokens["refresh_token"]).status_code == 400


def test_without_a_state_the_address_stays_as_it_is(visitor: Visitor, tokens: dict[str, Any]) -> None:
    response = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT)
    assert response.location == SIGNED_OUT


def test_an_expired_hint_is_a_hint(site: Site, visitor: Visitor, tokens: dict[str, Any]) -> None:
    """RP-Initiated Logout §2: the OP should accept ID Tokens that have expired."""
    site.clock.advance(timedelta(minutes=20))
    response = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT)
    assert response.location == SIGNED_OUT
    assert not is_signed_in(visitor)


def test_without_an_address_the_page_of_ours_says_that_it_is_done(
    visitor: Visitor, tokens: dict[str, Any]
) -> None:
    response = logout(visitor, id_token_hint=tokens["id_token"])
    assert response.location == f"{ISSUER}/signed-out"
    page = visitor.follow(response)
    assert page.status_code == 200
    assert page.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_without_a_hint_the_person_is_asked(site: Site, visitor: Visitor, tokens: dict[str, Any]) -> None:
    response = logout(
        visitor, client_id="payslips", post_logout_redirect_uri=SIGNED_OUT, state="a-state", ui_locales="cy"
    )
    assert (response.status_code, response.headers["Content-Language"]) == (200, "cy")
    assert "Payslips" in response.text
    assert is_signed_in(visitor)
    done = visitor.submit(response, decision="sign_out")
    assert (done.status_code, done.location) == (303, f"{SIGNED_OUT}?state=a-state")
    assert not is_signed_in(visitor)
    assert site.userinfo(tokens["access_token"]).status_code == 401


@pytest.mark.usefixtures("tokens")
def test_who_says_no_stays_signed_in(visitor: Visitor) -> None:
    response = visitor.submit(logout(visitor), decision="stay")
    assert response.location == f"{ISSUER}/"
    assert is_signed_in(visitor)


@pytest.mark.usefixtures("tokens")
def test_a_hint_of_another_session_asks(site: Site, visitor: Visitor) -> None:
    """Someone else's ID Token, or this person's of another browser, must not sign this browser out."""
    site.add_account("918AJONES01")
    others = [
        site.tokens()["id_token"],
        site.redeem(site.browser().sign_in_to(username="918AJONES01")["code"]).get_json()["id_token"],
    ]
    for hint in others:
        response = logout(visitor, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)
        assert response.status_code == 200
        assert is_signed_in(visitor)


def test_who_is_signed_out_already_returns_at_once(visitor: Visitor, tokens: dict[str, Any]) -> None:
    for _ in range(2):
        response = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT)
        assert response.location == SIGNED_OUT


@pytest.mark.parametrize(
    "address",
    [
        SIGNED_OUT + "/",
        SIGNED_OUT + "?x=1",
        SIGNED_OUT.replace("https", "http"),
        "https://evil.example/",
        "javascript:alert(1)",
        "https://payslips.example.nhs.uk/callback",
        "a" * 3000,
    ],
)
def test_an_address_that_is_not_registered_is_never_gone_to(
    visitor: Visitor, tokens: dict[str, Any], address: str
) -> None:
    response = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=address)
    assert_refused(response, "an address that is not registered for it")
    assert_refused(logout(visitor, post_logout_redirect_uri=address), "an address that is not registered")
    assert is_signed_in(visitor)


def test_an_address_needs_a_client(visitor: Visitor, tokens: dict[str, Any]) -> None:
    """RP-Initiated Logout §3: without a hint or a client_id nobody vouches for the address."""
    assert tokens
    assert_refused(logout(visitor, post_logout_redirect_uri=SIGNED_OUT), "an address that is not registered")


def test_a_hint_of_another_client_is_refused(site: Site, visitor: Visitor, tokens: dict[str, Any]) -> None:
    site.add_client("learning")
    response = logout(visitor, id_token_hint=tokens["id_token"], client_id="learning")
    assert_refused(response, "It did not prove that it is the application you logged in to")
    assert is_signed_in(visitor)


def test_what_is_no_hint_asks_and_vouches_for_no_address(visitor: Visitor, tokens: dict[str, Any]) -> None:
    for hint in ("x", "a.b.c", tokens["access_token"], tokens["id_token"] + "x", tokens["refresh_token"]):
        asked = logout(visitor, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state="a-state")
        assert asked.status_code == 200
        assert SIGNED_OUT not in asked.text + asked.headers["Content-Security-Policy"]
        assert is_signed_in(visitor)
    done = visitor.submit(asked, decision="sign_out")
    assert (done.status_code, done.location) == (303, f"{ISSUER}/signed-out")
    assert not is_signed_in(visitor)


def test_beside_what_is_no_hint_a_client_id_vouches_for_the_address(
    visitor: Visitor, tokens: dict[str, Any]
) -> None:
    hint = tokens["id_token"] + "x"
    asked = logout(
        visitor,
        id_token_hint=hint,
        client_id="payslips",
        post_logout_redirect_uri=SIGNED_OUT,
        state="a-state",
    )
    assert asked.status_code == 200
    done = visitor.submit(asked, decision="sign_out")
    assert (done.status_code, done.location) == (303, f"{SIGNED_OUT}?state=a-state")
    for address in (SIGNED_OUT + "/", "https://evil.example/"):
        response = logout(visitor, id_token_hint=hint, client_id="payslips", post_logout_redirect_uri=address)
        assert_refused(response, "an address that is not registered for it")


def test_a_hint_whose_key_is_gone_lets_the_person_sign_out(
    site: Site, visitor: Visitor, tokens: dict[str, Any]
) -> None:
    provider, now = site.provider, site.clock.now()
    header = jwt.header_of(tokens["id_token"])
    assert header is not None
    keyring.rotate(provider.database, provider.masters, "RS256", Lifetimes(), now, at_once=True)
    assert keyring.retire(provider.database, provider.masters, header["kid"], now)
    site.clock.advance(timedelta(seconds=5))
    asked = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT)
    assert visitor.submit(asked, decision="sign_out").location == f"{ISSUER}/signed-out"
    assert not is_signed_in(visitor)


@pytest.mark.usefixtures("tokens")
def test_an_unknown_client_is_told_so(visitor: Visitor) -> None:
    response = logout(visitor, client_id="nobody")
    assert response.status_code == 400
    assert "is not registered with us" in response.text
    assert is_signed_in(visitor)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("client_id=payslips&client_id=payslips", "says one thing twice"),
        (f"post_logout_redirect_uri={SIGNED_OUT}&post_logout_redirect_uri=https://evil.example", "twice"),
        ("client_id=payslips&state=" + "s" * 2049, "is too long"),
        ("id_token_hint=" + "h" * 8193, "is too long"),
    ],
)
def test_a_request_that_is_not_sound_changes_nothing(shared_site: Site, query: str, sentence: str) -> None:
    assert_refused(shared_site.browser().get(f"/logout?{query}"), sentence)


def test_a_request_may_be_posted(visitor: Visitor, tokens: dict[str, Any]) -> None:
    """RP-Initiated Logout §2: GET and POST."""
    form = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": SIGNED_OUT, "state": "s"}
    response = visitor.post("/logout", form)
    assert (response.status_code, response.location) == (303, f"{ISSUER}/logout?{urlencode(form)}")
    assert visitor.get(response.location.removeprefix(ISSUER)).location == f"{SIGNED_OUT}?state=s"
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("form", [{"path": "x", "self": "y"}, {"": ""}, {}])
def test_a_posted_form_may_hold_anything(shared_site: Site, form: dict[str, str]) -> None:
    assert shared_site.browser().post("/logout", form).status_code == 303


def test_nobody_else_answers_our_question(visitor: Visitor, tokens: dict[str, Any]) -> None:
    assert tokens
    for fields in ({"csrf_token": "x"}, {}):
        response = visitor.post("/logout", {"decision": "sign_out", **fields})
        assert response.status_code == 403
    page = logout(visitor)
    response = visitor.browser.post(
        "/logout",
        base_url=ISSUER,
        data={"decision": "sign_out", "csrf_token": page.text.partition('csrf_token" value="')[2][:64]},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert response.status_code == 403
    assert is_signed_in(visitor)


def test_what_may_outlive_the_session_does(site: Site, visitor: Visitor, tokens: dict[str, Any]) -> None:
    site.add_client("sync", scope="openid offline_access")
    offline = site.tokens("sync", visitor, scope="openid offline_access")
    logout(visitor, id_token_hint=tokens["id_token"])
    assert site.refresh(tokens["refresh_token"]).status_code == 400
    assert site.refresh(offline["refresh_token"], "sync").status_code == 200


def test_sign_out_ends_the_tokens_of_every_client_in_the_session_and_no_other(
    site: Site, visitor: Visitor, tokens: dict[str, Any]
) -> None:
    site.add_client("learning")
    second = site.tokens("learning", visitor)
    elsewhere = site.tokens()
    logout(visitor, id_token_hint=tokens["id_token"])
    assert site.userinfo(second["access_token"]).status_code == 401
    assert site.userinfo(elsewhere["access_token"]).status_code == 200


def test_after_a_new_sign_in_an_old_hint_still_means_this_session(
    site: Site, visitor: Visitor, tokens: dict[str, Any]
) -> None:
    """The same person signing in again keeps the session, under a new secret."""
    site.tokens(visitor=visitor, prompt="login")
    response = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT)
    assert response.location == SIGNED_OUT
    assert not is_signed_in(visitor)


def test_a_disabled_client_sends_nobody_anywhere(
    site: Site, visitor: Visitor, tokens: dict[str, Any]
) -> None:
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    site.clock.advance(timedelta(seconds=5))
    response = logout(visitor, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT)
    assert_refused(response, "an address that is not registered")
