"""Passkeys over HTTP: log in, prove a second factor, add one. Assurance cases WA-01 to WA-15."""

import io
from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from idp.accounts.link import Links
from idp.db import account, audit, passkey, recovery_code
from idp.db.account import Account, AccountState
from idp.db.audit import AuditEvent
from idp.db.link import Purpose
from idp.policy import recovery_code as codes
from idp.services.letters import Letter
from tests import mailbox
from tests.authenticator import BE, BS, UP, UV, Algorithm, Authenticator, private_key
from tests.crowd import together
from tests.passkeys import Offered, cookie, give, offered, offered_to_step_up, phone, said
from tests.site import ISSUER, Site, Visitor, body, received
from tests.web.conftest import Build
from tests.web.crowded import full
from tests.web.demanding import telephone
from tests.web.forms import cookies_set, heading, login_page

WRONG = "Wrong.Horse.Lamp19"
MINUTE = timedelta(minutes=1)
ON_THE_WARD = (ip_network("0.0.0.0/32"),)


def jane(site: Site) -> Account:
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    return found


def plain(visitor: Visitor, query: str = "") -> Offered:
    """What the login page offers to who comes from no application."""
    return offered(visitor, visitor.get(f"/login{query}"))


def causes(site: Site, event: str = "sign_in.passkey") -> list[Any]:
    """Why nobody was let in, newest first."""
    with site.provider.database.read() as connection:
        found: list[AuditEvent] = audit.latest(connection, 50)
    return [
        (each.detail or {}).get("cause") for each in found if (each.event, each.outcome) == (event, "failed")
    ]


def home(visitor: Visitor) -> str:
    return visitor.get("/").text


@pytest.fixture
def device(site: Site) -> Authenticator:
    """Jane's telephone, with her passkey."""
    device = phone()
    give(site, jane(site), device)
    return device


