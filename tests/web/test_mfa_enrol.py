"""Setting up an app: with more than a password in hand, its key shown once, in the browser that logs in."""

import html
import io
import re
from datetime import timedelta
from ipaddress import IPv4Network
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from idp.db import account
from idp.policy.second_factor import Rule
from idp.services.letters import Letter
from tests.accounts.second_factors import Telephone
from tests.mailbox import queued
from tests.site import ISSUER, PASSWORD, Site, Visitor, received
from tests.web.conftest import Build
from tests.web.demanding import demanding, telephone
from tests.web.forms import cookies_set, form_of, heading, login_page, reference, summary

MAIL = "Set up a second way to prove who you are"
SENT = "We have sent you an email"
BEGIN = "Set up an authenticator app"
CODE = "Connect your authenticator app"
CODES = "Your recovery codes"


@pytest.fixture
def strict(site: Site) -> Site:
    """Where everybody has to have a second factor."""
    return demanding(site)


def links(site: Site) -> list[str]:
    """The addresses in the mails that let one enrol, as far as they are ours."""
    letters = queued(site.provider.database.url, site.provider.masters)
    mailed = [letter.values["link"] for letter in letters if letter.letter is Letter.ENROL_FACTOR]
    assert all(link.startswith(f"{ISSUER}/mfa/enrol?link=") for link in mailed)
    return [link.removeprefix(ISSUER) for link in mailed]


def demanded(visitor: Visitor) -> TestResponse:
    """The password was right, and there is no second factor."""
    return visitor.log_in(login_page(visitor))


def begun(visitor: Visitor, page: TestResponse, name: str = "My phone") -> tuple[TestResponse, Telephone]:
    """Go on to the page with the key, and put it into an app."""
    assert heading(page) == BEGIN
    shown = visitor.submit(page, name=name)
    assert heading(shown) == CODE, shown.text
    key = re.search(r'<code class="idp-key"[^>]*>([A-Z2-7 ]+)</code>', shown.text)
    assert key
    return shown, Telephone(UUID(form_of(shown)[1]["device"]), key[1].replace(" ", ""))


def ways(site: Site, username: str = "918JSMITH01") -> int:
    with site.provider.database.read() as connection:
        found = account.find(connection, username)
    assert found is not None
    return len(site.provider.mfa.ways(found.id))


class TestWhereOneIsDemanded:
    def test_a_password_alone_leads_to_an_email_and_no_further(self, strict: Site) -> None:
        visitor = strict.browser()
        page = demanded(visitor)
        assert (page.status_code, heading(page)) == (200, MAIL)
        assert links(strict) == []
        action, hidden = form_of(page)
        for step in ("begin", "confirm", ""):
            fields = {**hidden, "step": step, "name": "Mine", "code": "123456", "device": str(UUID(int=1))}
            assert heading(visitor.post(action, fields)) == MAIL
        assert ways(strict) == 0

    def test_the_whole_way_by_email(self, strict: Site) -> None:
        visitor = strict.browser()
        sent = visitor.follow(visitor.submit(demanded(visitor)))
        assert (sent.status_code, heading(sent)) == (200, SENT)
        (letter,) = queued(strict.provider.database.url, strict.provider.masters)
        assert letter.to == "918jsmith01@example.nhs.uk"
        assert reference(sent) == letter.values["reference"]
        (link,) = links(strict)
        strict.clock.advance(timedelta(minutes=15))
        page, phone = begun(visitor, visitor.get(link))
        noted = visitor.submit(page, code=phone.code(strict))
        assert (noted.status_code, heading(noted)) == (200, CODES)
        found = re.findall(r"\b\d-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]\b", noted.text)
        assert len(found) == 10
        assert set(cookies_set(noted)) == {"__Host-sid", "__Host-dev"}
        onwards = re.search(r'href="(/authorize/[^"]+)"', noted.text)
        assert onwards
        code = received(visitor.follow(visitor.get(onwards[1])))["code"]
        claims = strict.claims(strict.redeem(code).json["id_token"])  # type: ignore[index]  # an answer has JSON
        assert (claims["acr"], claims["amr"]) == ("AAL2_TOTP", ["pwd", "otp", "mfa"])
        added = queued(strict.provider.database.url, strict.provider.masters)[-1]
        assert (added.letter, added.values["label"]) == (Letter.FACTOR_ADDED, "My phone")

    def test_a_trusted_network_needs_no_email(self, build: Build) -> None:
        from_here = demanding(build(trusted_networks=_everywhere()))
        visitor = from_here.browser()
        page, phone = begun(visitor, demanded(visitor))
        assert heading(visitor.submit(page, code=phone.code(from_here))) == CODES
        assert links(from_here) == []

    def test_without_an_application_it_leads_home(self, strict: Site) -> None:
        visitor = strict.browser()
        visitor.submit(visitor.log_in(visitor.get("/login")))
        (link,) = links(strict)
        page, phone = begun(visitor, visitor.get(link))
        noted = visitor.submit(page, code=phone.code(strict))
        assert re.search(r'<a href="/"[^>]*>|href="/" role="button"', noted.text)
        assert "code" in received(visitor.authorize(prompt="none"))

    def test_the_email_may_be_sent_again_but_not_for_ever(self, strict: Site) -> None:
        visitor = strict.browser()
        page = visitor.follow(visitor.submit(demanded(visitor)))
        for number in (2, 3):
            page = visitor.follow(visitor.submit(page))
            assert (heading(page), len(links(strict))) == (SENT, number)
        page = visitor.submit(page)
        assert (page.status_code, len(links(strict))) == (429, 3)
        assert summary(page) == [
            ("send", "We have sent you several emails. Use the newest one, or try again later")
        ]

    def test_nothing_is_open_before_it_is_done(self, strict: Site) -> None:
        visitor = strict.browser()
        demanded(visitor)
        assert received(visitor.authorize(prompt="none"))["error"] == "login_required"
        assert "918JSMITH01" not in visitor.get("/").text
        assert heading(visitor.follow(visitor.get("/mfa"))) == MAIL


