"""Logging in with NHS Care Identity: there and back in one browser, once; and signing out from there."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from idp.accounts import administration
from idp.accounts.care_identity import CareIdentityProblem
from idp.web.pages.care_identity import WORDS
from tests.care import OTHER_NUMBER, Care, caring, query_of
from tests.site import ISSUER, Site, Visitor, body, received
from tests.upstream import later, replacing, unsigned
from tests.web.conftest import Build
from tests.web.forms import cookies_set, heading, reference

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ORIGIN = "https://card.example.nhs.uk"
CARD_DEMANDED = '{"id_token": {"acr": {"essential": true, "value": "AAL3_SMARTCARD"}}}'


@pytest.fixture
def care(build: Build, now: datetime, tmp_path: Path) -> Iterator[Care]:
    """Jane's card is linked."""
    with caring(build, now, tmp_path) as care:
        care.link()
        yield care


@pytest.fixture
def site(care: Care) -> Site:
    return care.site


def waiting(visitor: Visitor, **asked: str) -> str:
    """Come from an application: the path that starts with NHS Care Identity."""
    return path_in(visitor.follow(visitor.authorize(**asked)).text)


def path_in(page: str) -> str:
    query = page.partition('href="/care-identity?')[2].partition('"')[0]
    assert query, page
    return f"/care-identity?{unescape(query)}"


def cookie(there: str) -> str:
    """The name of the cookie with which the browser left."""
    return f"__Host-ci-{query_of(there)['state'][:8]}"


def signed_in(care: Care, visitor: Visitor | None = None, **asked: str) -> dict[str, str]:
    """What the application receives."""
    visitor = visitor or care.site.browser()
    return received(visitor.follow(care.use(visitor, waiting(visitor, **asked))))


def claims_of(care: Care, code: str) -> dict[str, object]:
    return care.site.claims(body(care.site.redeem(code))["id_token"])