class TestLogIn:
    @pytest.mark.parametrize("algorithm", Algorithm)
    def test_a_person_is_known_by_a_passkey_alone(self, site: Site, algorithm: Algorithm) -> None:
        device = Authenticator(ISSUER, algorithm)
        give(site, jane(site), device)
        visitor = site.browser()
        answer = offered(visitor, login_page(visitor)).get(device)
        assert answer.status_code == 200
        assert said(answer)["location"].startswith(f"{ISSUER}/authorize/")
        code = received(visitor.get(said(answer)["location"].removeprefix(ISSUER)))["code"]
        claims = site.claims(body(site.redeem(code))["id_token"])
        assert (claims["acr"], claims["amr"]) == ("AAL2_ANY", ["swk", "user", "mfa"])
        assert claims["auth_time"] == int(site.clock.now().timestamp())

    def test_the_browser_gets_a_session_and_is_known_from_now_on(
        self, site: Site, device: Authenticator
    ) -> None:
        answer = plain(site.browser()).get(device)
        given = cookies_set(answer)
        assert given.keys() == {"__Host-sid", "__Host-dev"}
        assert all(each["httponly"] and each["secure"] for each in given.values())
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Location" not in answer.headers

    @pytest.mark.parametrize(
        ("query", "where"),
        [("", "/"), ("?next=change-password", "/change-password"), ("?next=https://evil.example/", "/")],
    )
    def test_who_comes_from_no_application_is_taken_home_or_to_a_page_of_ours(
        self, site: Site, device: Authenticator, query: str, where: str
    ) -> None:
        visitor = site.browser()
        assert said(plain(visitor, query).get(device)) == {"location": f"{ISSUER}{where}"}
        assert "You are logged in as Jane Smith (918JSMITH01)." in home(visitor)

    @pytest.mark.usefixtures("device")
    def test_nobody_is_named_in_what_is_asked(self, site: Site) -> None:
        options = plain(site.browser()).options()
        assert len(options.pop("challenge")) == 43
        assert options == {
            "timeout": 300_000,
            "rpId": "id.example.nhs.uk",
            "allowCredentials": [],
            "userVerification": "required",
        }

    @pytest.mark.usefixtures("device")
    def test_a_username_changes_nothing_of_it(self, site: Site) -> None:
        offer = plain(site.browser())
        member, stranger = offer.options(username="918JSMITH01"), offer.options(username="918NOBODY01")
        assert member.keys() == stranger.keys()
        assert member["allowCredentials"] == stranger["allowCredentials"] == []

    def test_the_passkey_knows_when_it_was_used(self, site: Site, device: Authenticator) -> None:
        plain(site.browser()).get(device)
        with site.provider.database.read() as connection:
            (row,) = passkey.of_account(connection, jane(site).id)
        assert row.last_used_at == site.clock.now()

    def test_a_password_that_is_throttled_stops_no_passkey(self, site: Site, device: Authenticator) -> None:
        visitor = site.browser()
        page = login_page(visitor)
        for _ in range(7):
            page = visitor.submit(page, username="918JSMITH01", password=WRONG)
        assert offered(visitor, page).get(device).status_code == 200

    def test_who_must_change_the_password_still_must(self, site: Site) -> None:
        due = site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
        device = phone()
        give(site, due, device)
        visitor = site.browser()
        assert plain(visitor).get(device).status_code == 200
        assert visitor.get("/").location == f"{ISSUER}/change-password"

    def test_a_passkey_is_two_factors_so_none_is_asked_for(self, site: Site, device: Authenticator) -> None:
        visitor = site.browser()
        plain(visitor).get(device)
        assert visitor.get("/").status_code == 200

    @pytest.mark.parametrize(
        "made",
        [
            pytest.param({"state": AccountState.DISABLED}, id="disabled"),
            pytest.param({"state": AccountState.LEAVER}, id="leaver"),
            pytest.param({"state": AccountState.INACTIVE}, id="inactive"),
            pytest.param({"state": AccountState.PENDING}, id="pending"),
            pytest.param({"ends_on": date(2026, 11, 22)}, id="left yesterday"),
        ],
    )
    def test_a_closed_account_is_refused_like_an_unknown_passkey(
        self, site: Site, made: dict[str, Any]
    ) -> None:
        device, stranger = phone(), phone()
        give(site, site.add_account("918JDOE01", **made), device)
        stranger.credentials = [*device.credentials]
        closed = plain(site.browser()).get(device)
        unknown = plain(site.browser()).get(device, credential_id=b"nobody's")
        assert closed.status_code == unknown.status_code == 422
        assert said(closed).keys() == said(unknown).keys() == {"error", "reference"}
        assert said(closed)["error"] == said(unknown)["error"] == "failed"
        assert not closed.headers.getlist("Set-Cookie")
        assert causes(site) == ["unknown_passkey", "account_closed"]

    def test_the_reference_finds_the_cause(self, site: Site, device: Authenticator) -> None:
        reference = said(plain(site.browser()).get(device, counter=0, key=private_key(Algorithm.ES256)))
        with site.provider.database.read() as connection:
            (event,) = audit.by_reference(connection, reference["reference"])
        assert (event.event, event.outcome) == ("sign_in.passkey", "failed")
        assert (event.account_id, event.detail) == (jane(site).id, {"cause": "wrong_signature"})

    def test_an_address_may_ask_so_often(self, build: Build) -> None:
        site = build(login_pages_per_minute=3)
        offer = plain(site.browser())
        answers = [offer.ask() for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert said(answers[-1]) == {"error": "throttled"}
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert offer.answer("{}").status_code == 429


class TestChallenge:
    """WA-01, WA-02."""

    def test_one_assertion_serves_once(self, site: Site, device: Authenticator) -> None:
        offer = plain(site.browser())
        assertion = device.get(offer.options())
        assert offer.answer(assertion).status_code == 200
        assert offer.answer(assertion).status_code == 422
        assert causes(site) == ["challenge_unusable"]

    @pytest.mark.parametrize("site", ["postgresql"], indirect=True)
    def test_of_twelve_uses_at_once_one_succeeds(self, site: Site, device: Authenticator) -> None:
        offer = plain(site.browser())
        assertion = device.get(offer.options())
        copies = [plain_copy(offer) for _ in range(12)]
        statuses = together(lambda: copies.pop().answer(assertion).status_code)
        assert sorted(statuses) == [200] + [422] * 11

    def test_a_failed_try_uses_it_up_as_well(self, site: Site, device: Authenticator) -> None:
        offer = plain(site.browser())
        options = offer.options()
        assert offer.answer(device.get(options, origin="https://evil.example")).status_code == 422
        assert offer.answer(device.get(options)).status_code == 422

    def test_of_another_browser_is_none(self, site: Site, device: Authenticator) -> None:
        options = plain(site.browser()).options()
        assert plain(site.browser()).answer(device.get(options)).status_code == 422

    def test_of_another_request_in_this_browser_is_none(self, site: Site, device: Authenticator) -> None:
        visitor = site.browser()
        first, second = (offered(visitor, login_page(visitor)) for _ in range(2))
        assert second.answer(device.get(first.options())).status_code == 422

    def test_of_five_minutes_ago_is_none(self, site: Site, device: Authenticator) -> None:
        offer = plain(site.browser())
        options = offer.options()
        site.clock.advance(5 * MINUTE)
        assert offer.answer(device.get(options)).status_code == 422
        assert causes(site) == ["challenge_unusable"]

    def test_of_almost_five_minutes_ago_is_one(self, site: Site, device: Authenticator) -> None:
        offer = plain(site.browser())
        options = offer.options()
        site.clock.advance(5 * MINUTE - timedelta(seconds=1))
        assert offer.answer(device.get(options)).status_code == 200

    @pytest.mark.parametrize("challenge", ["", "A" * 43, None, 7])
    def test_that_we_never_made_is_none(
        self, site: Site, device: Authenticator, challenge: str | int | None
    ) -> None:
        assert plain(site.browser()).get(device, challenge=challenge).status_code == 422

    def test_of_a_second_factor_opens_no_session(self, site: Site, device: Authenticator) -> None:
        visitor = half(site)
        assert plain(visitor).answer(device.get(offered_to_step_up(visitor).options())).status_code == 422

    def test_to_log_in_proves_no_second_factor(self, site: Site, device: Authenticator) -> None:
        visitor = half(site)
        answer = offered_to_step_up(visitor).answer(device.get(plain(visitor).options()))
        assert answer.status_code == 422


def plain_copy(offer: Offered) -> Offered:
    """The same page in the same browser, for another thread."""
    visitor = Visitor(offer.visitor.site)
    name = "__Host-form"
    visitor.browser.set_cookie(
        name, cookie(offer.visitor, "form"), domain="id.example.nhs.uk", secure=True, origin_only=True
    )
    return Offered(visitor, offer.words)


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        pytest.param({"origin": "http://id.example.nhs.uk"}, "wrong_origin", id="WA-03 http"),
        pytest.param({"origin": "https://id.example.nhs.uk:444"}, "wrong_origin", id="WA-03 another port"),
        pytest.param({"origin": "https://x.id.example.nhs.uk"}, "wrong_origin", id="WA-03 a subdomain"),
        pytest.param({"origin": "https://evil.example"}, "wrong_origin", id="WA-03 another site"),
        pytest.param({"crossOrigin": True}, "embedded", id="WA-03 embedded"),
        pytest.param({"topOrigin": "https://evil.example"}, "embedded", id="WA-03 embedded elsewhere"),
        pytest.param({"type": "webauthn.create"}, "wrong_type", id="WA-03 a registration"),
        pytest.param({"rp_id": "evil.example"}, "wrong_relying_party", id="WA-04"),
        pytest.param({"flags": UP | BE | BS}, "user_not_verified", id="WA-05 UV=0"),
        pytest.param({"flags": UV | BE | BS}, "user_not_present", id="WA-05 UP=0"),
        pytest.param({"credential_id": b"nobody's"}, "unknown_passkey", id="WA-06 unknown"),
        pytest.param({"user_handle": b"somebody else"}, "user_handle_of_another", id="WA-06 of another"),
        pytest.param({"user_handle": None}, "user_handle_of_another", id="WA-06 of nobody"),
        pytest.param({"signature": b"no"}, "wrong_signature", id="WA-08"),
        pytest.param({"key": private_key(Algorithm.ES256)}, "wrong_signature", id="WA-08 another key"),
        pytest.param({"flags": UP | UV | BS}, "impossible_backup_state", id="WA-12 BS without BE"),
        pytest.param({"flags": UP | UV}, "backup_eligibility_changed", id="WA-12 BE changed"),
    ],
)
def test_an_assertion_that_is_not_right_opens_nothing(
    site: Site, device: Authenticator, wrong: dict[str, Any], cause: str
) -> None:
    visitor = site.browser()
    answer = plain(visitor).get(device, **wrong)
    assert (answer.status_code, said(answer)["error"]) == (422, "failed")
    assert causes(site) == [cause]
    assert "You are logged in" not in home(visitor)


