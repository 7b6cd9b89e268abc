"""A card in Chromium's reader: signs in at an application, or its holder is told what is wrong with it.

The cards are the demo's own. Where an authority has to fail, it is one of the test's, which can.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from idp.accounts.revocation_list import Fetched
from idp.db.signing_key import SigningKey
from tests import origin as origins
from tests.journeys import browser as browsers
from tests.journeys import nginx, smartcards
from tests.journeys.browser import tab_to
from tests.journeys.demo import Demo
from tests.journeys.smartcards import Ward

ROBERT = "432RCLARKE01"
JANE = "918JSMITH01"
HOUR = timedelta(hours=1)
PROBLEMS = [
    pytest.param(None, "We could not find your Smartcard", id="no card"),
    pytest.param("revoked", "Your Smartcard has been cancelled", id="revoked"),
    pytest.param("expired", "Your Smartcard has expired", id="expired"),
    pytest.param("unknown", "Your Smartcard is not linked to an account", id="unknown"),
    pytest.param("foreign", "We do not know who issued this certificate", id="foreign"),
]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ward(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_sqlite: Path,
    keys_dir: Path,
    signing_keys: list[SigningKey],
    password_hash: str,
) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("ward")
    with smartcards.ward(folder, migrated_sqlite, keys_dir, signing_keys, password_hash) as made:
        yield made


def log_in(page: Page) -> None:
    page.get_by_role("button", name="Log in via Smartcard").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["JavaScript", "no JavaScript"])
def test_a_card_signs_in_at_an_application(demo: Demo, chromium: Browser, *, scripts: bool) -> None:
    story = f"card-{'with' if scripts else 'without'}-scripts"
    with browsers.watched(chromium, story, scripts=scripts, **demo.in_the_reader(ROBERT)) as person:
        page = person.tab(demo.self_service)
        page.get_by_role("link", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name="Log in with your Smartcard")).to_be_visible()
        person.look(page, "login")
        log_in(page)
        expect(page.locator("h1")).to_contain_text("Your payslip for")
        assert page.url == f"{demo.self_service}/"

        page.goto(f"{demo.self_service}/tokens")
        shown = page.locator("section[aria-labelledby=id-token] pre").text_content()
        claims = json.loads(shown or "")["payload"]
        assert (claims["acr"], claims["amr"]) == ("AAL3_SMARTCARD", ["sc", "pin", "mfa"])


def test_a_card_is_enough_where_an_application_requires_one(demo: Demo, chromium: Browser) -> None:
    required = {"id_token": {"acr": {"essential": True, "values": ["AAL3_SMARTCARD"]}}}
    with browsers.watched(chromium, "card-required", **demo.in_the_reader(ROBERT)) as person:
        page = person.tab(demo.authorize("test-code", claims=json.dumps(required)))
        log_in(page)
        assert "code" in demo.answer().parameters


def test_an_application_that_demands_a_card_after_a_password_gets_it(demo: Demo, chromium: Browser) -> None:
    with browsers.watched(chromium, "card-step-up", **demo.in_the_reader(ROBERT)) as person:
        page = person.tab(demo.self_service)
        page.get_by_role("link", name="Sign in", exact=True).click()
        page.get_by_label("Username*").fill(ROBERT)
        page.get_by_label("Password*").fill(demo.password(ROBERT))
        page.get_by_role("button", name="Log in via Username Password").click()
        expect(page.locator("h1")).to_contain_text("Your payslip for")
        page.goto(f"{demo.self_service}/tokens")
        page.get_by_role("link", name="Accept nothing but a Smartcard").click()
        log_in(page)
        expect(page.locator("h1")).to_contain_text("Your payslip for")
        page.goto(f"{demo.self_service}/tokens")
        shown = page.locator("section[aria-labelledby=id-token] pre").text_content()
        assert json.loads(shown or "")["payload"]["acr"] == "AAL3_SMARTCARD"


def test_a_card_opens_its_holders_own_page_by_keyboard_alone(demo: Demo, chromium: Browser) -> None:
    with browsers.watched(chromium, "card-home", **demo.in_the_reader(ROBERT)) as person:
        page = person.tab(f"{demo.issuer}/login")
        tab_to(page, "Log in via Smartcard")
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"You are logged in as Robert Clarke ({ROBERT}).")).to_be_visible()


@pytest.mark.parametrize(("card", "title"), PROBLEMS)
def test_a_card_that_fails_is_told_by_a_page_of_ours(
    demo: Demo, chromium: Browser, card: str | None, title: str
) -> None:
    with browsers.watched(chromium, f"card-{card}", **demo.in_the_reader(card)) as person:
        page = person.tab(demo.authorize("test-code"))
        log_in(page)
        expect(page.locator("h1")).to_have_text(title)
        expect(page).to_have_title(re.compile(f"^{title}"))
        assert page.url.startswith(f"{demo.issuer}/smartcard/return?")
        assert demo.received.empty()
        person.look(page, "problem")
        # Trying again shows the same card again.
        tab_to(page, "Try again with your Smartcard")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(title)
        # Another way in goes on with the same application.
        page.get_by_role("link", name="Log in with your credentials").click()
        expect(page.get_by_text("Log in to continue to Test: code.")).to_be_visible()
        page.get_by_label("Username*").fill(JANE)
        page.get_by_label("Password*").fill(demo.password(JANE))
        page.get_by_role("button", name="Log in via Username Password").click()
        expect(page.locator("h1")).to_have_text("Received")
        assert "code" in demo.answer().parameters


def test_a_refused_card_is_explained_in_welsh(demo: Demo, chromium: Browser) -> None:
    with browsers.watched(chromium, "card-welsh", **demo.in_the_reader("expired")) as person:
        page = person.tab(f"{demo.issuer}/login?lang=cy")
        is_welsh = partial(expect(page.locator("html")).to_have_attribute, "lang", "cy")
        is_welsh()
        page.locator(".idp-panel a").first.click()
        is_welsh()
        expect(page.locator("h1")).to_have_text("Mae eich Cerdyn Clyfar wedi dod i ben")
        person.look(page, "problem")


def test_a_card_is_checked_without_logging_in(demo: Demo, chromium: Browser) -> None:
    with browsers.watched(chromium, "card-check", **demo.in_the_reader(ROBERT)) as person:
        page = person.tab(f"{demo.issuer}/smartcard/check")
        expect(page.locator("h1")).to_have_text("Your Smartcard is in order")
        facts = page.locator("dl")
        expect(facts).to_contain_text(ROBERT)
        expect(facts).to_contain_text("0104")
        expect(facts).not_to_contain_text("656005750104")
        person.look(page, "in-order")
        page.goto(demo.issuer)
        expect(page.get_by_text("You are logged in as")).to_be_hidden()
        page.goto(f"{demo.issuer}/account")
        expect(page.locator("h1")).to_have_text("Log in with your credentials")


@pytest.mark.parametrize(
    ("grace", "acr"),
    [
        pytest.param({}, None, id="nothing is declared"),
        pytest.param({"IDP_CRL_GRACE_AAL2": "86400"}, "AAL2_ANY", id="a day for level 2"),
        pytest.param(
            {"IDP_CRL_GRACE_AAL2": "86400", "IDP_CRL_GRACE_AAL3": "86400"},
            "AAL3_SMARTCARD",
            id="and for level 3",
        ),
    ],
)
def test_while_no_new_list_comes_the_last_good_one_counts_as_declared(
    ward: Ward, chromium: Browser, grace: dict[str, str], acr: str | None
) -> None:
    lists = ward.site.provider.smartcards.lists
    ward.publish(ward.crl(until=origins.now() - HOUR))
    ward.host.is_down = True
    try:
        assert not isinstance(lists.fetch(ward.believed), Fetched)
        shown = ward.in_the_reader(ward.card())
        with ward.origin(**grace), browsers.watched(chromium, f"card-stale-{acr}", **shown) as person:
            page = person.tab(ward.authorize())
            log_in(page)
            if acr is None:
                expect(page.locator("h1")).to_have_text("We cannot check your Smartcard at the moment")
                person.look(page, "problem")
            else:
                assert ward.claims()["acr"] == acr
    finally:
        ward.host.is_down = False
        ward.publish(ward.crl())


def test_a_card_signs_in_through_nginx(ward: Ward, chromium: Browser, tmp_path: Path) -> None:
    """RFC 9440: nginx speaks TLS, and says which certificate it has seen."""
    secret = "5e55" * 8
    settings = {**ward.settings, "IDP_SMARTCARD_PROXY_SECRET": secret}
    shown = ward.in_the_reader(ward.card())
    with (
        origins.running(tmp_path, origins.a_free_port(), settings, proxies="127.0.0.1") as behind,
        nginx.running(tmp_path, port=ward.origin_port, origin_port=behind.port, tls=tmp_path, secret=secret),
        browsers.watched(chromium, "card-nginx", **shown) as person,
    ):
        page = person.tab(ward.authorize())
        log_in(page)
        claims = ward.claims()
    assert (claims["acr"], claims["amr"]) == ("AAL3_SMARTCARD", ["sc", "pin", "mfa"])
