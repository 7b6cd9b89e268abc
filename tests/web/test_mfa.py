"""The second step of signing in: a code opens the session, and half a session opens nothing else."""

import io
import re
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from idp.db import account, browser_session
from idp.db.account import AccountState
from idp.db.link import Purpose
from idp.services.digest import digest
from idp.web.routes import ENDPOINTS, PAGES
from tests.accounts.second_factors import Telephone
from tests.site import ISSUER, PASSWORD, Site, Visitor, received, request_for
from tests.web.conftest import Build
from tests.web.demanding import codes, demanding, telephone
from tests.web.forms import cookies_set, form_of, heading, login_page, summary

HEADING = "Confirm that it is you"
WRONG = "Check the code and enter it again"
NEW = "Cloud.Tiger.Sock48"


@pytest.fixture
def phone(site: Site) -> Telephone:
    return telephone(site)


@pytest.fixture
def visitor(site: Site, phone: Telephone) -> Visitor:
    """Jane, whose account has an app."""
    assert phone
    return site.browser()


def half(visitor: Visitor) -> TestResponse:
    """The password was right; the page that comes next."""
    return visitor.log_in(login_page(visitor))


def silent(visitor: Visitor) -> str:
    return received(visitor.authorize(prompt="none")).get("error", "signed in")