class TestCareIdentity:
    def test_signs_in_at_an_application_that_waits_with_the_assurance_it_gives(self, care: Care) -> None:
        claims = claims_of(care, signed_in(care)["code"])
        assert (claims["acr"], claims["amr"]) == ("AAL3_SMARTCARD", ["sc", "pin", "mfa"])
        assert claims["auth_time"] == int(care.site.clock.now().timestamp())
        assert "nhsid_useruid" not in claims

    def test_tells_who_it_was_where_the_application_may_know(self, care: Care) -> None:
        answer = body(care.site.redeem(signed_in(care, scope="openid esr")["code"]))
        assert care.site.claims(answer["id_token"])["nhsid_useruid"] == "656005750104"
        told = body(care.site.userinfo(answer["access_token"]))
        assert (told["nhsid_useruid"], told["esr_username"]) == ("656005750104", "918JSMITH01")
        again = body(care.site.refresh(answer["refresh_token"]))
        assert care.site.claims(again["id_token"])["nhsid_useruid"] == "656005750104"

    def test_is_told_of_no_password(self, care: Care) -> None:
        answer = care.site.tokens(scope="openid esr")
        assert "nhsid_useruid" not in care.site.claims(answer["id_token"])
        assert "nhsid_useruid" not in body(care.site.userinfo(answer["access_token"]))

    def test_signs_in_without_an_application(self, care: Care) -> None:
        visitor = care.site.browser()
        there = care.leave(visitor)
        back = care.come_back(visitor, care.upstream.authorize(there))
        assert (back.status_code, back.location) == (303, f"{ISSUER}/")
        assert "918JSMITH01" in visitor.follow(back).text
        set_now = cookies_set(back)
        assert "max-age" not in set_now["__Host-sid"]
        assert set_now[cookie(there)]["value"] == ""

    def test_is_a_second_factor_by_itself(self, build: Build, now: datetime, tmp_path: Path) -> None:
        with caring(build, now, tmp_path, second_factor="always") as care:
            care.link()
            assert "code" in signed_in(care)

    def test_of_a_kind_that_nobody_names_is_one_too(
        self, build: Build, now: datetime, tmp_path: Path
    ) -> None:
        settings = {"second_factor": "always", "care_identity_acr_values": ("AAL2_OR_AAL3_ANY",)}
        with caring(build, now, tmp_path, **settings) as care:
            care.link()
            care.upstream.acr, care.upstream.amr, care.upstream.level = "AAL2_ANY", ["TOTP"], "2"
            claims = claims_of(care, signed_in(care)["code"])
            assert (claims["acr"], claims["amr"]) == ("AAL2_ANY", ["mfa"])

    def test_leads_to_a_new_password_when_one_is_due(self, care: Care) -> None:
        with care.site.provider.database.write() as connection:
            administration.require_change(connection, care.account(), care.site.clock.now())
        visitor = care.site.browser()
        page = visitor.follow(care.use(visitor, waiting(visitor)))
        assert 'name="confirm_password"' in page.text

    @pytest.mark.parametrize("prompt", ["login", "select_account"])
    def test_is_asked_for_again_where_the_application_wants_a_new_sign_in(
        self, build: Build, now: datetime, tmp_path: Path, prompt: str
    ) -> None:
        with caring(build, now, tmp_path, care_identity_max_age=timedelta(minutes=10)) as care:
            care.link()
            visitor = care.site.browser()
            assert "prompt" not in query_of(care.leave(visitor, waiting(visitor)))
            there = care.leave(visitor, waiting(visitor, prompt=prompt))
            asked = query_of(there)
            assert (asked["prompt"], asked["max_age"]) == ("login", "0")
            care.upstream.change_id_token = later("auth_time", -MINUTE)
            back = care.come_back(visitor, care.upstream.authorize(there))
            assert heading(back) == "Log in to NHS Care Identity again"
            care.upstream.change_id_token = later("auth_time", 0 * SECOND)
            assert "code" in signed_in(care, visitor, prompt=prompt)

    @pytest.mark.parametrize("asked", [{"acr_values": "AAL3_ANY"}, {"acr_values": "AAL3_SMARTCARD"}])
    def test_raises_a_session_with_a_password_to_what_is_asked_for(
        self, care: Care, asked: dict[str, str]
    ) -> None:
        """The card is linked, and no certificate is asked for anywhere."""
        visitor = care.site.browser()
        visitor.sign_in_to()
        page = visitor.follow(visitor.authorize(**asked))
        assert heading(page) == "Log in with your credentials"
        assert "Log in via Smartcard" in page.text
        back = visitor.follow(care.use(visitor, path_in(page.text)))
        assert claims_of(care, received(back)["code"])["acr"] == "AAL3_SMARTCARD"

    def test_is_what_an_application_that_demands_a_card_leads_to(self, care: Care) -> None:
        """OpenID Connect Core §5.5.1.1: an essential claim is no wish, and another device will not do."""
        visitor = care.site.browser()
        visitor.log_in(visitor.get("/login"))
        page = visitor.follow(visitor.authorize(claims=CARD_DEMANDED))
        assert heading(page) == "Log in with your credentials"
        assert "Log in via Smartcard" in page.text
        path = path_in(page.text)
        care.upstream.amr = ["FIDO2"]
        assert received(visitor.follow(care.use(visitor, path)))["error"] == (
            "unmet_authentication_requirements"
        )
        care.upstream.amr = ["N3_SMARTCARD"]
        again = signed_in(care, visitor, claims=CARD_DEMANDED, prompt="login")
        assert claims_of(care, again["code"])["acr"] == "AAL3_SMARTCARD"

    def test_is_asked_for_level_3_where_the_client_is_content_with_nothing_less(
        self, build: Build, now: datetime, tmp_path: Path
    ) -> None:
        with caring(build, now, tmp_path, care_identity_acr_values=("AAL2_OR_AAL3_ANY",)) as care:
            care.link()
            care.site.add_client("records", minimum_acr="AAL3_ANY")
            visitor = care.site.browser()
            visitor.sign_in_to()
            assert query_of(care.leave(visitor, waiting(visitor, prompt="login")))["acr_values"] == (
                "AAL2_OR_AAL3_ANY"
            )
            page = visitor.follow(visitor.authorize("records"))
            assert query_of(care.leave(visitor, path_in(page.text)))["acr_values"] == "AAL3_ANY"

    def test_is_for_each_of_two_tabs(self, care: Care) -> None:
        """Two applications wait in one browser, as in the morning; each gets its own answer."""
        visitor = care.site.browser()
        first = waiting(visitor, state="first")
        second = waiting(visitor, state="second")
        answers = [care.upstream.authorize(care.leave(visitor, path)) for path in (first, second)]
        received_by = [received(visitor.follow(care.come_back(visitor, answer))) for answer in answers]
        assert [each["state"] for each in received_by] == ["first", "second"]
        assert all("code" in each for each in received_by)

    def test_takes_the_place_of_whoever_was_signed_in(self, care: Care) -> None:
        care.site.add_account("918OJONES01")
        visitor = care.site.browser()
        visitor.log_in(visitor.get("/login"), "918OJONES01")
        visitor.follow(care.use(visitor))
        home = visitor.get("/").text
        assert "918JSMITH01" in home
        assert "918OJONES01" not in home