class TestCounter:
    """WA-07."""

    @pytest.mark.parametrize(
        ("counter", "status"), [(9, 422), (10, 422), (0, 422), (11, 200), (4_000_000_000, 200)]
    )
    def test_it_must_go_on(self, site: Site, counter: int, status: int) -> None:
        device = Authenticator(ISSUER, flags=UP | UV)
        give(site, jane(site), device, counter=10)
        visitor = site.browser()
        assert plain(visitor).get(device, counter=counter).status_code == status
        assert causes(site) == ([] if status == 200 else ["counter_did_not_advance"])
        assert ("You are logged in" in home(visitor)) is (status == 200)

    def test_a_synced_passkey_counts_nothing(self, site: Site, device: Authenticator) -> None:
        for _ in range(2):
            assert plain(site.browser()).get(device, counter=0).status_code == 200


class TestAssurance:
    """WA-14."""

    @pytest.mark.parametrize(
        "flags", [UP | UV | BE | BS, UP | UV | BE, UP | UV], ids=["synced", "BE", "BE=0"]
    )
    def test_what_nobody_vouches_for_is_no_level_3(self, site: Site, flags: int) -> None:
        device = Authenticator(ISSUER, flags=flags)
        give(site, jane(site), device)
        visitor = site.browser()
        answer = offered(visitor, login_page(visitor)).get(device)
        code = received(visitor.get(said(answer)["location"].removeprefix(ISSUER)))["code"]
        assert site.claims(body(site.redeem(code))["id_token"])["acr"] == "AAL2_ANY"


