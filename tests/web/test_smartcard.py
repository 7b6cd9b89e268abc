"""Logging in with a card: there and back in one browser, once; and what is told of one that fails."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest

from idp.accounts import administration
from idp.accounts.smartcard import CardProblem
from idp.db import account, audit, certificate_authority, smartcard
from idp.db.account import AccountState
from idp.web.pages.smartcard import WORDS
from tests.accounts.cards import CA
from tests.certificates import DAY, NOW, Authority, Card
from tests.site import ISSUER, PASSWORD, Site, Visitor, received
from tests.web.conftest import Build
from tests.web.forms import cookies_set, heading, reference
from tests.web.smartcards import ORIGIN, Reader, reader

MINUTE = timedelta(minutes=1)
USERNAME = "918JSMITH01"


@pytest.fixture
def site(build: Build) -> Site:
    return build(smartcard_origin=ORIGIN)


@pytest.fixture
def cards(site: Site) -> Reader:
    """Jane's card is linked, and in the reader."""
    made = reader(site)
    made.desk.link(jane(site))
    made.insert(CA.card())
    return made


def jane(site: Site) -> account.Account:
    with site.provider.database.read() as connection:
        found = account.find(connection, USERNAME)
    assert found is not None
    return found


def handle_of(page_path: str) -> str:
    return page_path.partition("request=")[2]


def waiting(visitor: Visitor, **asked: str) -> str:
    """Come from an application: the path that starts with a card."""
    page = visitor.follow(visitor.authorize(**asked))
    path = page.text.partition('href="/smartcard?')[2].partition('"')[0]
    assert path, page.text
    return f"/smartcard?{unescape(path)}"


