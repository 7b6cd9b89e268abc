"""Relying parties ask for an assurance, and get exactly what was done: the missing step, or an error."""

from datetime import timedelta

import pytest

from idp.accounts.link import Links
from idp.db.account import AccountState
from idp.db.link import Purpose
from tests import enrolled
from tests.observed import statements
from tests.site import ISSUER, PASSWORD, Site, body, received
from tests.web.assured import CARD, CODE, DOMAIN, JOAN, KEY, SID, TOTP, Person, at, essential, page_of
from tests.web.forms import form_of


@pytest.fixture
def joan(site: Site) -> Person:
    return Person(site)


class TestWithoutADemand:
    def test_who_has_a_second_factor_proves_it(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        assert page_of(joan.ask()) == "/login"
        assert page_of(joan.log_in()) == "/mfa"
        site.clock.advance(timedelta(minutes=1))
        claims = joan.claims(joan.prove(TOTP))
        assert (claims["acr"], claims["amr"]) == ("AAL2_TOTP", ["pwd", "otp", "mfa"])
        assert claims["auth_time"] == at(site, ago=60)

    def test_who_has_none_does_not(self, site: Site, joan: Person) -> None:
        joan.ask()
        claims = joan.claims(joan.log_in())
        assert (claims["acr"], claims["amr"], claims["auth_time"]) == ("AAL1_USERPASS", ["pwd"], at(site))

    def test_a_recovery_code_is_no_app(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        joan.ask()
        joan.log_in()
        claims = joan.claims(joan.prove(CODE))
        assert (claims["acr"], claims["amr"]) == ("AAL2_ANY", ["pwd", "otp", "mfa"])


class TestAWish:
    @pytest.mark.parametrize(
        "asked",
        [
            pytest.param({"acr_values": "AAL2_TOTP"}, id="acr_values"),
            pytest.param({"acr_values": "AAL3_SMARTCARD AAL2_ANY"}, id="one of several"),
            pytest.param({"claims": '{"id_token":{"acr":{"value":"AAL2_TOTP"}}}'}, id="a voluntary claim"),
        ],
    )
    def test_is_met_by_who_can(self, site: Site, joan: Person, asked: dict[str, str]) -> None:
        joan.ask()
        first = joan.claims(joan.log_in())
        refresh_token = joan.tokens["refresh_token"]
        enrolled.app(site, joan.account.id)
        site.clock.advance(timedelta(minutes=10))
        # Single sign-on as before for who asks for nothing, …
        assert joan.claims(joan.ask())["acr"] == "AAL1_USERPASS"
        # … one step for who wishes for more.
        assert page_of(joan.ask(**asked)) == "/mfa"
        second = joan.claims(joan.prove(TOTP))
        assert (second["acr"], second["amr"]) == ("AAL2_TOTP", ["pwd", "otp", "mfa"])
        assert second["auth_time"] == first["auth_time"] == at(site, ago=600)
        assert second["sid"] == first["sid"]
        # From now on nothing is missing; and what was granted before says what was done for it.
        assert joan.claims(joan.ask(**asked))["acr"] == "AAL2_TOTP"
        refreshed = site.claims(body(site.refresh(refresh_token))["id_token"])
        assert (refreshed["acr"], refreshed["amr"]) == ("AAL1_USERPASS", ["pwd"])
        assert refreshed["auth_time"] == first["auth_time"]

    @pytest.mark.parametrize("values", ["AAL2_TOTP", "AAL3_ANY", "AAL3_SMARTCARD", "gold"])
    def test_is_not_met_by_who_cannot_who_goes_on_all_the_same(self, joan: Person, values: str) -> None:
        joan.ask(acr_values=values)
        assert joan.claims(joan.log_in())["acr"] == "AAL1_USERPASS"
        assert joan.claims(joan.ask(acr_values=values))["acr"] == "AAL1_USERPASS"

    def test_shows_no_page_to_who_shall_see_none(self, site: Site, joan: Person) -> None:
        joan.ask()
        joan.claims(joan.log_in())
        enrolled.app(site, joan.account.id)
        assert joan.claims(joan.ask(acr_values="AAL2_TOTP", prompt="none"))["acr"] == "AAL1_USERPASS"

    def test_for_an_app_ends_with_a_recovery_code(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        joan.ask(acr_values="AAL2_TOTP")
        joan.log_in()
        assert joan.claims(joan.prove(CODE))["acr"] == "AAL2_ANY"
        assert joan.claims(joan.ask(acr_values="AAL2_TOTP"))["acr"] == "AAL2_ANY"

    def test_for_a_card_shows_its_panel_once(self, site: Site, joan: Person) -> None:
        enrolled.smartcard(site, joan.account.id)
        joan.ask()
        joan.log_in()
        assert page_of(joan.ask(acr_values="AAL3_SMARTCARD")) == "/login"
        assert joan.claims(joan.log_in())["acr"] == "AAL1_USERPASS"

    def test_may_be_registered(self, site: Site, joan: Person) -> None:
        site.add_client("ward", default_acr_values=["AAL2_TOTP"])
        joan.ask()
        joan.log_in()
        enrolled.app(site, joan.account.id)
        assert page_of(joan.ask("ward")) == "/mfa"
        assert "code" in received(joan.ask("ward", acr_values="AAL1_USERPASS"))


class TestARequirement:
    def test_is_met_by_the_missing_step(self, site: Site, joan: Person) -> None:
        joan.ask()
        joan.log_in()
        enrolled.app(site, joan.account.id)
        claims = essential("AAL2_TOTP")
        assert received(joan.ask(claims=claims, prompt="none"))["error"] == "login_required"
        assert page_of(joan.ask(claims=claims)) == "/mfa"
        assert page_of(joan.hub()) == "/mfa"
        assert joan.claims(joan.prove(TOTP))["acr"] == "AAL2_TOTP"
        assert joan.claims(joan.ask(claims=claims, prompt="none"))["acr"] == "AAL2_TOTP"

    def test_is_met_by_enrolling(self, site: Site, joan: Person) -> None:
        claims = essential("AAL2_ANY", "AAL3_ANY")
        joan.ask(claims=claims)
        assert page_of(joan.log_in()) == "/mfa/enrol"
        assert received(joan.ask(claims=claims, prompt="none"))["error"] == "interaction_required"
        enrolled.app(site, joan.account.id)
        assert page_of(joan.ask(claims=claims)) == "/mfa"
        assert joan.claims(joan.prove(TOTP))["acr"] == "AAL2_TOTP"

    def test_that_a_password_cannot_meet_ends_in_an_error_after_it(self, joan: Person) -> None:
        claims = essential("AAL3_SMARTCARD")
        assert page_of(joan.ask(claims=claims)) == "/login"
        assert received(joan.log_in()) == {
            "error": "unmet_authentication_requirements",
            "error_description": "no sign-in of this person gives the assurance that is required",
            "state": "a-state",
            "iss": ISSUER,
        }
        # There may be a card the next time.
        assert page_of(joan.ask(claims=claims)) == "/login"
        assert received(joan.ask(claims=claims, prompt="none"))["error"] == "login_required"

    def test_is_met_by_a_card(self, joan: Person) -> None:
        claims = essential("AAL3_SMARTCARD")
        joan.ask()
        joan.log_in()
        assert page_of(joan.ask(claims=claims)) == "/login"
        told = joan.claims(joan.come_with(CARD))
        assert (told["acr"], told["amr"]) == ("AAL3_SMARTCARD", ["sc", "pin", "mfa"])

    @pytest.mark.parametrize("prompt", [None, "none", "login"])
    def test_that_nobody_knows_is_refused_at_once(self, site: Site, prompt: str | None) -> None:
        answer = received(site.browser().authorize(claims=essential("gold"), prompt=prompt))
        assert answer["error"] == "unmet_authentication_requirements"

    def test_of_a_device_goes_on_after_an_app_that_is_not_enough(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        enrolled.security_key(site, joan.account.id)
        joan.ask(claims=essential("AAL3_FIDO2"))
        joan.log_in()
        assert page_of(joan.prove(TOTP)) == "/mfa"
        told = joan.claims(joan.prove(KEY))
        assert (told["acr"], told["amr"]) == ("AAL3_FIDO2", ["pwd", "otp", "hwk", "user", "mfa"])

    def test_of_an_app_ends_in_an_error_after_a_recovery_code(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        joan.ask(claims=essential("AAL2_TOTP"))
        joan.log_in()
        assert received(joan.prove(CODE))["error"] == "unmet_authentication_requirements"

    def test_of_the_client_holds_for_every_request(self, site: Site, joan: Person) -> None:
        site.add_client("payroll", minimum_acr="AAL2_OR_AAL3_ANY")
        joan.ask()
        joan.log_in()
        enrolled.app(site, joan.account.id)
        for asked in ({}, {"acr_values": "AAL1_USERPASS"}, {"claims": essential("AAL1_USERPASS")}):
            assert page_of(joan.ask("payroll", **asked)) == "/mfa"
            assert received(joan.ask("payroll", prompt="none", **asked))["error"] == "login_required"
        joan.ask("payroll")
        assert joan.claims(joan.prove(TOTP), "payroll")["acr"] == "AAL2_TOTP"

    def test_is_asked_for_in_spite_of_a_trusted_device(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        provider = site.provider
        with provider.database.write() as connection:
            token = provider.entry.trusted_devices.trust(
                connection, joan.account.id, user_agent=None, now=site.clock.now()
            )
        joan.visitor.browser.set_cookie("__Host-trust", token, domain=DOMAIN, secure=True)
        joan.ask()
        assert joan.claims(joan.log_in())["acr"] == "AAL1_USERPASS"
        assert page_of(joan.ask(claims=essential("AAL2_TOTP"))) == "/mfa"
        assert joan.claims(joan.prove(TOTP))["acr"] == "AAL2_TOTP"


class TestAge:
    @pytest.mark.parametrize(
        "asked",
        [
            pytest.param({"max_age": "300", "acr_values": "AAL2_TOTP"}, id="a resource server's challenge"),
            pytest.param({"max_age": "300"}, id="max_age alone"),
            pytest.param({"prompt": "login"}, id="prompt=login"),
        ],
    )
    def test_all_factors_are_due_again(self, site: Site, joan: Person, asked: dict[str, str]) -> None:
        enrolled.app(site, joan.account.id)
        joan.ask()
        joan.log_in()
        first = joan.claims(joan.prove(TOTP))
        site.clock.advance(timedelta(seconds=300))
        assert page_of(joan.ask(**asked)) == "/login"
        assert page_of(joan.log_in()) == "/mfa"
        second = joan.claims(joan.prove(TOTP))
        assert (second["acr"], second["auth_time"]) == ("AAL2_TOTP", first["auth_time"] + 300)

    def test_a_challenge_to_a_young_session_asks_for_the_missing_factor_alone(
        self, site: Site, joan: Person
    ) -> None:
        joan.ask()
        first = joan.claims(joan.log_in())
        enrolled.app(site, joan.account.id)
        site.clock.advance(timedelta(seconds=299))
        assert page_of(joan.ask(max_age="300", acr_values="AAL2_TOTP")) == "/mfa"
        second = joan.claims(joan.prove(TOTP))
        assert (second["acr"], second["auth_time"]) == ("AAL2_TOTP", first["auth_time"])

    def test_a_code_that_comes_late_does_not_make_the_sign_in_younger(self, site: Site, joan: Person) -> None:
        joan.ask()
        joan.log_in()
        enrolled.app(site, joan.account.id)
        joan.ask(max_age="300", acr_values="AAL2_TOTP")
        site.clock.advance(timedelta(seconds=301))
        assert page_of(joan.prove(TOTP)) == "/login"


class TestHalfASession:
    @pytest.fixture
    def half(self, site: Site, joan: Person) -> Person:
        enrolled.app(site, joan.account.id)
        joan.ask()
        assert page_of(joan.log_in()) == "/mfa"
        return joan

    def test_is_signed_in_nowhere(self, half: Person) -> None:
        assert received(half.ask(prompt="none"))["error"] == "login_required"
        assert page_of(half.ask()) == "/login"

    def test_opens_no_page_but_that_of_the_second_factor(self, site: Site, half: Person) -> None:
        request = f"?request={half.handle}"
        stranger = site.browser()
        paths = {rule.rule for rule in site.flask.url_map.iter_rules() if "GET" in (rule.methods or ())}
        ends_it = {"/logout", "/signed-out"}
        for path in sorted(path for path in paths - ends_it if "<" not in path and "/mfa" not in path):
            ours, theirs = half.visitor.get(path), stranger.get(path)
            if (ours.status_code, ours.location) != (theirs.status_code, theirs.location):
                assert page_of(ours) == "/mfa", path
            assert JOAN not in ours.text
            assert "Jane Smith" not in ours.text
        assert page_of(half.visitor.get("/")) == "/mfa"
        for path in ("/consent", "/select-account", "/change-password"):
            answer = half.visitor.get(f"{path}{request}")
            assert answer.location == f"{ISSUER}/authorize/{half.handle}", path
        assert page_of(half.hub()) == "/mfa"

    @pytest.mark.parametrize("path", ["/consent", "/select-account", "/change-password"])
    def test_posts_nothing_either(self, site: Site, path: str) -> None:
        site.add_client("rota", client_name="Rota", first_party=False)
        joan = Person(site)
        joan.ask("rota", prompt="select_account consent")
        joan.log_in()
        live = joan.visitor.get(f"{path}?request={joan.handle}")
        fields = form_of(live)[1] if live.status_code == 200 else {}
        enrolled.app(site, joan.account.id)
        assert page_of(joan.log_in()) == "/mfa"
        new = {"password": "Cloud.Tiger.Sock48", "confirm_password": "Cloud.Tiger.Sock48"}
        answer = joan.visitor.post(
            f"{path}?request={joan.handle}",
            {**fields, "decision": "allow", **new, "current_password": PASSWORD},
        )
        assert answer.status_code in {303, 403}
        assert page_of(joan.hub()) == "/mfa"

    def test_ends_by_signing_out(self, half: Person) -> None:
        assert page_of(half.visitor.get("/logout")) == "/signed-out"
        assert half.visitor.browser.get_cookie(SID, domain=DOMAIN) is None
        assert page_of(half.hub()) == "/login"

    def test_is_not_another_person_s(self, site: Site, half: Person) -> None:
        page = half.visitor.get(f"/login?request={half.handle}")
        answer = half.visitor.log_in(page, "918JSMITH01")
        assert site.claims(body(site.redeem(received(answer)["code"]))["id_token"])["acr"] == "AAL1_USERPASS"

    def test_begun_elsewhere_in_this_browser_is_not_what_a_request_waits_for(self, site: Site) -> None:
        site.add_client("rota", client_name="Rota", first_party=False)
        jane = Person(site, "918JROE01")
        jane.ask("rota")
        assert page_of(jane.log_in()) == "/consent"
        joan = site.add_account(JOAN)
        enrolled.app(site, joan.id)
        page = jane.visitor.get("/login")
        assert page_of(jane.visitor.submit(page, username=JOAN, password=PASSWORD)) == "/mfa"
        assert page_of(jane.hub()) == "/login"

    def test_of_the_wrong_person_is_sent_back(self, site: Site, joan: Person) -> None:
        hint = site.tokens()["id_token"]
        enrolled.app(site, joan.account.id)
        joan.ask(id_token_hint=hint)
        assert received(joan.log_in())["error"] == "login_required"

    def test_comes_before_a_due_password(self, site: Site) -> None:
        joan = Person(site, state=AccountState.MUST_CHANGE_PASSWORD)
        enrolled.app(site, joan.account.id)
        joan.ask()
        assert page_of(joan.log_in()) == "/mfa"
        change = joan.visitor.get(f"/change-password?request={joan.handle}")
        assert page_of(change) == f"/authorize/{joan.handle}"
        assert page_of(joan.prove(TOTP)) == "/change-password"
        page = joan.visitor.get(f"/change-password?request={joan.handle}")
        words = "Cloud.Tiger.Sock48"
        joan.visitor.submit(page, password=words, confirm_password=words)
        claims = joan.claims(joan.hub())
        assert (claims["acr"], claims["amr"]) == ("AAL2_TOTP", ["pwd", "otp", "mfa"])

    def test_is_what_a_new_password_opens_too(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        provider = site.provider
        links = Links(provider.randomness, provider.lifetimes, ISSUER)
        with provider.database.write() as connection:
            link = links.issue(connection, joan.account.id, Purpose.RESET, site.clock.now())
        page = joan.visitor.get(f"/update-password?link={link.token}")
        joan.visitor.submit(page, username=JOAN, password=PASSWORD + "x", confirm_password=PASSWORD + "x")
        joan.ask()
        page = joan.visitor.get(f"/login?request={joan.handle}")
        joan.visitor.submit(page, username=JOAN, password=PASSWORD + "x")
        assert page_of(joan.hub()) == "/mfa"

    def test_of_a_plain_login_goes_to_the_second_factor(self, site: Site, joan: Person) -> None:
        enrolled.app(site, joan.account.id)
        page = joan.visitor.get("/login")
        assert page_of(joan.visitor.submit(page, username=JOAN, password=PASSWORD)) == "/mfa"
        assert page_of(joan.visitor.get("/")) == "/mfa"


class TestSingleSignOn:
    @pytest.mark.parametrize(
        "asked",
        [{}, {"acr_values": "AAL1_USERPASS"}, {"claims": essential("AAL1_USERPASS")}, {"prompt": "none"}],
        ids=str,
    )
    def test_asks_the_database_once_where_nothing_is_missing(
        self, joan: Person, asked: dict[str, str]
    ) -> None:
        joan.ask()
        joan.log_in()
        joan.ask(**asked)
        with statements() as seen:
            assert "code" in received(joan.ask(**asked))
        verbs = [sql.split()[0] for sql in seen]
        assert verbs.count("SELECT") == 1
        assert verbs.count("INSERT") == 1

    def test_asks_once_more_what_could_be_proved_where_something_is(self, joan: Person) -> None:
        joan.ask()
        joan.log_in()
        joan.ask(acr_values="AAL2_TOTP")
        with statements() as seen:
            assert "code" in received(joan.ask(acr_values="AAL2_TOTP"))
        assert [sql.split()[0] for sql in seen].count("SELECT") == 2
