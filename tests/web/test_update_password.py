"""Choosing a password with the link from an email, over HTTP."""

import html
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.db import account, audit, outbox
from idp.db.account import Account, AccountState
from idp.db.link import Purpose
from tests.observed import statements
from tests.site import ISSUER, PASSWORD, Site, Visitor, received
from tests.web.conftest import Build
from tests.web.forms import cookies_set, form_of, from_elsewhere, heading, login_page, summary

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "password_policy_esr.json").read_text()
)
NEW = "Cre@tew&rd01"
OTHER = "Coper-Lamp-91"
REASONS = {
    "length": "The password must have 12 characters or more",
    "repeat": "is a repeated character",
    "sequence": "is a run of 4 or more letters or numbers in order",
    "word": "is a word about your role, your locality, your name or this system",
    "common": "is on the list of passwords that criminals try first",
    "history": "is one of your last 4 passwords",
}


def found(site: Site, username: str = "918JSMITH01") -> Account:
    with site.provider.database.read() as connection:
        one = account.find(connection, username)
    assert one is not None
    return one


def mailed(site: Site, username: str = "918JSMITH01", purpose: Purpose = Purpose.RESET) -> str:
    """The path of a new link."""
    with site.provider.database.write() as connection:
        issued = site.provider.links.issue(connection, found(site, username).id, purpose, site.clock.now())
    return issued.url.removeprefix(ISSUER)


def choose(visitor: Visitor, page: TestResponse, password: str = NEW, **typed: str) -> TestResponse:
    fields = {"username": "918JSMITH01", "password": password, "confirm_password": password, **typed}
    return visitor.submit(page, **fields)


def text_of(page: TestResponse) -> str:
    return html.unescape(page.text)


def test_the_page_has_the_words_of_the_guidance(site: Site) -> None:
    text = " ".join(text_of(site.browser().get(mailed(site))).split())
    for words in (
        "Update Password",
        "Fields with an asterisk (*) are required fields",
        (
            "Please enter your username and password below. "
            "The password you enter below will be used to replace your old password"
        ),
        "Username*",
        "(Example: 999JSMITH01)",
        "Password*",
        "Confirm Password*",
        "Confirm Password",
        (
            "IMPORTANT. When creating a password you will need to ensure you follow this guidance "
            "to ensure it's a strong password and keeps your access secure;"
        ),
        "Passwords must be 12 characters or more in length",
        "Passwords may not be the same as the last 4 previous passwords you had",
        (
            "Passwords may not contain repeating characters "
            "(e.g. password \N{EN DASH} as it contains a repeating 's') "
            "or sequential characters or numbers (such as 'ABCD' or '1234')"
        ),
        (
            "Certain words and terms are not permitted within passwords. "
            "Users should avoid using words associated with the system, their roles, or their locality"
        ),
        (
            "TIP: If you are struggling to create a password, think about a password you might already use "
            "but replace some of the letters with signs e.g. instead of Createword01 it would be Cre@tew&rd01"
        ),
    ):
        assert words in text
    assert "activates your account" not in text


def test_a_new_password_replaces_the_old_one(site: Site) -> None:
    visitor = site.browser()
    done = choose(visitor, visitor.get(mailed(site)))
    assert (done.status_code, done.location) == (303, f"{ISSUER}/login")
    page = visitor.follow(done)
    assert heading(page) == "Log in with your credentials"
    assert "Your password has been updated." in page.text
    again = login_page(visitor)
    assert visitor.submit(again, username="918JSMITH01", password=PASSWORD).status_code == 422
    assert "code" in received(visitor.log_in(again, password=NEW))


def test_nobody_is_signed_in_by_it(site: Site) -> None:
    visitor = site.browser()
    done = choose(visitor, visitor.get(mailed(site)))
    assert "__Host-sid" not in cookies_set(done)
    assert received(visitor.authorize(prompt="none"))["error"] == "login_required"


def test_whoever_was_signed_in_is_no_more(site: Site) -> None:
    elsewhere = site.browser()
    tokens = site.tokens(visitor=elsewhere)
    visitor = site.browser()
    choose(visitor, visitor.get(mailed(site)))
    assert received(elsewhere.authorize(prompt="none"))["error"] == "login_required"
    assert site.refresh(tokens["refresh_token"]).status_code == 400