class TestTheCode:
    def test_takes_a_person_to_the_application(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        page = half(visitor)
        assert (page.status_code, heading(page)) == (200, HEADING)
        code = received(visitor.follow(visitor.submit(page, code=phone.code(site))))["code"]
        claims = site.claims(site.redeem(code).json["id_token"])  # type: ignore[index]  # an answer has JSON
        assert (claims["acr"], claims["amr"]) == ("AAL2_TOTP", ["pwd", "otp", "mfa"])

    def test_gives_the_browser_a_new_session_and_knows_it(
        self, site: Site, visitor: Visitor, phone: Telephone
    ) -> None:
        page = half(visitor)
        before = visitor.browser.get_cookie("__Host-sid", domain="id.example.nhs.uk")
        assert before is not None
        assert visitor.browser.get_cookie("__Host-dev", domain="id.example.nhs.uk") is None
        answer = visitor.submit(page, code=phone.code(site))
        given = cookies_set(answer)
        assert set(given) == {"__Host-sid", "__Host-dev"}
        assert given["__Host-sid"]["value"] != before.value
        copy = site.browser()
        copy.browser.set_cookie("__Host-sid", before.value, domain="id.example.nhs.uk")
        assert silent(copy) == "login_required"

    def test_without_an_application_leads_home(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        page = visitor.log_in(visitor.get("/login"))
        assert heading(page) == HEADING
        assert visitor.submit(page, code=phone.code(site)).location == f"{ISSUER}/"
        assert silent(visitor) == "signed in"

    def test_leads_to_the_page_that_was_asked_for(
        self, site: Site, visitor: Visitor, phone: Telephone
    ) -> None:
        page = visitor.log_in(visitor.follow(visitor.get("/change-password")))
        assert heading(page) == HEADING
        done = visitor.submit(page, code=phone.code(site))
        assert done.location == f"{ISSUER}/change-password"

    @pytest.mark.parametrize("typed", ["{} ", " {}", "\u00a0{}\t"])
    def test_is_taken_with_spaces(self, site: Site, visitor: Visitor, phone: Telephone, typed: str) -> None:
        page = half(visitor)
        code = phone.code(site)
        answer = visitor.submit(page, code=typed.format(f"{code[:3]} {code[3:]}"))
        assert answer.status_code == 303

    @pytest.mark.parametrize(
        "typed", ["", "12345", "1234567", "١٢٣٤٥٦", "123456\x00", "abcdef", "1" * 7000, "\U0001f600"]
    )
    def test_that_is_none_is_asked_for_again_and_costs_nothing(self, visitor: Visitor, typed: str) -> None:
        page = half(visitor)
        for _ in range(8):
            answer = visitor.submit(page, code=typed)
            assert answer.status_code in {400, 422}
        if answer.status_code == 422:
            assert summary(answer) == [("code", "Enter the 6 digits that your app shows")]

    def test_of_a_megabyte_is_too_much_to_send(self, visitor: Visitor) -> None:
        assert visitor.submit(half(visitor), code="1" * 1_000_000).status_code == 413

    def test_that_is_wrong_used_or_not_heard_gets_the_same_words(
        self, site: Site, visitor: Visitor, phone: Telephone
    ) -> None:
        other = site.browser()
        used = phone.code(site)
        other.submit(half(other), code=used)
        page = half(visitor)
        answers = [visitor.submit(page, code=used)]
        answers += [visitor.submit(page, code=phone.wrong(site)) for _ in range(6)]
        site.clock.advance(timedelta(minutes=1))
        answers.append(visitor.submit(page, code=phone.code(site)))
        assert {answer.status_code for answer in answers} == {422}
        assert {bare(answer) for answer in answers} == {bare(answers[0])}
        assert summary(answers[0]) == [("code", WRONG)]
        site.clock.advance(timedelta(minutes=20))
        assert silent(visitor) == "login_required"

    def test_is_never_on_the_page_again(self, visitor: Visitor, site: Site, phone: Telephone) -> None:
        wrong = phone.wrong(site)
        assert wrong not in visitor.submit(half(visitor), code=wrong).text

    def test_is_asked_of_a_telephone_s_keyboard(self, visitor: Visitor) -> None:
        field = re.search(r'<input[^>]*name="code"[^>]*>', half(visitor).text)
        assert field
        for attribute in ('inputmode="numeric"', 'autocomplete="one-time-code"', 'type="text"'):
            assert attribute in field[0]

    def test_sent_twice_signs_in_once(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        page = half(visitor)
        code = phone.code(site)
        first = visitor.submit(page, code=code)
        assert first.status_code == 303
        assert visitor.submit(page, code=code).status_code in {303, 422}
        assert "code" in received(visitor.follow(first))

    def test_from_another_site_or_another_form_does_nothing(
        self, site: Site, visitor: Visitor, phone: Telephone
    ) -> None:
        action, hidden = form_of(half(visitor))
        fields = {**hidden, "code": phone.code(site)}
        for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert visitor.post(action, fields, headers=header).status_code == 403
        assert visitor.post(action, {**fields, "csrf_token": "0" * 64}).status_code == 403
        assert visitor.post(action, fields).status_code == 303

    def test_is_counted_by_address(self, visitor: Visitor, site: Site, phone: Telephone) -> None:
        page = half(visitor)
        answers = [visitor.submit(page, code=phone.wrong(site)) for _ in range(31)]
        assert [answer.status_code for answer in answers] == [422] * 30 + [429]
        assert int(answers[30].headers["Retry-After"]) > 0


def test_how_many_codes_an_address_may_try_is_a_setting(build: Build) -> None:
    site = build(codes_per_ten_minutes=2)
    phone, visitor = telephone(site), site.browser()
    page = half(visitor)
    answers = [visitor.submit(page, code=phone.wrong(site)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]


class TestRecoveryCodes:
    def test_are_offered_to_who_has_some(self, site: Site, visitor: Visitor) -> None:
        assert "Use a recovery code instead" not in half(visitor).text
        codes(site)
        page = half(site.browser())
        assert "Use a recovery code instead" in page.text

    def test_work_once_each(self, site: Site, visitor: Visitor) -> None:
        noted = codes(site)[4]
        other = site.browser()
        for browser, status in ((visitor, 303), (other, 422)):
            page = half(browser)
            found = re.search(r'href="(/mfa[^"]*way=recovery_code)"', page.text)
            assert found
            asked = browser.get(found[1].replace("&amp;", "&"))
            assert heading(asked) == HEADING
            assert browser.submit(asked, code=noted.lower()).status_code == status
        assert "code" in received(visitor.authorize(prompt="none"))

    def test_that_cannot_be_one_is_asked_for_again(self, site: Site, visitor: Visitor) -> None:
        codes(site)
        half(visitor)
        page = visitor.get("/mfa?way=recovery_code")
        answer = visitor.submit(page, code="123456")
        assert summary(answer) == [("code", "Enter a recovery code, such as 3-ABCDE-FGHJK-MNPQR-S")]
        assert "Use a code from your authenticator app instead" in answer.text

    def test_are_no_way_for_who_has_none(self, visitor: Visitor) -> None:
        half(visitor)
        page = visitor.get("/mfa?way=recovery_code")
        assert "6 digits" in page.text
        answer = visitor.submit(page, way="recovery_code", code="3-ABCDE-FGHJK-MNPQR-S")
        assert answer.status_code == 422


class TestTrustedDevices:
    def test_are_not_asked_again_for_thirty_days(
        self, site: Site, visitor: Visitor, phone: Telephone
    ) -> None:
        page = half(visitor)
        assert "Trust this device for 30 days" in page.text
        answer = visitor.submit(page, code=phone.code(site), trust="yes")
        cookie = cookies_set(answer)["__Host-trust"]
        assert (cookie["max-age"], cookie["httponly"], cookie["secure"]) == ("2592000", "True", "True")
        code = received(visitor.log_in(login_page(visitor, prompt="login")))["code"]
        claims = site.claims(site.redeem(code).json["id_token"])  # type: ignore[index]  # an answer has JSON
        assert (claims["acr"], claims["amr"]) == ("AAL1_USERPASS", ["pwd"]), "no more than was done"
        site.clock.advance(timedelta(days=30))
        assert heading(visitor.log_in(login_page(visitor))) == HEADING

    def test_are_trusted_only_on_request(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        visitor.submit(half(visitor), code=phone.code(site))
        assert heading(visitor.log_in(login_page(visitor, prompt="login"))) == HEADING

    def test_cannot_be_trusted_where_policy_says_always(self, site: Site, phone: Telephone) -> None:
        visitor = demanding(site).browser()
        page = half(visitor)
        assert "Trust this device" not in page.text
        answer = visitor.submit(page, code=phone.code(site), trust="yes")
        assert "__Host-trust" not in cookies_set(answer)

    def test_are_forgotten_by_a_new_password(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        visitor.submit(half(visitor), code=phone.code(site), trust="yes")
        reset_password(site, visitor)
        page = visitor.log_in(login_page(visitor), password=NEW)
        assert heading(page) == HEADING


class TestHalfASession:
    def test_is_the_same_as_none_for_every_page_and_endpoint_but_its_own(
        self, site: Site, visitor: Visitor
    ) -> None:
        half(visitor)
        stranger = site.browser()
        for method, rule, _ in PAGES:
            # A handle of its own is another test, and so are the pages of second factors and signing out.
            if "<" in rule or rule in {"/mfa", "/mfa/enrol", "/logout", "/signed-out"}:
                continue
            what = f"{method} {rule}"
            ours, theirs = (
                browser.browser.open(rule, method=method, base_url=ISSUER) for browser in (visitor, stranger)
            )
            assert not re.search("Jane|918JSMITH01", ours.text), what
            assert "__Host-sid" not in cookies_set(ours), what
            location = ours.headers.get("Location")
            if location is not None and location.partition("?")[0] == f"{ISSUER}/mfa":
                continue
            if rule.startswith("/passkey/") or (method, rule) == ("POST", "/mfa/recovery-codes"):
                # They are for second factors; without a form of theirs they do nothing.
                assert ours.status_code >= 303, what
                continue
            assert (ours.status_code, location) == (theirs.status_code, theirs.headers.get("Location")), what
        for path in ENDPOINTS:
            ours, theirs = (browser.get(path) for browser in (visitor, stranger))
            assert ours.status_code == theirs.status_code, path

    def test_gets_no_application_a_code(self, visitor: Visitor) -> None:
        half(visitor)
        assert silent(visitor) == "login_required"
        again = visitor.follow(visitor.get("/authorize", query_string=request_for()))
        assert heading(again) == "Log in with your credentials"

    def test_is_taken_back_to_its_page_wherever_it_goes_with_the_request(self, visitor: Visitor) -> None:
        query = form_of(half(visitor))[0].partition("?")[2]
        for path in ("/consent", "/select-account", "/change-password"):
            assert heading(visitor.follow(visitor.get(f"{path}?{query}"))) == HEADING, path

    def test_enrols_nothing_where_a_factor_is_enrolled(self, site: Site, visitor: Visitor) -> None:
        page = half(visitor)
        answer = visitor.get("/mfa/enrol")
        assert answer.location.startswith(f"{ISSUER}/mfa")
        action, hidden = form_of(page)
        assert action.startswith("/mfa?request=")
        fields = {**hidden, "step": "begin", "name": "Mine"}
        refused = visitor.post(action.replace("/mfa?", "/mfa/enrol?"), fields)
        assert refused.status_code == 303
        assert heading(visitor.follow(refused)) == HEADING
        with site.provider.database.read() as connection:
            found = account.find(connection, "918JSMITH01")
            assert found is not None
        assert len(site.provider.mfa.ways(found.id)) == 1

    def test_is_over_after_half_an_hour(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        page = visitor.log_in(visitor.get("/login"))
        site.clock.advance(timedelta(minutes=30))
        answer = visitor.submit(page, code=phone.code(site))
        assert answer.location == f"{ISSUER}/login"
        assert heading(visitor.follow(visitor.get("/mfa"))) == "Log in with your credentials"

    def test_may_be_ended(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        page = half(visitor)
        secret = visitor.browser.get_cookie("__Host-sid", domain="id.example.nhs.uk")
        assert secret is not None
        assert 'href="/logout"' in page.text
        visitor.follow(visitor.get("/logout"))
        with site.provider.database.read() as connection:
            assert browser_session.find_half(connection, digest(secret.value), site.clock.now()) is None
        visitor.browser.set_cookie("__Host-sid", secret.value, domain="id.example.nhs.uk")
        assert heading(visitor.follow(visitor.submit(page, code=phone.code(site)))) != HEADING

    def test_of_one_person_does_not_speak_for_the_next(
        self, site: Site, visitor: Visitor, phone: Telephone
    ) -> None:
        site.add_account("918JDOE01")
        telephone(site, "918JDOE01")
        page = half(visitor)
        visitor.log_in(login_page(visitor), "918JDOE01")
        assert visitor.submit(page, code=phone.code(site)).status_code == 403


class TestAPasswordReset:
    def test_does_not_spare_the_code(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        reset_password(site, visitor)
        page = visitor.log_in(login_page(visitor), password=NEW)
        assert heading(page) == HEADING
        assert silent(visitor) == "login_required"
        assert visitor.submit(page, code=phone.code(site)).status_code == 303

    def test_ends_a_half_session(self, site: Site, visitor: Visitor, phone: Telephone) -> None:
        page = visitor.log_in(visitor.get("/login"))
        reset_password(site, site.browser())
        answer = visitor.submit(page, code=phone.code(site))
        assert answer.location == f"{ISSUER}/login"


class TestSteppingUp:
    def test_a_live_session_proves_its_code_for_an_application_that_wants_it(self, site: Site) -> None:
        visitor = site.browser()
        assert "code" in visitor.sign_in_to()
        phone = telephone(site)
        page = visitor.follow(visitor.authorize(acr_values="AAL2_TOTP"))
        assert heading(page) == HEADING
        assert "Trust this device" not in page.text
        code = received(visitor.follow(visitor.submit(page, code=phone.code(site))))["code"]
        claims = site.claims(site.redeem(code).json["id_token"])  # type: ignore[index]  # an answer has JSON
        assert claims["acr"] == "AAL2_TOTP"

    def test_who_has_nothing_to_prove_is_taken_to_set_something_up(self, site: Site) -> None:
        visitor = site.browser()
        visitor.sign_in_to()
        assert visitor.get("/mfa").location == f"{ISSUER}/mfa/enrol"

    def test_a_stranger_logs_in(self, site: Site) -> None:
        assert heading(site.browser().follow(site.browser().get("/mfa"))) == "Log in with your credentials"


def test_no_code_is_logged(site: Site, log: io.StringIO) -> None:
    phone, noted = telephone(site), codes(site)
    visitor = site.browser()
    page = half(visitor)
    wrong = phone.wrong(site)
    visitor.submit(page, code=wrong)
    visitor.submit(page, way="recovery_code", code=noted[0])
    again = half(site.browser())
    right = phone.code(site)
    visitor.submit(again, code=right)
    written = log.getvalue()
    assert written
    for secret in (noted[0], noted[0].replace("-", ""), phone.secret, PASSWORD):
        assert secret not in written


def reset_password(site: Site, visitor: Visitor) -> None:
    """Choose a new password with a mailed link."""
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        issued = site.provider.links.issue(connection, found.id, Purpose.RESET, site.clock.now())
    page = visitor.get(issued.url.removeprefix(ISSUER))
    done = visitor.submit(page, username="918JSMITH01", password=NEW, confirm_password=NEW)
    assert done.status_code == 303


def bare(page: TestResponse) -> str:
    """The page without what differs by chance."""
    text = re.sub(r'nonce="[^"]+"|name="csrf_token" value="[^"]+"', "", page.text)
    return re.sub(r"\b[0-9A-Z]{4}-[0-9A-Z]{2}\b", "", text)


@pytest.mark.parametrize("name", ["add-passkey", "recovery-codes"])
def test_whoever_must_change_the_password_first_is_taken_there(site: Site, name: str) -> None:
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    visitor = site.browser()
    page = visitor.log_in(visitor.get(f"/login?next={name}"), "918JDOE01")
    assert page.status_code == 200
    assert "You need a new password" in page.text