class TestRubbish:
    """WA-13, WA-15."""

    @pytest.mark.parametrize(
        "credential",
        [
            pytest.param("", id="nothing"),
            pytest.param("x", id="no JSON"),
            pytest.param("[" * 20_000, id="very deep"),
            pytest.param("9" * 20_000, id="a very large number"),
            pytest.param('{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}', id="empty"),
            pytest.param("<script>alert(1)</script>\r\nset-cookie: x=y", id="markup"),
        ],
    )
    @pytest.mark.parametrize("kind", ["sign in", "step up", "enrol"])
    def test_is_refused(self, build: Build, credential: str, kind: str) -> None:
        site = build(trusted_networks=ON_THE_WARD)
        visitor = site.browser()
        if kind == "sign in":
            offer = plain(visitor)
        else:
            visitor.log_in(visitor.get("/login"))
            offer = adding(visitor) if kind == "enrol" else offered_to_step_up(visitor)
        answer = offer.answer(credential, name="My phone")
        assert (answer.status_code, said(answer)["error"]) == (422, "failed")
        assert "script" not in answer.text

    def test_of_a_megabyte_is_too_much(self, site: Site) -> None:
        assert plain(site.browser()).answer("x" * 1_000_000).status_code == 413

    @pytest.mark.parametrize("path", ["/passkey/options", "/passkey/verify", "/passkey/register"])
    def test_in_another_form_is_no_form_of_ours(self, site: Site, path: str) -> None:
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        as_json = visitor.browser.post(path, base_url=ISSUER, json={"csrf_token": [], "name": "x"})
        assert as_json.status_code == 403
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert visitor.browser.post(path, base_url=ISSUER, data=b"a=%FF", headers=form).status_code == 400

    def test_the_browsers_own_words_go_nowhere(
        self, site: Site, device: Authenticator, log: io.StringIO
    ) -> None:
        words = "NotAllowedError\r\nfake: line <script>alert(1)</script>"
        answer = plain(site.browser()).answer(
            device.get({"challenge": "x", "allowCredentials": []}), error=words
        )
        assert "fake" not in answer.text
        assert "fake" not in log.getvalue()
        assert causes(site) == ["no_challenge"]


