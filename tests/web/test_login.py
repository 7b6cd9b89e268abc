"""Signing in at the central page, over HTTP."""

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.db.account import AccountState
from tests.observed import statements
from tests.site import ISSUER, PASSWORD, Site, Visitor, body, received
from tests.web.conftest import Build
from tests.web.crowded import full
from tests.web.forms import form_of, heading, login_page, reference, summary

WRONG = "Wrong.Horse.Lamp19"


def test_a_person_signs_in_and_the_client_receives_a_code(site: Site) -> None:
    visitor = site.browser()
    page = visitor.follow(visitor.authorize())
    assert page.status_code == 200
    assert "Log in with your credentials" in page.text
    answer = received(visitor.log_in(page))
    assert answer.keys() == {"code", "state", "iss"}
    assert answer["state"] == "a-state"
    assert answer["iss"] == "https://id.example.nhs.uk"
    tokens = body(site.redeem(answer["code"]))
    assert tokens["token_type"] == "Bearer"
    claims = site.claims(tokens["id_token"])
    assert claims["aud"] == "payslips"
    assert claims["nonce"] == "a-nonce"
    assert claims["acr"] == "AAL1_USERPASS"
    assert body(site.userinfo(tokens["access_token"])) == {"sub": claims["sub"]}
    assert site.refresh(tokens["refresh_token"]).status_code == 200


def test_a_second_application_needs_no_second_login(site: Site) -> None:
    site.add_client("learning", redirect_uris=["https://learning.example.nhs.uk/callback"])
    visitor = site.browser()
    visitor.sign_in_to("payslips")
    answer = received(visitor.authorize("learning", redirect_uri="https://learning.example.nhs.uk/callback"))
    assert "code" in answer


def test_the_page_names_the_application(site: Site) -> None:
    assert "Log in to continue to Payslips." in login_page(site.browser()).text


@pytest.mark.parametrize("typed", ["918jsmith01", " 918JSmith01 ", "\uff19\uff11\uff18JSMITH01"])
def test_a_username_is_found_however_it_is_typed(site: Site, typed: str) -> None:
    visitor = site.browser()
    assert "code" in received(visitor.log_in(login_page(visitor), typed))


def test_a_pasted_passphrase_of_a_kilobyte_is_a_password(site: Site) -> None:
    long = "horses run past " * 64
    hashed = site.provider.sign_in.hasher.hash(long)
    site.password_hash = hashed
    site.add_account("918JDOE01")
    visitor = site.browser()
    page = login_page(visitor)
    assert "maxlength" not in page.text
    assert 'autocomplete="username webauthn"' in page.text
    assert 'autocomplete="current-password"' in page.text
    assert "code" in received(visitor.log_in(page, "918JDOE01", long))


def test_the_login_hint_fills_in_the_username_and_is_escaped(site: Site) -> None:
    assert 'value="918JSMITH01"' in login_page(site.browser(), login_hint="918JSMITH01").text
    page = login_page(site.browser(), login_hint='"><script>alert(1)</script>')
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("typed", "asked_for"),
    [
        pytest.param({}, {"Enter your username", "Enter your password"}, id="nothing"),
        pytest.param({"username": " \t ", "password": "x"}, {"Enter your username"}, id="a blank username"),
        pytest.param({"username": "918JSMITH01"}, {"Enter your password"}, id="no password"),
    ],
)
def test_what_was_left_out_is_asked_for_and_no_guess_is_counted(
    site: Site, typed: dict[str, str], asked_for: set[str]
) -> None:
    visitor = site.browser()
    before = site.provider.sign_in.hasher.verifications
    page = visitor.submit(login_page(visitor), **typed)
    assert page.status_code == 422
    assert "<title>Error: Log in with your credentials" in page.text
    assert {
        words for words in ("Enter your username", "Enter your password") if words in page.text
    } == asked_for
    assert site.provider.sign_in.hasher.verifications == before


def test_a_field_that_comes_twice_counts_as_left_out(site: Site) -> None:
    visitor = site.browser()
    action, hidden = form_of(login_page(visitor))
    sent = [*hidden.items(), ("username", "a"), ("username", "918JSMITH01"), ("password", PASSWORD)]
    page = visitor.browser.post(action, base_url=ISSUER, data=urlencode(sent), headers=FORM)
    assert page.status_code == 422
    assert "Enter your username" in page.text


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_after_a_failure_the_username_is_kept_and_the_password_is_not(site: Site) -> None:
    visitor = site.browser()
    page = visitor.submit(login_page(visitor), username="918<b>", password=WRONG)
    assert page.status_code == 422
    assert "<title>Error: Log in with your credentials" in page.text
    assert 'value="918&lt;b&gt;"' in page.text
    assert WRONG not in page.text