class TestTheLink:
    def test_opens_nothing_elsewhere_and_tells_nothing(self, strict: Site) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        (link,) = links(strict)
        right = strict.browser().get(link)
        wrong = strict.browser().get(link[:60])
        for page in (right, wrong):
            assert heading(page) == "Open this link where you are logging in"
            assert "918JSMITH01" not in page.text
        assert heading(visitor.get(link)) == BEGIN

    def test_opens_nothing_for_another_account(self, strict: Site) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        (link,) = links(strict)
        strict.add_account("918JDOE01")
        other = strict.browser()
        other.log_in(login_page(other), "918JDOE01")
        page = other.get(link.partition("&")[0])
        assert (page.status_code, heading(page)) == (422, MAIL)
        assert summary(page) == [
            ("send", "The link is not complete, or not for this account. Ask for another one")
        ]

    def test_is_opened_as_often_as_one_likes_and_used_once(self, strict: Site) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        (link,) = links(strict)
        for _ in range(3):
            assert heading(visitor.get(link)) == BEGIN
        page, phone = begun(visitor, visitor.get(link))
        wrong = visitor.submit(page, code=phone.wrong(strict))
        assert heading(visitor.submit(wrong, code=phone.code(strict))) == CODES

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ("expired", "The link in the email has expired. Ask for another one"),
            ("superseded", "There is a newer email with another link. Use that one, or ask for another"),
        ],
    )
    def test_says_what_became_of_it(self, strict: Site, what: str, words: str) -> None:
        visitor = strict.browser()
        page = visitor.follow(visitor.submit(visitor.log_in(visitor.get("/login"))))
        link = links(strict)[0]
        if what == "superseded":
            visitor.submit(page)
        else:
            strict.clock.advance(timedelta(minutes=60))
            visitor.log_in(visitor.get("/login"))
        page = visitor.get(link)
        assert page.status_code == 422
        assert summary(page) == [("send", words)]

    def test_is_checked_again_when_the_code_comes(self, strict: Site) -> None:
        visitor = strict.browser()
        sent = visitor.follow(visitor.submit(demanded(visitor)))
        page, phone = begun(visitor, visitor.get(links(strict)[0]))
        visitor.submit(sent)
        refused = visitor.submit(page, code=phone.code(strict))
        assert (refused.status_code, heading(refused)) == (422, SENT)
        action, hidden = form_of(page)
        without = visitor.post(action, {**hidden, "link": "", "code": phone.code(strict)})
        assert heading(without) == SENT
        assert ways(strict) == 0