class TestTheLoginPage:
    @pytest.mark.parametrize(
        ("settings", "ways"),
        [
            pytest.param({}, [("Log in via Smartcard", "/care-identity")], id="care identity"),
            pytest.param(
                {"smartcard_origin": ORIGIN},
                [("Log in via Smartcard", "/smartcard"), ("Log in with NHS Care Identity", "/care-identity")],
                id="both",
            ),
        ],
    )
    def test_offers_the_ways_there_are(
        self,
        build: Build,
        now: datetime,
        tmp_path: Path,
        settings: dict[str, str],
        ways: list[tuple[str, str]],
    ) -> None:
        with caring(build, now, tmp_path, **settings) as care:
            page = care.site.browser().get("/login").text
        panel = page.partition('aria-labelledby="smartcard"')[2].partition("</section>")[0]
        assert "Log in with your Smartcard" in panel
        assert panel.count("</a>") == len(ways)
        for words, path in ways:
            link = panel.partition(f'href="{path}"')[2].partition("</a>")[0]
            assert words in link

    def test_offers_nothing_that_is_off(self, build: Build) -> None:
        site = build()
        assert "Care Identity" not in site.browser().get("/login").text
        for path in ("/care-identity", "/care-identity/return", "/care-identity/jwks.json"):
            assert site.browser().get(path).status_code == 404
        assert site.post("/care-identity/logout", None, logout_token="x").status_code == 404