class TestForgery:
    @pytest.mark.parametrize(
        "path",
        [
            "/passkey/options",
            "/passkey/verify",
            "/passkey/mfa/options",
            "/passkey/mfa/verify",
            "/passkey/register/options",
            "/passkey/register",
        ],
    )
    @pytest.mark.parametrize(
        ("token", "sent"),
        [
            pytest.param("x", {"Sec-Fetch-Site": "same-origin"}, id="a wrong token"),
            pytest.param("", {"Sec-Fetch-Site": "same-origin"}, id="no token"),
            pytest.param(None, {"Sec-Fetch-Site": "cross-site"}, id="from another site"),
            pytest.param(None, {"Sec-Fetch-Site": "same-site"}, id="from a neighbour"),
            pytest.param(None, {"Origin": "https://evil.example"}, id="from another origin"),
        ],
    )
    def test_only_our_own_pages_may_ask(
        self, build: Build, path: str, token: str | None, sent: Mapping[str, str]
    ) -> None:
        site = build(trusted_networks=ON_THE_WARD)
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        right = {
            "/passkey/mfa/verify": lambda: offered_to_step_up(visitor),
            "/passkey/register": lambda: adding(visitor),
            "/passkey/verify": lambda: plain(visitor),
        }
        offer = right[path.replace("/options", "" if "register" in path else "/verify")]()
        fields = {"csrf_token": offer.words["csrf"] if token is None else token, "name": "x"}
        answer = visitor.post(path, fields, headers=dict(sent))
        assert (answer.status_code, heading(answer)) == (403, "We could not accept this form")

    def test_the_token_of_one_ceremony_serves_no_other(self, build: Build) -> None:
        site = build(trusted_networks=ON_THE_WARD)
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        offer = plain(visitor)
        other = adding(visitor)
        assert Offered(visitor, {**other.words, "csrf": offer.words["csrf"]}).ask().status_code == 403


def half(site: Site) -> Visitor:
    """Jane, who has given her password, and has a passkey to prove yet."""
    visitor = site.browser()
    visitor.submit(visitor.get("/login"), username="918JSMITH01", password="Tin.Horse.Lamp19")
    return visitor


class TestSecondFactor:
    def test_a_half_session_becomes_live(self, site: Site, device: Authenticator) -> None:
        visitor = half(site)
        assert "You are logged in" not in home(visitor)
        before = cookie(visitor, "sid")
        answer = offered_to_step_up(visitor).get(device)
        assert said(answer) == {"location": f"{ISSUER}/"}
        assert cookies_set(answer).keys() == {"__Host-sid", "__Host-dev"}
        assert cookie(visitor, "sid") != before
        assert "You are logged in as Jane Smith" in home(visitor)
        claims = site.claims(site.tokens(visitor=visitor)["id_token"])
        assert (claims["acr"], claims["amr"]) == ("AAL2_ANY", ["pwd", "swk", "user", "mfa"])

    def test_it_is_asked_for_on_the_way_to_an_application(self, site: Site, device: Authenticator) -> None:
        visitor = site.browser()
        page = visitor.submit(login_page(visitor), username="918JSMITH01", password="Tin.Horse.Lamp19")
        page = visitor.follow(page)
        assert heading(page) == "Confirm that it is you"
        answer = offered(visitor, page).get(device)
        code = received(visitor.get(said(answer)["location"].removeprefix(ISSUER)))["code"]
        claims = site.claims(body(site.redeem(code))["id_token"])
        assert (claims["acr"], claims["amr"]) == ("AAL2_ANY", ["pwd", "swk", "user", "mfa"])

    @pytest.mark.usefixtures("device")
    def test_its_own_passkeys_are_asked_for(self, site: Site) -> None:
        give(site, site.add_account("918JDOE01"), phone())
        options = offered_to_step_up(half(site)).options()
        (asked,) = options["allowCredentials"]
        assert asked["transports"] == ["hybrid", "internal"]
        assert asked["type"] == "public-key"

    def test_a_device_that_names_nobody_will_do(self, site: Site, device: Authenticator) -> None:
        assert offered_to_step_up(half(site)).get(device, user_handle=None).status_code == 200

    @pytest.mark.usefixtures("device")
    def test_the_passkey_of_another_is_refused(self, site: Site) -> None:
        other = phone()
        give(site, site.add_account("918JDOE01"), other)
        visitor = half(site)
        answer = offered_to_step_up(visitor).get(other, other.credentials[0])
        assert (answer.status_code, said(answer)["error"]) == (422, "failed")
        assert causes(site, "second_factor.passkey") == ["passkey_of_another_account"]
        assert "You are logged in" not in home(visitor)

    def test_the_user_handle_of_another_is_refused(self, site: Site, device: Authenticator) -> None:
        other = site.add_account("918JDOE01")
        answer = offered_to_step_up(half(site)).get(device, user_handle=other.id.bytes)
        assert answer.status_code == 422
        assert causes(site, "second_factor.passkey") == ["user_handle_of_another"]

    def test_the_challenge_of_another_person_is_none(self, site: Site, device: Authenticator) -> None:
        options = offered_to_step_up(half(site)).options()
        assert offered_to_step_up(half(site)).answer(device.get(options)).status_code == 422

    def test_an_account_that_was_closed_meanwhile_is_refused(self, site: Site, device: Authenticator) -> None:
        visitor = half(site)
        offer = offered_to_step_up(visitor)
        assertion = device.get(offer.options())
        with site.provider.database.write() as connection:
            account.set_state(connection, jane(site).id, AccountState.ACTIVE, AccountState.DISABLED)
        assert said(offer.answer(assertion)) == {"error": "ended"}

    def test_who_has_no_passkey_is_told_so(self, site: Site) -> None:
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        assert said(offered_to_step_up(visitor).ask()) == {"error": "none"}

    @pytest.mark.parametrize("path", ["options", "verify"])
    def test_who_is_not_logged_in_is_told_so(self, site: Site, path: str) -> None:
        answer = site.browser().post(f"/passkey/mfa/{path}", {})
        assert (answer.status_code, said(answer)) == (401, {"error": "ended"})