class TestTheKey:
    def test_is_shown_once_and_kept_by_nobody(self, strict: Site) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        page, phone = begun(visitor, visitor.get(links(strict)[0]))
        assert len(phone.secret) == 32, "160 bits"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.text.count("<svg") == 1
        assert "style=" not in page.text
        for again in (visitor.submit(page, code=phone.wrong(strict)), visitor.submit(page, code="12")):
            assert again.status_code == 422
            assert phone.secret not in again.text.replace(" ", "")
            assert "<svg" not in again.text
            assert "is not shown again" in again.text
        assert heading(visitor.submit(again, code=phone.code(strict))) == CODES

    def test_is_in_no_address_and_no_log(self, strict: Site, log: io.StringIO) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        (link,) = links(strict)
        page, phone = begun(visitor, visitor.get(link))
        noted = visitor.submit(page, code=phone.code(strict))
        assert phone.secret not in form_of(page)[0]
        written = log.getvalue()
        found = re.findall(r"\b\d-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]\b", noted.text)
        token = link.partition("link=")[2].partition("&")[0]
        for secret in (phone.secret, token, *found):
            assert secret not in written

    def test_of_another_begin_ends_the_one_before(self, strict: Site) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        start = visitor.get(links(strict)[0])
        first, old = begun(visitor, start)
        second, new = begun(visitor, start)
        over = visitor.submit(first, code=old.code(strict))
        assert (over.status_code, heading(over)) == (422, BEGIN)
        assert heading(visitor.submit(second, code=new.code(strict))) == CODES

    @pytest.mark.parametrize("name", ["", "x" * 61, "a\u202eb"])
    def test_needs_a_name_that_is_a_short_line(self, strict: Site, name: str) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        page = visitor.submit(visitor.get(links(strict)[0]), name=name)
        assert (page.status_code, heading(page)) == (422, BEGIN)
        assert summary(page) == [("name", "Enter a name of not more than 60 characters")]

    @pytest.mark.parametrize("device", ["", "x", "1" * 5000, "50000000-0000-4000-8000-00000000000g"])
    def test_belongs_to_an_app_that_was_begun(self, strict: Site, device: str) -> None:
        visitor = strict.browser()
        visitor.submit(demanded(visitor))
        page, phone = begun(visitor, visitor.get(links(strict)[0]))
        answer = visitor.submit(page, device=device, code=phone.code(strict))
        assert answer.status_code in {400, 422}
        assert ways(strict) == 0


class TestOfOnesOwnAccord:
    def test_a_first_app_needs_the_email_too(self, site: Site) -> None:
        visitor = site.browser()
        visitor.sign_in_to()
        page = visitor.get("/mfa/enrol")
        assert heading(page) == MAIL
        visitor.submit(page)
        begin = visitor.get(links(site)[0])
        shown, phone = begun(visitor, begin)
        assert heading(visitor.submit(shown, code=phone.code(site))) == CODES

    def test_after_a_while_one_logs_in_again_and_comes_back(self, site: Site) -> None:
        visitor = site.browser()
        visitor.sign_in_to()
        site.clock.advance(timedelta(minutes=5))
        answer = visitor.get("/mfa/enrol")
        assert answer.location == f"{ISSUER}/login?next=enrol-app"
        assert heading(visitor.log_in(visitor.follow(answer))) == MAIL

    def test_another_app_needs_a_code_of_the_first_and_brings_no_codes(self, site: Site) -> None:
        phone = telephone(site)
        visitor = site.browser()
        page = visitor.log_in(visitor.follow(visitor.get("/mfa/enrol")))
        assert heading(page) == "Confirm that it is you"
        begin = visitor.follow(visitor.submit(page, code=phone.code(site)))
        shown, tablet = begun(visitor, begin, "Tablet")
        done = visitor.submit(shown, code=tablet.code(site))
        assert done.location == f"{ISSUER}/account"
        assert links(site) == []

    def test_a_sixth_app_is_one_too_many(self, site: Site) -> None:
        phones = [telephone(site) for _ in range(5)]
        visitor = site.browser()
        page = visitor.log_in(visitor.follow(visitor.get("/mfa/enrol")))
        begin = visitor.follow(visitor.submit(page, code=phones[0].code(site)))
        refused = visitor.submit(begin, name="Sixth")
        assert summary(refused) == [
            ("name", "You have as many authenticator apps as you can have: remove one first")
        ]

    def test_a_trusted_device_spares_no_code_here(self, site: Site) -> None:
        phone = telephone(site)
        visitor = site.browser()
        visitor.submit(visitor.log_in(login_page(visitor)), code=phone.code(site), trust="yes")
        visitor.log_in(login_page(visitor, prompt="login"))
        assert heading(visitor.follow(visitor.get("/mfa/enrol"))) == "Confirm that it is you"

    def test_a_form_from_another_site_begins_nothing(self, site: Site) -> None:
        visitor = site.browser()
        visitor.sign_in_to()
        action, hidden = form_of(visitor.get("/mfa/enrol"))
        for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert visitor.post(action, hidden, headers=header).status_code == 403
        assert visitor.post(action, {**hidden, "csrf_token": "0" * 64}).status_code == 403
        assert links(site) == []