class TestNobodyElseIsSignedIn:
    def test_by_an_answer_for_another_browser(self, care: Care) -> None:
        """The attacker starts, signs in there, and lets the victim's browser follow the link."""
        attacker, victim = care.site.browser(), care.site.browser()
        answer = care.upstream.authorize(care.leave(attacker))
        back = care.come_back(victim, answer)
        assert (back.status_code, heading(back)) == (400, "Start again with NHS Care Identity")
        assert "__Host-sid" not in cookies_set(back)
        # Nor has the victim spoiled it for whom it is for.
        assert care.come_back(attacker, answer).status_code == 303

    def test_by_a_code_of_another(self, care: Care) -> None:
        """The victim's code under the thief's own state: PKCE and nonce are made from the other cookie."""
        victim, thief = care.site.browser(), care.site.browser()
        theirs = query_of(care.upstream.authorize(care.leave(victim)))
        own = query_of(care.upstream.authorize(care.leave(thief)))
        query = f"state={own['state']}&code={theirs['code']}&iss={theirs['iss']}"
        back = thief.get(f"/care-identity/return?{query}")
        assert heading(back) == "We could not accept the answer of NHS Care Identity"
        assert "__Host-sid" not in cookies_set(back)

    def test_by_an_answer_that_was_used(self, care: Care) -> None:
        visitor = care.site.browser()
        there = care.leave(visitor)
        kept = visitor.browser.get_cookie(cookie(there), domain="id.example.nhs.uk")
        assert kept is not None
        answer = care.upstream.authorize(there)
        assert care.come_back(visitor, answer).status_code == 303
        visitor.browser.set_cookie(cookie(there), kept.value, domain="id.example.nhs.uk", secure=True)
        assert care.come_back(visitor, answer).status_code == 400

    def test_without_the_transaction_cookie_of_the_application_that_waits(self, care: Care) -> None:
        visitor = care.site.browser()
        path = waiting(visitor)
        answer = care.upstream.authorize(care.leave(visitor, path))
        name = f"__Host-tx-{path.partition('request=')[2][:8]}"
        visitor.browser.delete_cookie(name, domain="id.example.nhs.uk")
        back = care.come_back(visitor, answer)
        assert heading(back) == "This login page belongs to another browser"
        assert "__Host-sid" not in cookies_set(back)

    def test_for_the_request_of_another_browser(self, care: Care) -> None:
        victim, attacker = care.site.browser(), care.site.browser()
        gone = attacker.get(waiting(victim))
        assert heading(gone) == "This login page belongs to another browser"

    @pytest.mark.parametrize("state", ["", "another", "%C3%A9", "%FF", "%ED%A0%80", "%00", "a" * 5000])
    def test_by_a_link_of_another_site_which_spoils_nothing(self, care: Care, state: str) -> None:
        visitor = care.site.browser()
        answer = care.upstream.authorize(care.leave(visitor))
        assert visitor.get(f"/care-identity/return?state={state}&code=x").status_code == 400
        assert care.come_back(visitor, answer).status_code == 303

    @pytest.mark.parametrize("kept", ["", ".", "\\355\\240\\200", "\u00e9", "a." + "b" * 5000, "a.b.c"])
    def test_by_a_cookie_of_nobodys_making(self, care: Care, kept: str) -> None:
        visitor = care.site.browser()
        back = visitor.browser.get(
            "/care-identity/return?state=AAAAAAAA&code=x",
            base_url=ISSUER,
            headers={"Cookie": f"__Host-ci-AAAAAAAA={kept}".encode().decode("latin-1")},
        )
        assert back.status_code == 400

    def test_by_a_parameter_that_came_twice(self, care: Care) -> None:
        visitor = care.site.browser()
        answer = care.upstream.authorize(care.leave(visitor))
        back = care.come_back(visitor, f"{answer}&state=another")
        assert back.status_code == 400

    def test_by_an_issuer_that_came_twice(self, care: Care) -> None:
        care.upstream.change_discovery = lambda document: document.pop(
            "authorization_response_iss_parameter_supported"
        )
        visitor = care.site.browser()
        answer = care.upstream.authorize(care.leave(visitor))
        back = care.come_back(visitor, f"{answer}&iss=https://another.example")
        assert heading(back) == "We could not accept the answer of NHS Care Identity"
        assert "__Host-sid" not in cookies_set(back)