def test_a_letter_tells_the_owner(site: Site) -> None:
    visitor = site.browser()
    before = letters(site)
    choose(visitor, visitor.get(mailed(site)))
    assert letters(site) == before + 1


def letters(site: Site) -> int:
    with site.provider.database.read() as connection:
        return outbox.counts(connection).waiting


def test_an_account_is_activated_by_its_first_password(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.PENDING)
    visitor = site.browser()
    page = visitor.get(mailed(site, "918JDOE01", Purpose.ACTIVATE))
    assert "This activates your account" in page.text
    done = visitor.follow(choose(visitor, page, username="918JDOE01"))
    assert "Your account is ready." in done.text
    assert found(site, "918JDOE01").state is AccountState.ACTIVE
    assert "code" in received(visitor.log_in(login_page(visitor), "918JDOE01", NEW))


def test_the_application_that_waits_is_gone_on_with(site: Site) -> None:
    visitor = site.browser()
    handle = login_page(visitor).request.args["request"]
    done = choose(visitor, visitor.get(f"{mailed(site)}&request={handle}"))
    assert done.location == f"{ISSUER}/login?request={handle}"
    assert "code" in received(visitor.log_in(visitor.follow(done), password=NEW))


def test_an_application_that_waits_in_another_browser_is_not(site: Site) -> None:
    handle = login_page(site.browser()).request.args["request"]
    visitor = site.browser()
    done = choose(visitor, visitor.get(f"{mailed(site)}&request={handle}"))
    assert done.location == f"{ISSUER}/login"


def test_an_application_that_waited_too_long_is_not(site: Site) -> None:
    visitor = site.browser()
    handle = login_page(visitor).request.args["request"]
    page = visitor.get(f"{mailed(site)}&request={handle}")
    site.clock.advance(timedelta(minutes=31))
    assert choose(visitor, page).location == f"{ISSUER}/login"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_link_changes_nothing_however_often(site: Site, method: str) -> None:
    path = mailed(site)
    with statements() as run:
        for _ in range(3):
            answer = site.browser().browser.open(path, base_url=ISSUER, method=method)
            assert answer.status_code == 200
    assert [sql for sql in run if not sql.lstrip().upper().startswith("SELECT")] == []
    visitor = site.browser()
    assert choose(visitor, visitor.get(path)).status_code == 303


def test_the_page_is_kept_nowhere_and_its_address_passed_on_to_nobody(site: Site) -> None:
    page = site.browser().get(mailed(site))
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not re.findall(r'(?:href|src)="https?://', page.text)


def test_fields_help_password_managers_and_cut_nothing(site: Site) -> None:
    page = site.browser().get(mailed(site)).text
    assert page.count('autocomplete="new-password"') == 2
    assert page.count('autocomplete="username"') == 1
    assert "maxlength" not in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        pytest.param(
            {"username": " ", "password": "", "confirm_password": ""},
            [("username", "Enter your username"), ("password", "Enter a new password")],
            id="nothing",
        ),
        pytest.param(
            {"confirm_password": ""},
            [("confirm_password", "Enter the new password again to confirm it")],
            id="once",
        ),
        pytest.param(
            {"confirm_password": OTHER + " "},
            [("confirm_password", "The two passwords do not match: enter the same one again")],
            id="twice, but different",
        ),
    ],
)
def test_what_is_missing_is_asked_for(site: Site, typed: dict[str, str], told: list[tuple[str, str]]) -> None:
    visitor = site.browser()
    page = choose(
        visitor, visitor.get(mailed(site)), **{"password": OTHER, "confirm_password": OTHER, **typed}
    )
    assert page.status_code == 422
    assert "<title>Error: Update Password" in page.text
    assert summary(page) == told
    assert OTHER not in page.text
    assert choose(visitor, page).status_code == 303


def test_the_username_has_to_be_the_links(site: Site) -> None:
    site.add_account("918JDOE01")
    visitor = site.browser()
    page = choose(visitor, visitor.get(mailed(site)), username="918JDOE01")
    assert page.status_code == 422
    assert summary(page) == [("username", "Enter the username that is in the email with this link")]
    assert 'value="918JDOE01"' in page.text
    for name in ("918JSMITH01", "918JDOE01"):
        assert found(site, name).password_hash == site.password_hash
    assert choose(visitor, page, username=" 918jsmith01 ").status_code == 303