def adding(visitor: Visitor, query: str = "") -> Offered:
    """What the page to add a passkey offers."""
    page = visitor.get(f"/passkey/add{query}")
    assert (page.status_code, heading(page)) == (200, "Add a passkey")
    return offered(visitor, page)


@pytest.fixture
def ward(build: Build) -> Site:
    """A site whose people are all on a trusted network."""
    return build(trusted_networks=ON_THE_WARD)


@pytest.fixture
def logged_in(ward: Site) -> Visitor:
    """Jane, who has just logged in on the ward with her password, and has no second factor."""
    visitor = ward.browser()
    visitor.log_in(visitor.get("/login"))
    return visitor


def passkeys(site: Site, username: str = "918JSMITH01") -> list[str]:
    with site.provider.database.read() as connection:
        owner = account.find(connection, username)
        assert owner is not None
        return [each.name for each in passkey.of_account(connection, owner.id)]


class TestEnrolment:
    def test_a_passkey_is_added_and_logs_in(self, ward: Site, logged_in: Visitor) -> None:
        device = phone()
        answer = adding(logged_in).create(device, "  My  phone ")
        assert said(answer)["location"] == f"{ISSUER}/account"
        assert "Your passkey has been added." in home(logged_in)
        assert passkeys(ward) == ["My phone"]
        assert plain(ward.browser()).get(device).status_code == 200

    def test_the_session_has_proved_it(self, ward: Site, logged_in: Visitor) -> None:
        before = cookie(logged_in, "sid")
        adding(logged_in).create(phone())
        assert cookie(logged_in, "sid") != before
        claims = ward.claims(ward.tokens(visitor=logged_in)["id_token"])
        assert (claims["acr"], claims["amr"]) == ("AAL2_ANY", ["pwd", "swk", "user", "mfa"])

    def test_its_owner_is_told(self, ward: Site, logged_in: Visitor) -> None:
        adding(logged_in).create(phone(), "My phone")
        letters = mailbox.queued(ward.provider.database.url, ward.provider.masters)
        (letter,) = [each for each in letters if each.letter is Letter.FACTOR_ADDED]
        assert letter.to == "918jsmith01@example.nhs.uk"
        assert (letter.values["factor"], letter.values["label"]) == ("passkey", "My phone")

    def test_the_authenticator_learns_whose_it_is_and_which_there_are(self, logged_in: Visitor) -> None:
        device = phone()
        adding(logged_in).create(device)
        options = adding(logged_in).options(name="Second")
        assert options["user"]["name"] == "918JSMITH01"
        assert options["user"]["displayName"] == "Jane Smith"
        assert options["rp"] == {"id": "id.example.nhs.uk", "name": "Electronic Staff Record"}
        assert options["attestation"] == "none"
        assert len(options["excludeCredentials"]) == 1

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x07bell"])
    def test_it_needs_a_name(self, logged_in: Visitor, name: str) -> None:
        offer = adding(logged_in)
        assert said(offer.ask(name=name)) == {"error": "name"}
        assert said(offer.answer("{}", name=name)) == {"error": "name"}

    def test_markup_in_its_name_is_text(self, ward: Site, logged_in: Visitor) -> None:
        adding(logged_in).create(phone(), "<script>alert(1)</script>")
        assert passkeys(ward) == ["<script>alert(1)</script>"]
        assert "<script>alert" not in home(logged_in)

    def test_a_credential_of_another_person_stays_theirs(self, ward: Site, logged_in: Visitor) -> None:
        device = phone()
        give(ward, ward.add_account("918JDOE01"), device)
        answer = adding(logged_in).create(device, credential_id=device.credentials[0].id)
        assert (answer.status_code, said(answer)["error"]) == (422, "failed")
        assert causes(ward, "factor.added") == ["passkey_exists"]
        assert (passkeys(ward), passkeys(ward, "918JDOE01")) == ([], ["My phone"])

    def test_none_is_added_to_the_account_of_another(self, ward: Site, logged_in: Visitor) -> None:
        ward.add_account("918JDOE01")
        other = ward.browser()
        other.log_in(other.get("/login"), "918JDOE01")
        made_for_jane = phone().create(adding(logged_in).options(name="x"))
        answer = adding(other).answer(made_for_jane, name="x")
        assert answer.status_code == 422
        assert causes(ward, "factor.added") == ["challenge_unusable"]
        assert passkeys(ward) == passkeys(ward, "918JDOE01") == []

    def test_an_answer_serves_once(self, logged_in: Visitor) -> None:
        offer = adding(logged_in)
        made = phone().create(offer.options(name="x"))
        assert offer.answer(made, name="x").status_code == 200
        assert adding(logged_in).answer(made, name="x").status_code == 422

    def test_there_are_twenty_at_most(self, site: Site, device: Authenticator) -> None:
        for _ in range(18):
            give(site, jane(site), phone())
        visitors = [site.browser() for _ in range(2)]
        for visitor in visitors:
            plain(visitor).get(device, device.credentials[0])
        first, second = (adding(visitor) for visitor in visitors)
        made = [phone().create(offer.options(name="x")) for offer in (first, second)]
        assert first.answer(made[0], name="x").status_code == 200
        assert said(second.answer(made[1], name="x")) == {"error": "full"}
        assert said(second.ask(name="x")) == {"error": "full"}
        assert len(passkeys(site)) == 20

    @pytest.mark.parametrize(
        ("wrong", "cause"),
        [
            ({"origin": "https://evil.example"}, "wrong_origin"),
            ({"rp_id": "evil.example"}, "wrong_relying_party"),
            ({"flags": UP | BE | BS}, "user_not_verified"),
            ({"cose": {1: 3, 3: -65535, -1: b"x" * 256, -2: b"\x01\x00\x01"}}, "unsuitable_key"),
            ({"attestation": b"\x81" * 10_000}, "malformed"),
        ],
    )
    def test_what_is_not_right_is_not_stored(
        self, ward: Site, logged_in: Visitor, wrong: dict[str, Any], cause: str
    ) -> None:
        assert adding(logged_in).create(phone(), **wrong).status_code == 422
        assert causes(ward, "factor.added") == [cause]
        assert passkeys(ward) == []


