"""A code is exchanged once, by the client it was made for, while everything it rests on still stands."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.accounts import own_account
from idp.accounts.consent import withdraw
from idp.accounts.own_account import Acting
from idp.db import account, audit, browser_session, client, consent
from idp.db.account import AccountState
from idp.services.digest import digest
from tests.crowd import together
from tests.protocol.refusals import refusal
from tests.site import CALLBACK, VERIFIER, Site, Visitor, received

ENDED = (400, "invalid_grant", "the session, the account or the client has ended")
NO_SUCH = (400, "invalid_grant", "this client has no such code")
REPLAYED = (400, "invalid_grant", "the code was used before; what it gave is revoked")
WITHDRAWN = (400, "invalid_grant", "what the person had allowed was withdrawn")
EXPIRED = (400, "invalid_grant", "the code has expired")
WRONG_URI = (400, "invalid_grant", "redirect_uri is not the one of the authorization request")
WRONG_VERIFIER = (400, "invalid_grant", "code_verifier does not match the code_challenge")


@pytest.fixture
def code(site: Site) -> str:
    """A fresh code of the first client."""
    return site.browser().sign_in_to(scope="openid email")["code"]


def test_a_code_gives_tokens(site: Site, code: str) -> None:
    answer = site.redeem(code)
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    body = answer.get_json()
    assert {
        name: value for name, value in body.items() if not name.endswith(("access_token", "id_token"))
    } == {
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "openid email",
        "refresh_token": body["refresh_token"],
    }
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}


def test_a_client_that_may_not_refresh_gets_no_refresh_token(site: Site) -> None:
    site.add_client("kiosk", grant_types=["authorization_code"])
    assert site.tokens("kiosk").keys() == {"access_token", "token_type", "expires_in", "scope", "id_token"}


def test_without_openid_there_is_no_id_token(site: Site) -> None:
    tokens = site.tokens(scope="email")
    assert "id_token" not in tokens
    assert tokens["scope"] == "email"


def test_a_code_that_comes_again_ends_all_that_it_gave(site: Site, code: str) -> None:
    """RFC 6749 §4.1.2: a replayed code costs the tokens of its first use."""
    tokens = site.redeem(code).get_json()
    fresh = site.refresh(tokens["refresh_token"]).get_json()
    assert refusal(site.redeem(code)) == REPLAYED
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.userinfo(fresh["access_token"]).status_code == 401
    assert refusal(site.refresh(fresh["refresh_token"])) == ENDED
    assert refusal(site.redeem(code)) == REPLAYED


def test_other_tokens_of_the_same_person_outlive_a_replay(site: Site, code: str) -> None:
    others = site.tokens()
    site.redeem(code)
    site.redeem(code)
    assert site.userinfo(others["access_token"]).status_code == 200


def test_another_client_can_neither_use_nor_spoil_a_code(site: Site, code: str) -> None:
    site.add_client("learning")
    assert refusal(site.redeem(code, "learning")) == NO_SUCH
    tokens = site.redeem(code).get_json()
    assert refusal(site.redeem(code, "learning")) == NO_SUCH
    assert site.userinfo(tokens["access_token"]).status_code == 200


SPENT = [
    pytest.param({"redirect_uri": CALLBACK + "/"}, WRONG_URI, id="another redirect_uri"),
    pytest.param({"redirect_uri": "https://payslips.example.nhs.uk/2"}, WRONG_URI, id="another path"),
    pytest.param({"code_verifier": VERIFIER[:-1] + "1"}, WRONG_VERIFIER, id="another verifier"),
    pytest.param({"code_verifier": ""}, WRONG_VERIFIER, id="no verifier"),
    pytest.param({"code_verifier": "v" * 129}, WRONG_VERIFIER, id="a verifier that is too long"),
    pytest.param({"code_verifier": "ŵ" * 50}, WRONG_VERIFIER, id="a verifier that is not ASCII"),
]


@pytest.mark.parametrize(("form", "refused"), SPENT)
def test_a_wrong_proof_costs_the_code(
    site: Site, code: str, form: dict[str, str], refused: tuple[int, str, str]
) -> None:
    assert refusal(site.redeem(code, **form)) == refused
    assert refusal(site.redeem(code)) == REPLAYED


@pytest.mark.parametrize("name", ["code", "redirect_uri"])
def test_a_request_that_is_not_complete_costs_nothing(site: Site, code: str, name: str) -> None:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    form["code_verifier"] = VERIFIER
    missing = {key: value for key, value in form.items() if key != name}
    assert refusal(site.post("/token", **missing)) == (400, "invalid_request", f"{name} is missing")
    assert site.post("/token", **form).status_code == 200


def test_a_failed_client_authentication_costs_nothing(site: Site, code: str) -> None:
    right = site.secrets["payslips"]
    site.secrets["payslips"] = "wrong"
    assert site.redeem(code).status_code == 401
    site.secrets["payslips"] = right
    assert site.redeem(code).status_code == 200


@pytest.mark.parametrize(
    "code",
    ["x", "", "ŵ", "a" * 5000, "' OR 1=1 --", "\U0001f511", "%00"],
    ids=["x", "empty", "Welsh", "5 kB", "SQL", "astral", "a percent sign"],
)
def test_what_is_no_code_is_refused(shared_site: Site, code: str) -> None:
    missing = (400, "invalid_request", "code is missing")
    assert refusal(shared_site.redeem(code)) == (NO_SUCH if code else missing)


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400), (3600, 400)])
def test_a_code_lives_for_a_minute(site: Site, code: str, seconds: int, status: int) -> None:
    site.clock.advance(timedelta(seconds=seconds))
    answer = site.redeem(code)
    assert answer.status_code == status
    if status == 400:
        assert refusal(answer) == EXPIRED


def test_a_clock_set_back_revives_no_spent_code(site: Site, code: str) -> None:
    site.redeem(code)
    site.clock.advance(timedelta(hours=-1))
    assert refusal(site.redeem(code)) == REPLAYED


def disable_account(site: Site, found: account.Account, _: str) -> None:
    with site.provider.database.write() as connection:
        assert account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.DISABLED)


def make_leaver(site: Site, found: account.Account, _: str) -> None:
    with site.provider.database.write() as connection:
        assert account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.LEAVER)


def end_session(site: Site, _: account.Account, secret: str) -> None:
    with site.provider.database.write() as connection:
        session = browser_session.find_live(connection, digest(secret), site.clock.now())
        assert session is not None
        browser_session.end(connection, session.sid, site.clock.now())


def disable_client(site: Site, _: account.Account, __: str) -> None:
    """By another worker: this one's memory of the client is up to five seconds old."""
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())