def test_who_tries_too_many_passwords_waits(site: Site) -> None:
    visitor = site.browser()
    page = visitor.get(mailed(site))
    assert {choose(visitor, page, "ab" * 600).status_code for _ in range(30)} == {422}
    stopped = choose(visitor, page)
    assert (stopped.status_code, heading(stopped)) == (429, "Too many new passwords have been tried")
    assert int(stopped.headers["Retry-After"]) >= 1
    assert found(site).password_hash == site.password_hash


def test_a_form_that_is_wrong_otherwise_is_told_of_the_password_too(site: Site) -> None:
    visitor = site.browser()
    page = choose(visitor, visitor.get(mailed(site)), "Nurse.1234.Tin", username="", confirm_password="x")
    assert [(field, words.partition(":")[0]) for field, words in summary(page)] == [
        ("username", "Enter your username"),
        ("password", "'1234' is a run of 4 or more letters or numbers in order"),
        ("password", "'Nurse' is a word about your role, your locality, your name or this system"),
        ("confirm_password", "The two passwords do not match"),
    ]
    page = choose(visitor, page, "Short1!aB", username="432OTHER01")
    assert [field for field, _ in summary(page)] == ["username", "password"]


@pytest.mark.parametrize("vector", VECTORS["reject"], ids=lambda vector: vector["password"])
def test_a_refusal_names_reason_and_fragment(site: Site, vector: dict[str, str | None]) -> None:
    visitor = site.browser()
    page = choose(visitor, visitor.get(mailed(site)), str(vector["password"]))
    assert page.status_code == 422
    told = [words for field, words in summary(page) if field == "password"]
    reason = [words for words in told if REASONS[str(vector["rule"])] in words]
    assert reason, told
    if vector["fragment"] is not None:
        assert any(f"'{vector['fragment']}'" in words for words in reason)
    shown = re.search(r'id="password-error".*?</span>(.*?)</span>', page.text, re.DOTALL)
    assert shown
    assert all(words in html.unescape(shown[1]) for words in told)
    assert vector["password"] not in [
        field.partition('value="')[2] for field in re.findall(r"<input[^>]*>", page.text)
    ]
    assert 'value="918JSMITH01"' in page.text
    assert found(site).password_hash == site.password_hash


@pytest.mark.parametrize("password", VECTORS["accept"])
def test_a_password_that_meets_the_rules_is_accepted(site: Site, password: str) -> None:
    visitor = site.browser()
    assert choose(visitor, visitor.get(mailed(site)), password).status_code == 303
    assert "code" in received(visitor.log_in(login_page(visitor), password=password))


def test_every_failure_is_told_at_once(site: Site) -> None:
    visitor = site.browser()
    page = choose(visitor, visitor.get(mailed(site)), "Nurse<<1234")
    assert [words.partition(":")[0] for _, words in summary(page)] == [
        "The password must have 12 characters or more, and not more than 256",
        "'<<' is a repeated character",
        "'1234' is a run of 4 or more letters or numbers in order",
        "'Nurse' is a word about your role, your locality, your name or this system",
    ]
    assert "<<" not in page.text


def test_a_password_of_the_last_four_is_refused(site: Site) -> None:
    visitor = site.browser()
    for password in (NEW, OTHER):
        assert choose(visitor, visitor.get(mailed(site)), password).status_code == 303
        site.clock.advance(timedelta(minutes=1))
    page = choose(visitor, visitor.get(mailed(site)), NEW)
    assert page.status_code == 422
    assert summary(page) == [("password", "This password is one of your last 4 passwords: choose a new one")]


COMMON = "unbelievable"


def test_a_password_that_criminals_try_first_is_refused(site: Site) -> None:
    visitor = site.browser()
    page = choose(visitor, visitor.get(mailed(site)), COMMON)
    assert page.status_code == 422
    ((_, told),) = summary(page)
    assert told == "This password is on the list of passwords that criminals try first: choose another"