class TestRecoveryCodesOfAPasskey:
    """They come with the first second factor, whichever it is."""

    def test_the_first_one_comes_with_ten_codes_that_are_told_once(
        self, ward: Site, logged_in: Visitor
    ) -> None:
        answer = adding(logged_in).create(phone())
        assert answer.headers["Cache-Control"] == "no-store"
        told = said(answer)
        assert told.keys() == {"location", "codes"}
        assert len(set(told["codes"])) == 10
        assert all(codes.read(code) for code in told["codes"])
        for path in ("/", "/account", "/mfa/recovery-codes", "/passkey/add"):
            assert told["codes"][0] not in logged_in.get(path).text
        letters = mailbox.queued(ward.provider.database.url, ward.provider.masters)
        (letter,) = [each for each in letters if each.letter is Letter.FACTOR_ADDED]
        assert letter.values["factor"] == "passkey"

    def test_one_of_them_stands_in_for_the_passkey_once(self, ward: Site, logged_in: Visitor) -> None:
        code = said(adding(logged_in).create(phone()))["codes"][3]
        for stands_in in (True, False):
            visitor = ward.browser()
            visitor.log_in(visitor.get("/login"))
            page = visitor.get("/mfa?way=recovery_code")
            assert (visitor.submit(page, code=code).status_code == 303) is stands_in
            assert ("You are logged in as" in visitor.get("/").text) is stands_in

    def test_the_second_one_brings_none_and_leaves_those_there_are(
        self, ward: Site, logged_in: Visitor
    ) -> None:
        adding(logged_in).create(phone())
        assert said(adding(logged_in).create(phone(), "Second")) == {"location": f"{ISSUER}/account"}
        with ward.provider.database.read() as connection:
            assert recovery_code.left(connection, jane(ward).id) == 10

    def test_who_has_an_app_gets_none(self, ward: Site) -> None:
        app, visitor = telephone(ward), ward.browser()
        page = visitor.log_in(visitor.get("/login?next=add-passkey"))
        visitor.follow(visitor.submit(page, code=app.code(ward)))
        assert said(adding(visitor).create(phone())).keys() == {"location"}

    def test_while_too_many_wait_for_a_hash_nothing_is_used_up(self, build: Build) -> None:
        site = build(trusted_networks=ON_THE_WARD, hash_threads=1, request_threads=10)
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        offer = adding(visitor)
        made = phone().create(offer.options(name="x"))
        with full(site.provider.sign_in.hasher):
            assert offer.answer(made, name="x").status_code == 503
        assert passkeys(site) == []
        assert len(said(offer.answer(made, name="x"))["codes"]) == 10

    def test_a_passkey_that_is_refused_makes_none(self, ward: Site, logged_in: Visitor) -> None:
        assert adding(logged_in).create(phone(), origin="https://evil.example").status_code == 422
        with ward.provider.database.read() as connection:
            assert recovery_code.left(connection, jane(ward).id) == 0