class TestARefusal:
    @pytest.mark.parametrize(
        ("change", "status", "title"),
        [
            ({"acr": "AAL2_ANY"}, 403, "Log in to NHS Care Identity in a stronger way"),
            ({"nonce": "another"}, 403, "We could not accept the answer of NHS Care Identity"),
            ({"auth_time": None}, 403, "Log in to NHS Care Identity again"),
        ],
    )
    def test_says_what_to_do_and_gives_a_reference(
        self, care: Care, change: dict[str, str], status: int, title: str
    ) -> None:
        care.upstream.change_id_token = replacing(**change)
        visitor = care.site.browser()
        path = waiting(visitor)
        back = care.use(visitor, path)
        assert (back.status_code, heading(back)) == (status, title)
        assert reference(back)
        assert f'href="/login?request={path.partition("request=")[2]}"' in back.text
        assert f'href="{path}"' in back.text
        assert "__Host-sid" not in cookies_set(back)
        # The request still waits: a password will do.
        page = visitor.get(f"/login?request={path.partition('request=')[2]}")
        assert "code" in received(visitor.log_in(page))

    def test_of_a_person_nobody_knows_is_found_under_its_reference(self, care: Care) -> None:
        care.upstream.change_userinfo = replacing(nhsid_useruid=OTHER_NUMBER)
        back = care.use(care.site.browser())
        assert heading(back) == "Your NHS Care Identity is not linked to an account"
        told = care.events()[-1]
        assert (told.event, told.outcome, told.reference) == (
            "care_identity.refused",
            "unknown_person",
            reference(back),
        )

    def test_is_not_offered_in_the_other_language_as_it_cannot_be_asked_for_again(self, care: Care) -> None:
        """Asking for it again would say that it was used."""
        care.upstream.acr = "AAL2_ANY"
        back = care.use(care.site.browser())
        assert heading(back) == "Log in to NHS Care Identity in a stronger way"
        assert "lang=cy" not in back.text
        assert "code-" not in back.text

    def test_by_the_person_is_no_fault(self, care: Care) -> None:
        care.upstream.change_redirect = replacing(code=None, error="access_denied")
        back = care.use(care.site.browser())
        assert (back.status_code, heading(back)) == (403, "You did not log in with NHS Care Identity")

    def test_of_what_is_unsigned_shows_nothing_of_it(self, care: Care) -> None:
        care.upstream.sign = unsigned
        back = care.use(care.site.browser())
        assert back.status_code == 403
        assert "alg" not in back.text

    def test_of_every_kind_has_words(self) -> None:
        assert WORDS.keys() == set(CareIdentityProblem)


class TestWhileItIsDown:
    def test_that_is_said_and_the_password_goes_on(self, care: Care) -> None:
        care.upstream.stop()
        visitor = care.site.browser()
        path = waiting(visitor)
        page = visitor.get(path)
        assert (page.status_code, heading(page)) == (503, "NHS Care Identity is not available")
        assert page.headers["Retry-After"] == "30"
        again = visitor.get(f"/login?request={path.partition('request=')[2]}")
        assert "code" in received(visitor.log_in(again))

    def test_the_first_who_asks_waits_three_seconds_and_the_next_not_at_all(self, care: Care) -> None:
        def slow(_request: Request) -> Response:
            time.sleep(5)
            return Response("{}")

        care.upstream.answers["/.well-known/openid-configuration"] = slow
        began = time.monotonic()
        assert care.site.browser().get("/care-identity").status_code == 503
        first = time.monotonic() - began
        assert 2 < first < 4.5
        began = time.monotonic()
        assert care.site.browser().get("/care-identity").status_code == 503
        assert time.monotonic() - began < 1
        began = time.monotonic()
        visitor = care.site.browser()
        assert "918JSMITH01" in visitor.log_in(visitor.get("/login")).text
        assert time.monotonic() - began < 2

    def test_no_more_than_half_of_the_threads_wait_for_it(
        self, build: Build, now: datetime, tmp_path: Path
    ) -> None:
        """R-21: while it is slow, and answers all the same, the others log in with a password."""
        asked, may_answer = threading.Semaphore(0), threading.Event()

        def slow(_request: Request) -> Response:
            asked.release()
            may_answer.wait(2)
            return Response(status=503)

        with caring(build, now, tmp_path, request_threads=10) as care, ThreadPoolExecutor(5) as crowd:
            care.link()
            people = [care.site.browser() for _ in range(6)]
            answers = [care.upstream.authorize(care.leave(visitor)) for visitor in people]
            care.upstream.answers["/token"] = slow
            waiting = [
                crowd.submit(care.come_back, *each) for each in zip(people[:5], answers[:5], strict=True)
            ]
            for _ in waiting:
                assert asked.acquire(timeout=2)
            began = time.monotonic()
            back = care.come_back(people[5], answers[5])
            assert (back.status_code, heading(back)) == (503, "NHS Care Identity is not available")
            assert time.monotonic() - began < 1
            may_answer.set()
            assert [each.result().status_code for each in waiting] == [503] * 5

    def test_it_is_asked_again_after_half_a_minute(self, care: Care) -> None:
        visitor = care.site.browser()
        care.upstream.answers["/.well-known/openid-configuration"] = lambda _request: Response(status=500)
        assert visitor.get("/care-identity").status_code == 503
        del care.upstream.answers["/.well-known/openid-configuration"]
        assert visitor.get("/care-identity").status_code == 503
        care.site.clock.advance(30 * SECOND)
        assert care.use(visitor).status_code == 303

    def test_on_the_way_back_nobody_is_signed_in(self, care: Care) -> None:
        visitor = care.site.browser()
        answer = care.upstream.authorize(care.leave(visitor))
        care.upstream.answers["/token"] = lambda _request: Response(status=503)
        back = care.come_back(visitor, answer)
        assert (back.status_code, heading(back)) == (503, "NHS Care Identity is not available")
        assert "__Host-sid" not in cookies_set(back)

    def test_requests_are_limited_as_login_pages_are(
        self, build: Build, now: datetime, tmp_path: Path
    ) -> None:
        with caring(build, now, tmp_path, login_pages_per_minute=2) as care:
            visitor = care.site.browser()
            statuses = [visitor.get("/care-identity").status_code for _ in range(3)]
        assert statuses == [303, 303, 429]


