"""Signing out: at once for a relying party that proves whom it means, otherwise after a question."""

import re
from datetime import timedelta

import pytest

from tests.site import ISSUER, SIGNED_OUT, Site, Visitor, body, received
from tests.web.forms import cookies_set, form_of, heading, login_page


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Someone who has signed in."""
    browser = site.browser()
    browser.log_in(login_page(browser))
    return browser


def is_signed_in(visitor: Visitor) -> bool:
    return "code" in received(visitor.authorize(prompt="none"))


def test_a_relying_party_with_this_session_s_id_token_signs_out_at_once(site: Site, visitor: Visitor) -> None:
    tokens = site.tokens(visitor=visitor)
    asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": SIGNED_OUT, "state": "xyz"}
    answer = visitor.get("/logout", query_string=asked)
    assert answer.location == f"{SIGNED_OUT}?state=xyz"
    assert cookies_set(answer)["__Host-sid"]["value"] == ""
    assert not is_signed_in(visitor)
    assert body(site.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"


def test_the_id_token_of_another_session_only_asks(site: Site, visitor: Visitor) -> None:
    other = site.tokens()
    page = visitor.get("/logout", query_string={"id_token_hint": other["id_token"]})
    assert heading(page) == "Do you want to sign out?"
    assert "Payslips asked us to sign you out." in page.text
    assert is_signed_in(visitor)


def test_the_question_may_be_answered_yes(visitor: Visitor) -> None:
    asked = {"client_id": "payslips", "post_logout_redirect_uri": SIGNED_OUT, "state": "x&y"}
    page = visitor.get("/logout", query_string=asked)
    # Chromium applies form-action to the redirect that answers the form.
    assert "form-action 'self' https://payslips.example.nhs.uk;" in page.headers["Content-Security-Policy"]
    action, hidden = form_of(page)
    answer = visitor.post(action, {**hidden, "decision": "sign_out"})
    assert answer.location == f"{SIGNED_OUT}?state=x%26y"
    assert not is_signed_in(visitor)


def test_or_no(visitor: Visitor) -> None:
    answer = visitor.submit(visitor.get("/logout"), decision="stay")
    assert answer.location == f"{ISSUER}/"
    assert is_signed_in(visitor)


def test_signing_out_without_a_relying_party_ends_at_a_page_of_ours(visitor: Visitor) -> None:
    answer = visitor.submit(visitor.get("/logout"), decision="sign_out")
    assert answer.location == f"{ISSUER}/signed-out"
    page = visitor.follow(answer)
    assert heading(page) == "You are signed out"
    assert page.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_a_known_device_stays_known(visitor: Visitor) -> None:
    visitor.submit(visitor.get("/logout"), decision="sign_out")
    assert visitor.browser.get_cookie("__Host-dev", domain="id.example.nhs.uk") is not None


def test_who_is_not_signed_in_is_not_asked(site: Site) -> None:
    stranger = site.browser()
    assert stranger.get("/logout").location == f"{ISSUER}/signed-out"
    page = stranger.follow(stranger.get("/logout?ui_locales=cy"))
    assert "Rydych wedi allgofnodi" in page.text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"client_id": "payslips", "post_logout_redirect_uri": "https://evil.example/"},
            "It asks us to return you to an address that is not registered for it.",
        ),
        (
            {"post_logout_redirect_uri": SIGNED_OUT},
            "It asks us to return you to an address that is not registered for it.",
        ),
        ({"client_id": "payslips", "state": "x" * 2049}, "Its request is too long."),
        ({"client_id": "nobody"}, "The application that sent you here is not registered with us."),
        ({"client_id": ["payslips", "payslips"]}, "Its request says one thing twice."),
    ],
)
def test_a_request_that_is_not_sound_signs_nobody_out(
    visitor: Visitor, asked: dict[str, str], says: str
) -> None:
    page = visitor.get("/logout", query_string=asked)
    assert page.status_code == 400
    assert says in page.text
    assert "Location" not in page.headers
    assert is_signed_in(visitor)


def test_a_posted_request_of_a_relying_party_asks_like_any_other(visitor: Visitor) -> None:
    posted = visitor.post(
        "/logout", {"client_id": "payslips", "state": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    page = visitor.follow(posted)
    assert heading(page) == "Do you want to sign out?"
    assert form_of(page)[1]["state"] == "x"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("path=x", ""), ("state=x&endpoint=y", "?state=x"), ("state=a&state=b", "?state=a&state=b")],
)
def test_a_posted_request_becomes_a_get_of_the_fields_we_know(visitor: Visitor, sent: str, kept: str) -> None:
    posted = visitor.browser.post(
        "/logout",
        base_url=ISSUER,
        data=sent,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert posted.status_code == 303
    assert posted.location == f"{ISSUER}/logout{kept}"


def test_the_question_keeps_the_request_through_the_language_toggle(visitor: Visitor) -> None:
    asked = {"client_id": "payslips", "post_logout_redirect_uri": SIGNED_OUT, "state": "x"}
    page = visitor.get("/logout", query_string=asked)
    found = re.search(r'<a href="([^"]+)" lang="cy"', page.text)
    assert found
    welsh = visitor.get(found[1].replace("&amp;", "&"))
    assert 'lang="cy"' in welsh.text
    assert form_of(welsh)[1]["state"] == "x"


def test_signing_out_of_a_session_that_has_run_out_still_ends_its_tokens(site: Site) -> None:
    visitor = site.browser()
    tokens = site.tokens(visitor=visitor)
    site.clock.advance(timedelta(minutes=20))
    tokens = body(site.refresh(tokens["refresh_token"]))
    site.clock.advance(timedelta(minutes=20))
    answer = visitor.get("/logout", query_string={"id_token_hint": tokens["id_token"]})
    assert answer.location == f"{ISSUER}/signed-out"
    assert body(site.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"


def test_the_next_person_ends_a_session_that_has_run_out(site: Site) -> None:
    site.add_account("918JDOE01")
    visitor = site.browser()
    tokens = site.tokens(visitor=visitor)
    site.clock.advance(timedelta(minutes=20))
    tokens = body(site.refresh(tokens["refresh_token"]))
    site.clock.advance(timedelta(minutes=20))
    assert "code" in visitor.sign_in_to(username="918JDOE01")
    assert body(site.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"


def test_pairwise_clients_see_sessions_of_their_own_and_sign_out_of_them(site: Site) -> None:
    visitor = site.browser()
    sids = {}
    for name in ("one", "two"):
        uri = f"https://{name}.example.nhs.uk/callback"
        site.add_client(name, redirect_uris=[uri], subject_type="pairwise")
        code = visitor.sign_in_to(name, redirect_uri=uri)["code"]
        hint = body(site.redeem(code, name, redirect_uri=uri))["id_token"]
        sids[name] = site.claims(hint)["sid"]
    assert sids["one"] != sids["two"]
    assert visitor.get("/logout", query_string={"id_token_hint": hint}).location == f"{ISSUER}/signed-out"
    assert received(visitor.authorize(prompt="none"))["error"] == "login_required"


def test_the_page_that_says_signed_out_is_not_for_who_is_signed_in(site: Site) -> None:
    visitor = site.browser()
    visitor.sign_in_to()
    assert visitor.get("/signed-out").location == f"{ISSUER}/logout"
    page = visitor.follow(visitor.submit(visitor.get("/logout"), decision="sign_out"))
    assert heading(page) == "You are signed out"