@pytest.mark.parametrize("end", [disable_account, make_leaver, end_session, disable_client])
def test_what_ended_meanwhile_gives_no_tokens(
    site: Site, end: Callable[[Site, account.Account, str], None]
) -> None:
    visitor = site.browser()
    code = visitor.sign_in_to()["code"]
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    cookie = visitor.browser.get_cookie("__Host-sid", "id.example.nhs.uk")
    assert cookie is not None
    end(site, found, cookie.value)
    assert refusal(site.redeem(code)) == ENDED
    assert refusal(site.redeem(code)) == REPLAYED


@pytest.fixture
def allowed(site: Site) -> Visitor:
    """Somebody who has allowed another's application what it asks for."""
    site.add_client("rota", first_party=False)
    visitor = site.browser()
    page = visitor.log_in(visitor.follow(visitor.authorize("rota", scope="openid profile")))
    received(visitor.follow(visitor.submit(page, decision="allow")))
    return visitor


def consenting(site: Site) -> tuple[account.Account, Acting]:
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        (seen,) = browser_session.live_of_account(connection, found.id, site.clock.now())
        now = site.clock.now()
        session = browser_session.BrowserSession(
            seen.sid, found.id, seen.auth_time, "AAL1_USERPASS", ("pwd",), now, now, ("password",)
        )
    return found, Acting(session, "192.0.2.7", now)