class TestSigningOutThere:
    def test_ends_the_session_and_its_refresh_tokens(self, care: Care) -> None:
        visitor = care.site.browser()
        answer = body(care.site.redeem(signed_in(care, visitor)["code"]))
        out = care.log_out()
        assert (out.status_code, out.headers["Cache-Control"]) == (200, "no-store")
        refused = care.site.refresh(answer["refresh_token"])
        assert (refused.status_code, body(refused)["error"]) == (400, "invalid_grant")
        assert care.site.userinfo(answer["access_token"]).status_code == 401
        page = visitor.follow(visitor.authorize())
        assert heading(page) == "Log in with your credentials"

    def test_leaves_a_session_that_was_begun_later(self, care: Care) -> None:
        token = care.upstream.logout_token(sid=None)
        care.site.clock.advance(MINUTE)
        visitor = care.site.browser()
        signed_in(care, visitor)
        out = care.site.post("/care-identity/logout", None, logout_token=token)
        assert out.status_code == 200
        assert "code" in received(visitor.authorize())

    def test_leaves_a_session_with_a_password(self, care: Care) -> None:
        visitor = care.site.browser()
        visitor.sign_in_to()
        signed_in(care)
        assert care.log_out(sid=None).status_code == 200
        assert "code" in received(visitor.authorize())

    def test_must_be_their_own_word(self, care: Care) -> None:
        visitor = care.site.browser()
        signed_in(care, visitor)
        care.upstream.sign = unsigned
        out = care.log_out()
        assert (out.status_code, out.content_type) == (400, "application/json")
        assert out.headers["Cache-Control"] == "no-store"
        assert body(out)["error"] == "invalid_request"
        assert "code" in received(visitor.authorize())

    @pytest.mark.parametrize("form", [{}, {"logout_token": ""}, {"logout_token": "nonsense"}])
    def test_in_another_form_is_none(self, care: Care, form: dict[str, str]) -> None:
        assert care.site.post("/care-identity/logout", None, **form).status_code == 400


def test_nobody_waits_while_we_ask_who_signed_out(care: Care) -> None:
    """On SQLite whoever answers programs takes turns: not who has to wait for another server."""
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(_request: Request) -> Response:
        is_asked.set()
        may_answer.wait(2)
        return Response(status=503)

    care.upstream.answers["/jwks.json"] = slow
    with ThreadPoolExecutor(1) as elsewhere:
        out = elsewhere.submit(care.log_out)
        assert is_asked.wait(2)
        began = time.monotonic()
        assert care.site.userinfo("nobody's").status_code == 401
        assert time.monotonic() - began < 1
        may_answer.set()
        assert out.result().status_code == 400


def test_care_identity_finds_our_keys_where_it_looks_for_them(care: Care) -> None:
    answer = care.site.browser().get("/care-identity/jwks.json")
    (key,) = body(answer)["keys"]
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert "d" not in key
    # It verifies our assertions with them.
    assert care.use(care.site.browser()).status_code == 303