def test_after_a_failure_one_may_try_again_on_the_same_page(site: Site) -> None:
    visitor = site.browser()
    page = visitor.submit(login_page(visitor), username="918JSMITH01", password=WRONG)
    assert "code" in received(visitor.log_in(page))


@pytest.mark.parametrize(
    "sent", [b"username=%ED%A0%80&password=x", b"username=x&password=%00", b"password=%FF"]
)
def test_what_is_no_text_is_refused_and_no_guess_is_counted(site: Site, sent: bytes) -> None:
    visitor = site.browser()
    action, _ = form_of(login_page(visitor))
    before = site.provider.sign_in.hasher.verifications
    page = visitor.browser.post(action, base_url=ISSUER, data=sent, headers=FORM)
    assert (page.status_code, heading(page)) == (400, "We could not read this request")
    assert site.provider.sign_in.hasher.verifications == before


def nothing(_site: Site) -> None:
    pass


def an_account(**made: object) -> Callable[[Site], object]:
    return lambda site: site.add_account("918JDOE01", **made)  # type: ignore[arg-type]  # of every kind


def throttled(site: Site) -> None:
    site.add_account("918JDOE01")
    visitor = site.browser()
    page = login_page(visitor)
    for _ in range(6):
        page = visitor.submit(page, username="918JDOE01", password=WRONG)


def shape(page: TestResponse, typed: str) -> tuple[int, list[str], str]:
    """Status, header names and body without what differs by chance: nonce, reference, typed name."""
    text = re.sub(r'nonce="[^"]+"', "", page.text).replace(reference(page), "")
    return page.status_code, [name for name, _ in page.headers], text.replace(html.escape(typed), "")


@pytest.mark.parametrize(
    ("username", "password", "prepare"),
    [
        pytest.param("918NOBODY01", WRONG, nothing, id="unknown"),
        pytest.param("whoever", WRONG, nothing, id="impossible"),
        pytest.param("918JDOE01", PASSWORD, throttled, id="throttled"),
        pytest.param("918JDOE01", PASSWORD, an_account(state=AccountState.DISABLED), id="disabled"),
        pytest.param("918JDOE01", PASSWORD, an_account(state=AccountState.INACTIVE), id="inactive"),
        pytest.param("918JDOE01", PASSWORD, an_account(state=AccountState.LEAVER), id="leaver"),
        pytest.param("918JDOE01", PASSWORD, an_account(ends_on=date(2026, 11, 22)), id="left yesterday"),
        pytest.param("918JDOE01", PASSWORD, an_account(state=AccountState.PENDING), id="pending"),
        pytest.param("918JSMITH01", "x" * 1100, nothing, id="a password of 1,100 bytes"),
    ],
)
def test_whoever_may_not_sign_in_sees_what_a_wrong_password_shows_for_the_same_work(
    site: Site, username: str, password: str, prepare: Callable[[Site], object]
) -> None:
    prepare(site)
    visitor = site.browser()
    page = login_page(visitor)
    work = []
    shapes = []
    for name, guess in (("918JSMITH01", WRONG), (username, password)):
        before = site.provider.sign_in.hasher.verifications
        with statements() as seen:
            answer = visitor.submit(page, username=name, password=guess)
        work.append((site.provider.sign_in.hasher.verifications - before, seen))
        shapes.append(shape(answer, name))
    assert shapes[0] == shapes[1]
    assert work[0] == work[1]
    assert work[0][0] == 1
    assert shapes[0][0] == 422