class TestWithoutProof:
    """WA-10: who may add a passkey."""

    def test_who_is_not_logged_in_is_sent_to_do_so(self, site: Site) -> None:
        visitor = site.browser()
        assert visitor.get("/passkey/add").location == f"{ISSUER}/login?next=add-passkey"
        for path in ("/passkey/register/options", "/passkey/register"):
            answer = visitor.post(path, {"name": "x"})
            assert (answer.status_code, said(answer)) == (401, {"error": "ended"})

    def test_who_logged_in_some_time_ago_logs_in_again(self, ward: Site, logged_in: Visitor) -> None:
        offer = adding(logged_in)
        made = phone().create(offer.options(name="x"))
        ward.clock.advance(5 * MINUTE)
        assert logged_in.get("/passkey/add").location == f"{ISSUER}/login?next=add-passkey"
        for answer in (offer.ask(name="x"), offer.answer(made, name="x")):
            assert answer.status_code in {403, 422}
        assert passkeys(ward) == []
        logged_in.log_in(logged_in.get("/login?next=add-passkey"))
        assert adding(logged_in)

    def test_a_password_alone_is_not_enough_from_anywhere(self, site: Site) -> None:
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        assert visitor.get("/passkey/add").location == f"{ISSUER}/mfa/enrol"

    def test_who_has_a_second_factor_proves_it_first(self, site: Site, device: Authenticator) -> None:
        visitor = half(site)
        proving = visitor.get("/passkey/add").location
        assert proving == f"{ISSUER}/mfa?next=add-passkey"
        answer = offered(visitor, visitor.get("/mfa?next=add-passkey")).get(device)
        assert said(answer) == {"location": f"{ISSUER}/passkey/add"}
        assert adding(visitor).create(phone(), "Second").status_code == 200
        assert sorted(passkeys(site)) == ["My phone", "Second"]

    def test_a_mailed_link_will_do_once(self, site: Site) -> None:
        provider = site.provider
        with provider.database.write() as connection:
            links = Links(provider.randomness, provider.lifetimes, ISSUER)
            issued = links.issue(connection, jane(site).id, Purpose.ENROL, site.clock.now())
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        offer = adding(visitor, f"?link={issued.token}")
        assert offer.words["link"] == issued.token
        assert offer.create(phone()).status_code == 200
        other = site.browser()
        other.log_in(other.get("/login"))
        assert other.get(f"/passkey/add?link={issued.token}").status_code == 303

    def test_the_link_of_another_will_not(self, site: Site) -> None:
        provider = site.provider
        other = site.add_account("918JDOE01")
        with provider.database.write() as connection:
            links = Links(provider.randomness, provider.lifetimes, ISSUER)
            issued = links.issue(connection, other.id, Purpose.ENROL, site.clock.now())
        visitor = site.browser()
        visitor.log_in(visitor.get("/login"))
        page = visitor.get(f"/passkey/add?link={issued.token}")
        assert page.location == f"{ISSUER}/mfa/enrol"