class TestRecoveryCodes:
    def test_new_ones_are_made_by_who_has_just_proved_everything(self, site: Site) -> None:
        phone = telephone(site)
        visitor = site.browser()
        page = visitor.log_in(visitor.follow(visitor.get("/mfa/recovery-codes")))
        assert heading(page) == "Confirm that it is you"
        make = visitor.follow(visitor.submit(page, code=phone.code(site)))
        assert heading(make) == "Make new recovery codes"
        assert "You have 0 recovery codes left." in make.text
        made = visitor.submit(make)
        assert (made.status_code, heading(made)) == (200, CODES)
        assert made.headers["Cache-Control"] == "no-store"
        found = re.findall(r"\b\d-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]\b", made.text)
        assert len(found) == 10
        assert found[0] not in visitor.get("/mfa/recovery-codes").text
        site.clock.advance(timedelta(minutes=5))
        assert visitor.submit(make).location == f"{ISSUER}/login?next=recovery-codes"

    def test_are_for_who_has_a_factor(self, site: Site) -> None:
        visitor = site.browser()
        visitor.sign_in_to()
        assert visitor.get("/mfa/recovery-codes").location == f"{ISSUER}/mfa/enrol"

    def test_are_not_made_by_a_form_from_elsewhere(self, site: Site) -> None:
        phone = telephone(site)
        visitor = site.browser()
        page = visitor.log_in(visitor.follow(visitor.get("/mfa/recovery-codes")))
        make = visitor.follow(visitor.submit(page, code=phone.code(site)))
        action, hidden = form_of(make)
        assert visitor.post(action, {**hidden, "csrf_token": "0" * 64}).status_code == 403
        assert visitor.post(action, hidden, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert "You have 0 recovery codes left." in visitor.get("/mfa/recovery-codes").text

    def test_a_stranger_logs_in(self, site: Site) -> None:
        answer = site.browser().get("/mfa/recovery-codes")
        assert answer.location == f"{ISSUER}/login?next=recovery-codes"


def test_an_application_that_wants_more_leads_a_live_session_here(site: Site) -> None:
    visitor = site.browser()
    visitor.sign_in_to()
    page = visitor.follow(
        visitor.authorize(claims='{"id_token":{"acr":{"essential":true,"values":["AAL2_ANY"]}}}')
    )
    assert heading(page) == MAIL
    site.clock.advance(timedelta(minutes=5))
    action, _ = form_of(page)
    again = visitor.follow(visitor.get(html.unescape(action)))
    assert heading(again) == "Log in with your credentials"
    assert heading(visitor.log_in(again)) == MAIL


def test_outside_alone_has_to_enrol_where_the_rule_says_so(build: Build) -> None:
    inside = demanding(build(trusted_networks=_everywhere()), Rule.OUTSIDE)
    assert "code" in inside.browser().sign_in_to()


@pytest.mark.parametrize(
    ("forwarded", "is_inside"),
    [("198.51.100.7", True), (None, False), ("unknown", False), ("198.51.100.7, unknown", False)],
)
def test_a_proxy_that_does_not_say_for_whom_it_asks_is_not_inside(
    build: Build, forwarded: str | None, *, is_inside: bool
) -> None:
    nowhere = (IPv4Network("0.0.0.0/32"),)  # whence the browsers of tests come
    site = demanding(build(trusted_networks=_everywhere(), trusted_proxies=nowhere), Rule.OUTSIDE)
    visitor = site.browser()
    action, hidden = form_of(login_page(visitor))
    filled = {**hidden, "username": "918JSMITH01", "password": PASSWORD}
    said = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    answer = visitor.follow(visitor.post(action, filled, headers=said))
    assert ("code" in received(answer)) if is_inside else (heading(answer) == MAIL)


def _everywhere() -> tuple[IPv4Network, ...]:
    return (IPv4Network("0.0.0.0/0"),)