REFUSED = {
    "length": ("Short1!aB", ""),
    "repeat": ("Copper-Lamp-9", "'pp'"),
    "sequence": ("ABCDhorse.tin", "'ABCD'"),
    "word": ("Nurse.Lamp.Tin", "'Nurse'"),
    "common": (COMMON, ""),
    "history": (PASSWORD, ""),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_refusal_speaks_welsh(site: Site, rule: str) -> None:
    password, fragment = REFUSED[rule]
    visitor = site.browser()
    visitor.get("/login?lang=cy")
    page = choose(visitor, visitor.get(mailed(site)), password)
    assert page.status_code == 422
    assert '<html lang="cy">' in page.text
    ((field, told),) = summary(page)
    assert field == "password"
    assert fragment in told
    assert REASONS[rule] not in told


def test_the_page_speaks_the_language_of_the_email(site: Site) -> None:
    site.add_account("918JDOE01", language="cy")
    visitor = site.browser()
    page = visitor.get(mailed(site, "918JDOE01"), headers={"Accept-Language": "en"})
    assert page.headers["Content-Language"] == "cy"
    done = visitor.follow(choose(visitor, page, username="918JDOE01"))
    assert done.headers["Content-Language"] == "cy"


def test_the_other_language_is_the_same_page_even_after_an_error(site: Site) -> None:
    visitor = site.browser()
    page = choose(visitor, visitor.get(mailed(site)), "short")
    toggle = re.search(r'<a href="([^"]+)" lang="cy"', page.text)
    assert toggle
    assert 'name="confirm_password"' in visitor.get(html.unescape(toggle[1])).text


def test_only_the_rules_of_the_profile_are_shown(build: Build) -> None:
    site = build(password_profile="esr-2021")
    text = text_of(site.browser().get(mailed(site)))
    assert "Passwords must be 12 characters or more in length" in text
    assert "repeating characters" not in text
    assert "Certain words" not in text
    assert re.findall(r'data-rule="(\w+)"', text) == ["length", "history", "common"]


def test_the_numbers_are_those_of_the_settings(build: Build) -> None:
    site = build(password_length=14, password_sequence=3, password_history=6)
    text = text_of(site.browser().get(mailed(site)))
    assert "Passwords must be 14 characters or more in length" in text
    assert "the last 6 previous passwords" in text
    assert "(such as 'ABC' or '123')" in text


def test_the_browser_gets_the_rules_it_can_decide(site: Site) -> None:
    page = site.browser().get(mailed(site))
    rules = re.search(r"data-password-rules='([^']*)'", page.text)
    assert rules
    read = json.loads(html.unescape(rules[1]))
    assert (read["shortest"], read["longest"], read["repeat"], read["sequence"]) == (12, 256, True, 4)
    assert {"nurse", "bristol", "nhs", "smith"} <= set(read["words"])
    assert re.findall(r'data-rule="(\w+)"', page.text) == [
        "length",
        "history",
        "repeat",
        "sequence",
        "word",
        "common",
    ]


def test_a_suggested_passphrase_is_accepted(site: Site) -> None:
    visitor = site.browser()
    page = visitor.get(mailed(site))
    suggestions = re.findall(r'data-suggestion="([^"]+)"', page.text)
    assert len(suggestions) == 3
    assert all(f">{suggestion}</code>" in page.text for suggestion in suggestions), "to be typed by hand"
    assert choose(visitor, page, suggestions[1]).status_code == 303


def test_sending_the_form_twice_updates_once(site: Site) -> None:
    visitor = site.browser()
    page = visitor.get(mailed(site))
    assert choose(visitor, page).status_code == 303
    hashed = found(site).password_hash
    again = choose(visitor, page, OTHER)
    assert (again.status_code, heading(again)) == (410, "This link has already been used")
    assert 'href="/login"' in again.text
    assert found(site).password_hash == hashed


def test_a_link_that_ends_while_its_page_is_open_opens_nothing(site: Site) -> None:
    visitor = site.browser()
    page = visitor.get(mailed(site))
    mailed(site)
    again = choose(visitor, page)
    assert (again.status_code, heading(again)) == (410, "There is a newer link than this one")
    page = visitor.get(mailed(site))
    site.clock.advance(timedelta(minutes=60))
    again = choose(visitor, page)
    assert (again.status_code, heading(again)) == (410, "This link has expired")
    assert found(site).password_hash == site.password_hash


def test_a_link_does_nothing_for_another_account(site: Site) -> None:
    """Neither with the other's name nor with the other's form around it."""
    site.add_account("918JDOE01")
    visitor = site.browser()
    mine, others = mailed(site), mailed(site, "918JDOE01")
    action, hidden = form_of(visitor.get(others))
    assert hidden["link"] in action
    swapped = {**hidden, "link": mine.partition("link=")[2]}
    fields = {"username": "918JDOE01", "password": NEW, "confirm_password": NEW}
    page = visitor.post(action, {**swapped, **fields})
    assert page.status_code == 422
    assert [field for field, _ in summary(page)] == ["username"]
    assert found(site, "918JDOE01").password_hash == site.password_hash


def posted(visitor: Visitor, **hidden: str) -> TestResponse:
    fields = {"username": "918JSMITH01", "password": NEW, "confirm_password": NEW}
    return visitor.post("/update-password", {**hidden, **fields})


def test_a_step_that_was_skipped_is_missed(site: Site) -> None:
    path = mailed(site)
    token = path.partition("link=")[2]
    assert posted(site.browser(), link=token).status_code == 403, "no form was given to this browser"
    visitor = site.browser()
    _, hidden = form_of(visitor.get(path))
    assert posted(site.browser(), **hidden).status_code == 403, "the form was given to another browser"
    without = posted(visitor, csrf_token=hidden["csrf_token"])
    assert (without.status_code, heading(without)) == (400, "This link does not work")
    unlocks = mailed(site, purpose=Purpose.UNLOCK).partition("link=")[2]
    other = posted(visitor, csrf_token=hidden["csrf_token"], link=unlocks)
    assert (other.status_code, heading(other)) == (400, "This link does not work")
    assert found(site).password_hash == site.password_hash
    assert posted(visitor, **hidden).status_code == 303


def test_a_form_of_another_site_does_nothing(site: Site) -> None:
    visitor = site.browser()
    action, hidden = form_of(visitor.get(mailed(site)))
    fields = {**hidden, "username": "918JSMITH01", "password": NEW, "confirm_password": NEW}
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert visitor.post(action, fields, headers=header).status_code == 403
    assert found(site).password_hash == site.password_hash


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.LEAVER])
def test_a_closed_account_stays_closed(site: Site, state: AccountState) -> None:
    visitor = site.browser()
    path = mailed(site)
    page = visitor.get(path)
    with site.provider.database.write() as connection:
        assert account.set_state(connection, found(site).id, AccountState.ACTIVE, state)
    for again in (choose(visitor, page), visitor.get(path)):
        assert (again.status_code, heading(again)) == (400, "This link does not work")
    assert (found(site).state, found(site).password_hash) == (state, site.password_hash)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=http"},
        {"X-Forwarded-Proto": "http", "X-Forwarded-Port": "81", "X-Original-Host": "evil.example"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_names_another_host(site: Site, headers: dict[str, str]) -> None:
    visitor = site.browser()
    path = mailed(site)
    page = visitor.get(path, headers=headers)
    assert "evil.example" not in page.text
    action, hidden = form_of(visitor.get(path))
    assert action.startswith("/update-password?")
    fields = {**hidden, "username": "918JSMITH01", "password": NEW, "confirm_password": NEW}
    done = from_elsewhere(visitor, action, fields, headers)
    assert (done.status_code, done.location) == (303, f"{ISSUER}/login")
    assert "evil.example" not in str(done.headers)


def test_neither_link_nor_password_is_logged(site: Site, log: Any) -> None:  # noqa: ANN401 - a stream
    visitor = site.browser()
    path = mailed(site)
    choose(visitor, visitor.get(path), "Nurse.Lamp.Tin")
    choose(visitor, visitor.get(path))
    written = log.getvalue()
    for secret in (path.partition("link=")[2], "Nurse.Lamp.Tin", NEW):
        assert secret not in written


def test_it_is_written_down_whose_password_was_changed(site: Site) -> None:
    visitor = site.browser()
    choose(visitor, visitor.get(mailed(site)))
    with site.provider.database.read() as connection:
        event = audit.last_of_account(connection, found(site).id, "password.changed")
    assert event is not None
    assert event.detail is not None
    assert event.detail["how"] == "reset"