class TestACard:
    def test_signs_in_at_an_application_with_the_assurance_it_gives(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        back = cards.use(visitor, waiting(visitor))
        code = received(visitor.follow(back))["code"]
        claims = site.claims(site.redeem(code).json["id_token"])  # type: ignore[index]  # it is an object
        assert (claims["acr"], claims["amr"]) == ("AAL3_SMARTCARD", ["sc", "pin", "mfa"])

    def test_is_named_to_an_application_that_may_see_esr_details(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        back = cards.use(visitor, waiting(visitor, scope="openid esr"))
        answer = site.redeem(received(visitor.follow(back))["code"]).get_json()
        assert site.claims(answer["id_token"])["nhsid_useruid"] == "123456789012"
        assert site.userinfo(answer["access_token"]).get_json()["nhsid_useruid"] == "123456789012"

    def test_is_named_to_no_other(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        back = cards.use(visitor, waiting(visitor, scope="openid profile"))
        answer = site.redeem(received(visitor.follow(back))["code"]).get_json()
        assert "nhsid_useruid" not in site.claims(answer["id_token"])
        assert "nhsid_useruid" not in site.userinfo(answer["access_token"]).get_json()

    def test_without_a_number_is_not_named(self, site: Site, cards: Reader) -> None:
        nameless = CA.card(None)
        cards.desk.link(jane(site), cards.desk.verified(nameless))
        cards.insert(nameless)
        visitor = site.browser()
        back = cards.use(visitor, waiting(visitor, scope="openid esr"))
        answer = site.redeem(received(visitor.follow(back))["code"]).get_json()
        assert "nhsid_useruid" not in site.claims(answer["id_token"])

    def test_signs_in_without_an_application(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        back = cards.use(visitor)
        assert (back.status_code, back.location) == (303, f"{ISSUER}/")
        assert "918JSMITH01" in visitor.follow(back).text
        set_now = cookies_set(back)
        assert set_now["__Host-sid"]["httponly"]
        assert "max-age" not in set_now["__Host-sid"]
        assert "__Host-dev" in set_now

    def test_is_offered_on_the_login_page(self, site: Site, cards: Reader) -> None:
        assert cards
        page = site.browser().get("/login")
        assert "Log in via Smartcard" in page.text
        assert "Log in with your Smartcard" in page.text

    def test_leaves_what_was_done_in_the_audit_log(self, site: Site, cards: Reader) -> None:
        cards.use(site.browser())
        with site.provider.database.read() as connection:
            proved, entered = reversed(audit.of_account(connection, jane(site).id, 2))
        assert (proved.event, entered.event) == ("smartcard.proved", "sign_in.smartcard")
        assert proved.detail is not None
        assert proved.detail["crl_number"] == "41"

    def test_takes_the_place_of_whoever_was_signed_in(self, site: Site, cards: Reader) -> None:
        site.add_account("918OJONES01")
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"), "918OJONES01")
        visitor.follow(cards.use(visitor))
        home = visitor.get("/").text
        assert "918JSMITH01" in home
        assert "918OJONES01" not in home

    def test_is_asked_for_again_where_the_application_wants_a_new_sign_in(
        self, site: Site, cards: Reader
    ) -> None:
        visitor = site.browser()
        visitor.follow(cards.use(visitor))
        page = visitor.follow(visitor.authorize(prompt="login"))
        assert "Log in via Smartcard" in page.text

    def test_raises_a_session_with_a_password_to_what_an_application_requires(
        self, site: Site, cards: Reader
    ) -> None:
        visitor = site.browser()
        visitor.sign_in_to()
        asked = {"acr_values": "AAL3_SMARTCARD", "prompt": "login"}
        code = received(visitor.follow(cards.use(visitor, waiting(visitor, **asked))))["code"]
        claims = site.claims(site.redeem(code).json["id_token"])  # type: ignore[index]  # it is an object
        assert claims["acr"] == "AAL3_SMARTCARD"

    def test_leads_to_a_new_password_when_one_is_due(self, site: Site, cards: Reader) -> None:
        with site.provider.database.write() as connection:
            assert administration.require_change(connection, jane(site), NOW)
        visitor = site.browser()
        page = visitor.follow(cards.use(visitor))
        assert 'name="confirm_password"' in page.text


class TestNobodyElseIsSignedIn:
    def test_by_a_proof_that_was_made_for_another_browser(self, site: Site, cards: Reader) -> None:
        """The attacker starts, and lets the owner's browser follow the link."""
        attacker, owner = site.browser(), site.browser()
        started = attacker.get("/smartcard")
        back = cards.come_back(owner, cards.at_origin(started.location))
        assert back.status_code == 400
        assert heading(back) == "Start again with your Smartcard"
        assert "__Host-sid" not in cookies_set(back)

    def test_by_a_proof_with_the_state_of_another(self, site: Site, cards: Reader) -> None:
        owner, thief = site.browser(), site.browser()
        proof = cards.start(owner).location.partition("&proof=")[2]
        own = thief.get("/smartcard").location.partition("state=")[2]
        back = thief.get(f"/smartcard/return?state={own}&proof={proof}")
        assert back.status_code == 400
        assert "__Host-sid" not in cookies_set(back)

    def test_by_a_proof_that_was_used(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        answer = cards.start(visitor)
        kept = visitor.browser.get_cookie("__Host-sc", domain="id.example.nhs.uk")
        assert kept is not None
        assert cards.come_back(visitor, answer).status_code == 303
        visitor.browser.set_cookie("__Host-sc", kept.value, domain="id.example.nhs.uk", secure=True)
        assert cards.come_back(visitor, answer).status_code == 400

    def test_by_a_proof_that_is_a_minute_old(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        answer = cards.start(visitor)
        site.clock.advance(MINUTE)
        back = cards.come_back(visitor, answer)
        assert back.status_code == 400
        assert "__Host-sid" not in cookies_set(back)

    def test_without_the_transaction_cookie_of_the_application_that_waits(
        self, site: Site, cards: Reader
    ) -> None:
        visitor = site.browser()
        path = waiting(visitor)
        answer = cards.start(visitor, path)
        name = f"__Host-tx-{handle_of(path)[:8]}"
        visitor.browser.delete_cookie(name, domain="id.example.nhs.uk")
        back = cards.come_back(visitor, answer)
        assert heading(back) == "This login page belongs to another browser"
        assert "__Host-sid" not in cookies_set(back)

    def test_for_the_request_of_another_browser(self, site: Site, cards: Reader) -> None:
        victim, attacker = site.browser(), site.browser()
        path = waiting(victim)
        gone = attacker.get(path)
        assert heading(gone) == "This login page belongs to another browser"
        assert cards.inserted

    def test_who_was_disabled_meanwhile(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        answer = cards.start(visitor)
        with site.provider.database.write() as connection:
            administration.disable(connection, jane(site), NOW)
        back = cards.come_back(visitor, answer)
        assert back.status_code == 400
        assert "__Host-sid" not in cookies_set(back)

    def test_whose_card_was_unlinked_meanwhile(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        answer = cards.start(visitor)
        with site.provider.database.write() as connection:
            (card,) = smartcard.of_account(connection, jane(site).id)
            smartcard.remove(connection, card.id)
        assert cards.come_back(visitor, answer).status_code == 400

    @pytest.mark.parametrize(
        "headers",
        [
            {"Client-Cert": "x"},
            {"X-SSL-Client-Cert": "x"},
            {"X-Forwarded-Client-Cert": "x"},
            {"SSL-Client-Verify": "SUCCESS"},
        ],
    )
    def test_by_certificate_headers_at_the_issuer(
        self, site: Site, cards: Reader, headers: dict[str, str]
    ) -> None:
        visitor = site.browser()
        own = visitor.get("/smartcard", headers=headers).location.partition("state=")[2]
        back = visitor.get(f"/smartcard/return?state={own}", headers=headers)
        assert back.status_code == 400
        assert cards.inserted

    @pytest.mark.parametrize("asked", ["", "?state=", "?state=x&proof=y", "?state=é&proof=", "?report=x"])
    def test_by_addresses_that_were_made_up(self, site: Site, cards: Reader, asked: str) -> None:
        visitor = site.browser()
        visitor.get("/smartcard")
        assert visitor.get(f"/smartcard/return{asked}").status_code == 400
        assert cards.inserted


class TestACardThatFails:
    @pytest.mark.parametrize(
        ("card", "title"),
        [
            (lambda: None, "We could not find your Smartcard"),
            (lambda: CA.card("999999999999"), "Your Smartcard is not linked to an account"),
            (lambda: CA.card(lasts=DAY / 2), "Your Smartcard has expired"),
            (lambda: CA.card(begins=NOW + DAY), "Your Smartcard is not valid yet"),
            (lambda: Authority.root("Another").card(), "We do not know who issued this certificate"),
            (lambda: CA.card(extensions={"extended": None}), "This certificate is not for logging in"),
        ],
    )
    def test_is_told_what_is_wrong_and_what_to_do(
        self, site: Site, cards: Reader, card: Callable[[], Card | None], title: str
    ) -> None:
        cards.insert(card())
        visitor = site.browser()
        page = cards.use(visitor)
        assert page.status_code == 403
        assert heading(page) == title
        assert reference(page)
        assert 'href="/smartcard"' in page.text
        assert 'href="/login"' in page.text
        assert "__Host-sid" not in cookies_set(page)

    def test_goes_on_with_the_application_in_another_way(self, site: Site, cards: Reader) -> None:
        cards.insert(None)
        visitor = site.browser()
        path = waiting(visitor)
        page = cards.use(visitor, path)
        handle = handle_of(path)
        assert f'href="/login?request={handle}"' in page.text
        assert f'href="/smartcard?request={handle}"' in page.text
        again = visitor.get(f"/login?request={handle}")
        assert received(visitor.log_in(again, password=PASSWORD))["code"]

    def test_that_was_revoked_says_so_and_the_reference_finds_it(self, site: Site, cards: Reader) -> None:
        lost = CA.card()
        with site.provider.database.read() as connection:
            (authority,) = certificate_authority.enabled(connection)
        cards.desk.publish(authority, CA.crl([lost], number=42))
        cards.insert(lost)
        page = cards.use(site.browser())
        assert heading(page) == "Your Smartcard has been cancelled"
        with site.provider.database.read() as connection:
            (event,) = audit.by_reference(connection, reference(page))
        assert (event.event, event.outcome) == ("smartcard.refused", "revoked")

    def test_while_nobody_knows_whether_it_was_revoked(self, site: Site, cards: Reader) -> None:
        site.clock.advance(2 * DAY)
        page = cards.use(site.browser())
        assert heading(page) == "We cannot check your Smartcard at the moment"

    def test_of_a_closed_account_says_so(self, site: Site, cards: Reader) -> None:
        with site.provider.database.write() as connection:
            account.set_state(connection, jane(site).id, AccountState.ACTIVE, AccountState.INACTIVE)
        page = cards.use(site.browser())
        assert heading(page) == "The account of your Smartcard is not open"

    def test_says_what_it_looks_like_in_the_readers_language(self, site: Site, cards: Reader) -> None:
        cards.insert(CA.card("999999999999"))
        visitor = site.browser()
        page = cards.use(visitor)
        text = " ".join(unescape(page.text).split())
        for words in ("Card CA", "9999", "22 November 2026", "22 November 2027", "It is in force"):
            assert words in text
        assert "999999999999" not in text

    def test_a_report_of_another_browser_is_not_shown(self, site: Site, cards: Reader) -> None:
        cards.insert(None)
        one, other = site.browser(), site.browser()
        report = cards.start(one).location.partition("&report=")[2]
        own = other.get("/smartcard").location.partition("state=")[2]
        assert other.get(f"/smartcard/return?state={own}&report={report}").status_code == 400

    def test_every_problem_has_its_words(self) -> None:
        assert set(WORDS) == set(CardProblem)
        assert len({words.title for words in WORDS.values()}) == len(CardProblem)


class TestTheChecker:
    def test_says_that_a_card_is_in_order_and_signs_nobody_in(self, site: Site, cards: Reader) -> None:
        visitor = site.browser()
        page = cards.use(visitor, "/smartcard/check")
        assert (page.status_code, heading(page)) == (200, "Your Smartcard is in order")
        text = unescape(page.text)
        for words in ("9012", "918JSMITH01", "It is in force"):
            assert words in text
        assert "__Host-sid" not in cookies_set(page)
        assert "918JSMITH01" not in visitor.get("/").text

    def test_says_what_is_wrong_with_one(self, site: Site, cards: Reader) -> None:
        cards.insert(Authority.root("Another").card())
        page = cards.use(site.browser(), "/smartcard/check")
        assert heading(page) == "We do not know who issued this certificate"


class TestWithoutASmartcardOrigin:
    def test_there_are_no_such_pages_and_no_button(self, build: Build) -> None:
        visitor = build().browser()
        for path in ("/smartcard", "/smartcard/check", "/smartcard/return?state=x"):
            assert visitor.get(path).status_code == 404
        assert "Smartcard" not in visitor.get("/login").text