def test_a_code_rests_on_what_the_person_still_allows(site: Site, allowed: Visitor) -> None:
    """It was issued to a request that had been looked at before the consent was withdrawn."""
    code = received(allowed.authorize("rota", scope="openid profile"))["code"]
    found, _ = consenting(site)
    with site.provider.database.write() as connection:
        consent.withdraw(connection, found.id, "rota")

    assert refusal(site.redeem(code, "rota")) == WITHDRAWN

    with site.provider.database.read() as connection:
        event = audit.last_of_account(connection, found.id, "code.redeemed")
    assert event is not None
    assert (event.outcome, event.detail) == ("refused", {"cause": WITHDRAWN[2]})
    assert refusal(site.redeem(code, "rota")) == REPLAYED


def test_a_code_for_less_than_is_allowed_now_is_as_good(site: Site, allowed: Visitor) -> None:
    code = received(allowed.authorize("rota", scope="openid"))["code"]
    assert site.redeem(code, "rota").status_code == 200


def test_a_code_for_more_than_is_allowed_now_is_refused(site: Site, allowed: Visitor) -> None:
    code = received(allowed.authorize("rota", scope="openid profile"))["code"]
    found, _ = consenting(site)
    with site.provider.database.write() as connection:
        consent.grant(connection, found.id, "rota", frozenset({"openid"}), site.clock.now())

    assert refusal(site.redeem(code, "rota")) == WITHDRAWN


def test_the_employers_own_application_needs_no_consent_at_its_code(site: Site, code: str) -> None:
    found, _ = consenting(site)
    with site.provider.database.write() as connection:
        consent.withdraw(connection, found.id, "payslips")

    assert site.redeem(code).status_code == 200


def test_who_withdraws_while_a_code_is_redeemed_waits_for_nobody(site: Site, allowed: Visitor) -> None:
    code = received(allowed.authorize("rota", scope="openid profile"))["code"]
    site.redeem("warm", "rota")
    _, acting = consenting(site)
    answers: list[TestResponse] = []
    redeeming = Thread(target=lambda: answers.append(site.redeem(code, "rota")))

    with site.provider.database.write() as connection:
        assert own_account.hold(connection, acting, site.provider.lifetimes)
        # The code is spent, and its client waits for the session that is held here.
        redeeming.start()
        redeeming.join(timeout=0.3)
        assert redeeming.is_alive()
        assert withdraw(connection, acting.session, "rota", address=acting.address, now=acting.now)
    redeeming.join()

    assert answers[0].status_code == 400
    assert answers[0].get_json()["error"] == "invalid_grant"


def test_a_client_that_may_not_use_codes_is_told(site: Site, code: str) -> None:
    site.add_client("batch", grant_types=["client_credentials"], scope="payroll")
    assert refusal(site.redeem(code, "batch")) == (
        400,
        "unauthorized_client",
        "this client is not registered for grant_type authorization_code",
    )


def test_a_public_client_redeems_with_its_verifier_alone(site: Site) -> None:
    site.add_client("rota", None)
    assert site.tokens("rota").keys() >= {"access_token", "refresh_token", "id_token"}


def test_of_twelve_who_redeem_one_code_one_succeeds_and_is_then_told_that_it_was_stolen(
    site: Site, code: str
) -> None:
    site.redeem("warm")  # the client and the keys are in memory: all twelve meet at the code

    answers = together(lambda: site.redeem(code))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 11}
    assert {refusal(answer) for answer in answers if answer.status_code == 400} == {REPLAYED}
    tokens: dict[str, Any] = next(answer for answer in answers if answer.status_code == 200).get_json()
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert refusal(site.refresh(tokens["refresh_token"])) == ENDED
    assert site.post("/introspect", token=tokens["access_token"]).get_json() == {"active": False}