def test_a_password_that_is_due_for_change_leads_who_knows_it_to_a_new_one(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    visitor = site.browser()
    page = login_page(visitor)
    wrong = visitor.submit(page, username="918JDOE01", password=WRONG)
    assert (wrong.status_code, heading(wrong)) == (422, "Log in with your credentials")
    right = visitor.submit(page, username="918JDOE01", password=PASSWORD)
    onwards = visitor.get(right.location.removeprefix(ISSUER))
    assert onwards.location == f"{ISSUER}/change-password?request={form_of(page)[0].partition('=')[2]}"


def test_a_full_hash_queue_says_when_to_come_back_and_counts_nothing(build: Build) -> None:
    site = build(hash_threads=1, request_threads=10)
    visitor = site.browser()
    page = login_page(visitor)
    with full(site.provider.sign_in.hasher):
        for _ in range(6):
            busy = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
            assert (busy.status_code, heading(busy)) == (503, "Very many people are logging in at the moment")
            assert int(busy.headers["Retry-After"]) >= 1
            assert not busy.headers.getlist("Set-Cookie")
    assert "code" in received(visitor.log_in(page))


def test_the_welsh_page_stays_welsh_through_a_failure(site: Site) -> None:
    visitor = site.browser()
    page = login_page(visitor, ui_locales="cy-GB en")
    assert '<html lang="cy">' in page.text
    page = visitor.submit(page, username="918JSMITH01", password=WRONG)
    assert '<html lang="cy">' in page.text
    assert page.headers["Content-Language"] == "cy"
    assert "Gwiriwch eich enw defnyddiwr" in page.text


def test_a_person_who_is_signed_in_elsewhere_logs_in_again_under_the_same_session(site: Site) -> None:
    visitor = site.browser()
    first = site.claims(site.tokens(visitor=visitor)["id_token"])
    site.clock.advance(timedelta(minutes=5))
    second = site.claims(site.tokens(visitor=visitor, prompt="login")["id_token"])
    assert second["sid"] == first["sid"]
    assert second["auth_time"] == first["auth_time"] + 300


def test_another_person_at_the_same_browser_ends_the_first_one_s_session_and_grants(site: Site) -> None:
    site.add_account("918JDOE01")
    visitor = site.browser()
    first = site.tokens(visitor=visitor)
    code = received(visitor.log_in(login_page(visitor, prompt="login"), "918JDOE01"))["code"]
    second = body(site.redeem(code))
    assert site.claims(second["id_token"])["sid"] != site.claims(first["id_token"])["sid"]
    assert body(site.refresh(first["refresh_token"]))["error"] == "invalid_grant"
    assert site.userinfo(first["access_token"]).status_code == 401
    assert site.userinfo(second["access_token"]).status_code == 200


def plain(visitor: Visitor, query: str = "") -> TestResponse:
    """The login page of someone who comes from no application."""
    return visitor.get(f"/login{query}")


class TestWithoutAnApplication:
    def test_a_person_logs_in_and_finds_the_applications(self, site: Site) -> None:
        visitor = site.browser()
        page = plain(visitor)
        assert (page.status_code, heading(page)) == (200, "Log in with your credentials")
        assert "Log in to continue to" not in page.text
        assert "form-action 'self';" in page.headers["Content-Security-Policy"]
        signed_in = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
        assert signed_in.location == "https://id.example.nhs.uk/"
        assert "You are logged in as Jane Smith (918JSMITH01)." in visitor.follow(signed_in).text

    def test_an_application_needs_no_second_login_then(self, site: Site) -> None:
        visitor = site.browser()
        visitor.log_in(plain(visitor))
        assert "code" in received(visitor.authorize())

    def test_nothing_is_stored_before_the_form_is_sent(self, site: Site) -> None:
        with statements() as seen:
            plain(site.browser())
        assert seen == []

    @pytest.mark.parametrize(
        ("query", "where"),
        [
            pytest.param("?next=change-password", "/change-password", id="a page of ours"),
            pytest.param("?next=/change-password", "/", id="a path"),
            pytest.param("?next=https://evil.example/", "/", id="an address"),
            pytest.param("?next=//evil.example", "/", id="a host"),
            pytest.param("?next=change-password&next=change-password", "/", id="two"),
            pytest.param("?next=", "/", id="none"),
        ],
    )
    def test_one_is_taken_to_a_page_of_ours_and_nowhere_else(
        self, site: Site, query: str, where: str
    ) -> None:
        visitor = site.browser()
        page = visitor.submit(plain(visitor, query), username="918JSMITH01", password=WRONG)
        assert "evil" not in form_of(page)[0]
        signed_in = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
        assert signed_in.location == f"https://id.example.nhs.uk{where}"

    def test_who_must_change_the_password_is_taken_there_first(self, site: Site) -> None:
        site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
        visitor = site.browser()
        signed_in = visitor.submit(plain(visitor), username="918JDOE01", password=PASSWORD)
        home = visitor.get(signed_in.location.removeprefix(ISSUER))
        assert (home.status_code, home.location) == (303, f"{ISSUER}/change-password")

    def test_what_was_left_out_is_asked_for(self, site: Site) -> None:
        visitor = site.browser()
        page = visitor.submit(plain(visitor), username=" ", password="")
        assert page.status_code == 422
        assert summary(page) == [("username", "Enter your username"), ("password", "Enter your password")]

    @pytest.mark.parametrize(
        ("username", "prepare"),
        [
            pytest.param("918NOBODY01", nothing, id="unknown"),
            pytest.param("918JDOE01", throttled, id="throttled"),
            pytest.param("918JDOE01", an_account(state=AccountState.DISABLED), id="disabled"),
        ],
    )
    def test_a_failure_looks_and_costs_the_same_as_every_other(
        self, site: Site, username: str, prepare: Callable[[Site], object]
    ) -> None:
        prepare(site)
        visitor = site.browser()
        page = plain(visitor)
        work, shapes = [], []
        for name in ("918JSMITH01", username):
            before = site.provider.sign_in.hasher.verifications
            with statements() as seen:
                answer = visitor.submit(page, username=name, password=WRONG)
            work.append((site.provider.sign_in.hasher.verifications - before, seen))
            shapes.append(shape(answer, name))
        assert work[0] == work[1]
        assert shapes[0] == shapes[1]
        assert (shapes[0][0], work[0][0]) == (422, 1)

    def test_guesses_count_at_whichever_of_the_pages_they_are_made(self, site: Site) -> None:
        visitor = site.browser()
        without, within = plain(visitor), login_page(visitor)
        for number in range(6):
            visitor.submit(within if number % 2 else without, username="918JSMITH01", password=WRONG)
        for page in (without, within):
            assert visitor.submit(page, username="918JSMITH01", password=PASSWORD).status_code == 422
        site.clock.advance(timedelta(seconds=30))
        assert visitor.submit(without, username="918JSMITH01", password=PASSWORD).status_code == 303

    def test_a_known_device_is_known_here_too(self, site: Site) -> None:
        owner, stranger = site.browser(), site.browser()
        owner.log_in(plain(owner))
        page = plain(stranger)
        for _ in range(7):
            stranger.submit(page, username="918JSMITH01", password=WRONG)
        assert stranger.submit(page, username="918JSMITH01", password=PASSWORD).status_code == 422
        assert owner.submit(plain(owner), username="918JSMITH01", password=PASSWORD).status_code == 303

    def test_another_person_at_the_same_browser_ends_the_first_one_s_session(self, site: Site) -> None:
        site.add_account("918JDOE01")
        visitor = site.browser()
        tokens = site.tokens(visitor=visitor)
        visitor.log_in(plain(visitor), "918JDOE01")
        assert site.userinfo(tokens["access_token"]).status_code == 401


def test_the_way_to_one_s_login_details_takes_the_request_along(site: Site) -> None:
    visitor = site.browser()
    page = login_page(visitor)
    query = f"?{form_of(page)[0].partition('?')[2]}"
    for path in ("/forgotten", "/request", "/unlock"):
        assert f'href="{path}{query}"' in page.text
        assert f'href="{path}"' in plain(visitor).text


def test_one_address_opens_so_many_login_pages_a_minute(build: Build) -> None:
    site = build(login_pages_per_minute=3)
    visitor = site.browser()
    for _ in range(3):
        assert visitor.authorize().status_code == 303
    refused = visitor.authorize()
    assert (refused.status_code, heading(refused)) == (429, "Too many tries from this network")
    assert int(refused.headers["Retry-After"]) >= 1
    site.clock.advance(timedelta(minutes=1))
    assert visitor.authorize().status_code == 303


def test_the_page_allows_the_redirects_a_client_registered(site: Site) -> None:
    uris = {
        "client_uri": "https://app.example.nhs.uk/",
        "initiate_login_uri": "https://start.example.nhs.uk/",
    }
    site.add_client("spa", **uris)
    visitor = site.browser()
    policy = visitor.follow(visitor.authorize("spa")).headers["Content-Security-Policy"]
    assert (
        "form-action 'self' https://payslips.example.nhs.uk https://app.example.nhs.uk https://start.example.nhs.uk;"
    ) in policy


def test_offline_access_is_asked_of_first_party_clients_too(site: Site) -> None:
    site.add_client("planner", scope="openid offline_access")
    visitor = site.browser()
    page = visitor.log_in(visitor.follow(visitor.authorize("planner", scope="openid offline_access")))
    assert heading(page) == "Share your information with Payslips?"
