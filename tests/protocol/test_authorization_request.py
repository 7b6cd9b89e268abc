"""Which authorization requests are answered, refused to the client, or only to the person in front of us."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.db import client
from idp.policy.journey import Assurance
from tests.protocol.refusals import redirected
from tests.site import CALLBACK, ISSUER, Site, received, request_for

REPEATED = "came more than once"
PKCE_MISSING = "code_challenge is missing; PKCE is required (RFC 7636)"
PKCE_METHOD = "code_challenge_method must be S256"
PKCE_SHAPE = "code_challenge is not 43 characters of base64url"
MAX_AGE = "max_age is a whole number of seconds"
HINT = "id_token_hint is not an ID Token that we issued to this client"
NO_PLAIN = "is not supported; send the parameters themselves"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

Asked = dict[str, Any]  # a value of None leaves the parameter out


def case(asked: Asked, error: str, description: str, *, id: str) -> object:  # noqa: A002 - pytest's word
    return pytest.param(asked, error, description, id=id)


REFUSED = [
    case(
        {"response_type": None},
        "invalid_request",
        "response_type is missing; use code",
        id="response_type missing",
    ),
    *(
        case(
            {"response_type": asked},
            "unsupported_response_type",
            "only response_type code is supported",
            id=f"response_type {asked}",
        )
        for asked in ("token", "id_token", "code id_token", "none", "CODE", "code ")
    ),
    *(
        case(
            {"response_mode": asked},
            "invalid_request",
            "response_mode is one of query, fragment, form_post",
            id=f"response_mode {asked}",
        )
        for asked in ("jwt", "web_message", "Query")
    ),
    case(
        {"scope": None},
        "invalid_scope",
        "scope is missing; OpenID Connect asks for openid",
        id="scope missing",
    ),
    case(
        {"scope": "payroll"},
        "invalid_scope",
        "this client is not registered for any scope it asks for",
        id="only a scope nobody knows",
    ),
    case(
        {"scope": "openid birthdate offline_access"},
        "invalid_scope",
        "this client is not registered for the scope offline_access birthdate",
        id="scopes the client is not registered for",
    ),
    *(
        case(
            {"scope": asked},
            "invalid_scope",
            "scope is a list of ASCII words, separated by single spaces",
            id=f"scope {asked!r}",
        )
        for asked in ("openid  email", " openid", 'openid "email"', "openid \\")
    ),
    case({"scope": "openid " + "a" * 1018}, "invalid_request", "scope is too long", id="scope of 1025"),
    case(
        {"code_challenge": None, "code_challenge_method": None},
        "invalid_request",
        PKCE_MISSING,
        id="no PKCE",
    ),
    case({"code_challenge": None}, "invalid_request", PKCE_MISSING, id="PKCE method without a challenge"),
    case({"code_challenge": ""}, "invalid_request", PKCE_MISSING, id="PKCE challenge empty"),
    case({"code_challenge_method": "plain"}, "invalid_request", PKCE_METHOD, id="PKCE plain"),
    case({"code_challenge_method": None}, "invalid_request", PKCE_METHOD, id="PKCE plain by default"),
    case({"code_challenge_method": "s256"}, "invalid_request", PKCE_METHOD, id="PKCE s256"),
    case({"code_challenge": CHALLENGE[:-1]}, "invalid_request", PKCE_SHAPE, id="PKCE challenge too short"),
    case({"code_challenge": CHALLENGE + "="}, "invalid_request", PKCE_SHAPE, id="PKCE challenge padded"),
    case({"code_challenge": "a" * 128}, "invalid_request", PKCE_SHAPE, id="PKCE verifier as challenge"),
    case(
        {"prompt": "create"},
        "invalid_request",
        "prompt may hold only: none, login, consent, select_account",
        id="prompt unknown",
    ),
    case(
        {"prompt": "none login"},
        "invalid_request",
        "prompt=none may not be combined with another value",
        id="prompt none with another",
    ),
    *(
        case({"max_age": asked}, "invalid_request", MAX_AGE, id=f"max_age {asked}")
        for asked in ("-1", "soon", "1.5", "1e3", "1234567890", "0x10", " 1")
    ),
    *(
        case({"id_token_hint": asked}, "invalid_request", HINT, id=f"id_token_hint {asked}")
        for asked in ("x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "e30.e30.")
    ),
    case({"id_token_hint": "a" * 8193}, "invalid_request", "id_token_hint is too long", id="hint too long"),
    case({"nonce": "n" * 1025}, "invalid_request", "nonce is too long", id="nonce of 1025"),
    case({"login_hint": "l" * 257}, "invalid_request", "login_hint is too long", id="login_hint of 257"),
    case({"claims": "{"}, "invalid_request", "claims is not JSON", id="claims that are no JSON"),
    case({"claims": " " * 8193}, "invalid_request", "claims is too long", id="claims of 8193"),
    case(
        {"claims": '{"id_token":{"acr":{"essential":"yes"}}}'},
        "invalid_request",
        "claims has an essential that is not true or false, in id_token.acr",
        id="claims with an essential that is a word",
    ),
    case({"acr_values": "a" * 1025}, "invalid_request", "acr_values is too long", id="acr_values of 1025"),
    case(
        {"nonce": "n\r\nSet-Cookie: x"},
        "invalid_request",
        "nonce holds characters that are not printable ASCII",
        id="nonce with a line break",
    ),
    case(
        {"ui_locales": "cymraeg\x1b[2J"},
        "invalid_request",
        "ui_locales holds characters that are not printable ASCII",
        id="ui_locales with an escape",
    ),
    case(
        {"request": "eyJhbGciOiJub25lIn0.e30."},
        "request_not_supported",
        f"request {NO_PLAIN}",
        id="request object",
    ),
    case(
        {"request_uri": "https://evil.example/r"},
        "request_uri_not_supported",
        f"request_uri {NO_PLAIN}",
        id="request object by reference",
    ),
    case(
        {"registration": "{}"},
        "registration_not_supported",
        f"registration {NO_PLAIN}",
        id="registration",
    ),
]


@pytest.mark.parametrize(("asked", "error", "description"), REFUSED)
def test_the_client_is_told_what_is_wrong(
    shared_site: Site, asked: Asked, error: str, description: str
) -> None:
    assert redirected(shared_site.browser().authorize(**asked), to=CALLBACK) == {
        "error": error,
        "error_description": description,
        "state": "a-state",
        "iss": ISSUER,
    }


@pytest.mark.parametrize(
    "name",
    [
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "ui_locales",
        "acr_values",
        "claims",
        "display",
    ],
)
def test_a_parameter_comes_once(shared_site: Site, name: str) -> None:
    asked = {"response_mode": "query", **request_for()}
    query = urlencode([*asked.items(), (name, asked.get(name, "1")), (name, asked.get(name, "1"))])
    answer = redirected(shared_site.browser().get(f"/authorize?{query}"), to=CALLBACK)
    assert (answer["error"], answer["error_description"]) == ("invalid_request", f"{name} {REPEATED}")
    assert (answer["state"], answer["iss"]) == ("a-state", ISSUER)


@pytest.mark.parametrize(
    ("state", "description"),
    [
        pytest.param(
            "ŵ", "state holds characters that are not printable ASCII", id="RFC 6749 Appendix A.5: not ASCII"
        ),
        pytest.param("a\nb", "state holds characters that are not printable ASCII", id="a line break"),
        pytest.param("s" * 2049, "state is too long", id="over 2 kB"),
    ],
)
def test_a_state_that_is_not_sound_is_not_sent_back(shared_site: Site, state: str, description: str) -> None:
    assert redirected(shared_site.browser().authorize(state=state), to=CALLBACK) == {
        "error": "invalid_request",
        "error_description": description,
        "iss": ISSUER,
    }


def test_a_state_of_two_kilobytes_comes_back_whole(shared_site: Site) -> None:
    state = "&=%+ #\"'<>" * 204
    assert received(shared_site.browser().authorize(state=state, prompt="none"))["state"] == state


def test_without_a_state_there_is_none_in_the_answer(shared_site: Site) -> None:
    answer = redirected(shared_site.browser().authorize(state=None, scope=None), to=CALLBACK)
    assert answer.keys() == {"error", "error_description", "iss"}


def assert_page(response: TestResponse, status: int) -> None:
    """Only the person is told."""
    assert response.status_code == status
    assert "Location" not in response.headers


PAGES = [
    pytest.param({"client_id": None}, 400, "does not say which application", id="client_id missing"),
    pytest.param({"client_id": ""}, 400, "does not say which application", id="client_id empty"),
    pytest.param({"client_id": "nobody"}, 400, "is not registered with us", id="client unknown"),
    pytest.param({"client_id": "PAYSLIPS"}, 400, "is not registered with us", id="client in capitals"),
    pytest.param({"client_id": "a" * 300}, 400, "is not registered with us", id="client_id too long"),
    pytest.param({"client_id": "a\x1bb"}, 400, "is not registered with us", id="client_id with an escape"),
    pytest.param({"client_id": "pay\0slips"}, 400, "could not read this request", id="client_id with NUL"),
    pytest.param({"state": "\0"}, 400, "could not read this request", id="NUL anywhere"),
    pytest.param({"redirect_uri": None}, 400, "does not say where to return you", id="redirect_uri missing"),
    *(
        pytest.param({"redirect_uri": asked}, 400, "an address that is not registered", id=f"to {asked[:80]}")
        for asked in (
            CALLBACK + "/",
            CALLBACK + "?x=1",
            CALLBACK + "#x",
            CALLBACK + "%2F..",
            CALLBACK.replace("callback", "Callback"),
            CALLBACK.replace("https", "http"),
            CALLBACK.replace("payslips.", "payslips.evil.example/."),
            CALLBACK.replace("://", "://evil@"),
            CALLBACK.replace("/callback", ":443/callback"),
            "https://evil.example/?" + CALLBACK,
            "javascript:alert(1)",
            "data:text/html,x",
            "//payslips.example.nhs.uk/callback",
            "http://127.0.0.1:8000/callback",
            "/",
            "https://payslips.example.nhs.uk\\@evil.example/callback",
            "a" * 3000,
        )
    ),
]


@pytest.mark.parametrize(("asked", "status", "sentence"), PAGES)
def test_nothing_is_sent_to_an_address_that_is_not_validated(
    shared_site: Site, asked: Asked, status: int, sentence: str
) -> None:
    # Wrong in a second way as well, which is no reason to redirect.
    response = shared_site.browser().authorize(**{"scope": "?", **asked})
    assert_page(response, status)
    assert sentence in response.text
    assert "://evil" not in response.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        pytest.param("client_id=payslips&client_id=payslips", "more than one application", id="client twice"),
        pytest.param("client_id=&client_id=payslips", "more than one application", id="empty, then a client"),
        pytest.param(
            f"client_id=payslips&redirect_uri={CALLBACK}&redirect_uri={CALLBACK}",
            "more than one address",
            id="redirect_uri twice",
        ),
        pytest.param(
            f"client_id=payslips&redirect_uri={CALLBACK}&redirect_uri=https://evil.example",
            "more than one address",
            id="a registered and another redirect_uri",
        ),
        pytest.param("client_id=payslips&state=%FF", "could not read this request", id="broken UTF-8"),
        pytest.param("client_id=payslips&%FF=1", "could not read this request", id="a name of broken UTF-8"),
        pytest.param("&".join(f"p{n}=1" for n in range(101)), "could not read this request", id="101 fields"),
    ],
)
def test_a_request_that_says_two_things_is_answered_by_a_page(
    shared_site: Site, query: str, sentence: str
) -> None:
    response = shared_site.browser().get(f"/authorize?{query}")
    assert_page(response, 400)
    assert sentence in response.text


def test_a_disabled_client_gets_no_answer(site: Site) -> None:
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    response = site.browser().authorize()
    assert_page(response, 403)
    assert "This application is switched off" in response.text


def test_a_client_that_only_acts_for_itself_has_no_authorization_endpoint(site: Site) -> None:
    site.add_client("batch", grant_types=["client_credentials"], scope="openid payroll")
    assert redirected(site.browser().authorize("batch"), to=CALLBACK) == {
        "error": "unauthorized_client",
        "error_description": "this client is not registered for the authorization code grant",
        "state": "a-state",
        "iss": ISSUER,
    }


def test_a_client_that_is_exempt_may_leave_pkce_out(site: Site) -> None:
    site.add_client("legacy", require_pkce=False)
    visitor = site.browser()
    half = redirected(visitor.authorize("legacy", code_challenge=None), to=CALLBACK)
    assert (half["error"], half["error_description"]) == ("invalid_request", PKCE_MISSING)
    answer = visitor.sign_in_to("legacy", code_challenge=None, code_challenge_method=None)
    redeemed = site.post(
        "/token", "legacy", grant_type="authorization_code", code=answer["code"], redirect_uri=CALLBACK
    )
    assert redeemed.status_code == 200


@pytest.mark.parametrize("without", [{"nonce": None}, {"nonce": ""}, {"scope": "profile"}], ids=str)
def test_a_client_that_is_exempt_sends_a_nonce_for_its_id_token(site: Site, without: Asked) -> None:
    """RFC 9700 §2.1.1: one of the two keeps a stolen code from being injected."""
    site.add_client("legacy", require_pkce=False)
    asked = {"code_challenge": None, "code_challenge_method": None, **without}
    half = redirected(site.browser().authorize("legacy", **asked), to=CALLBACK)
    assert (half["error"], half["error_description"]) == (
        "invalid_request",
        "without code_challenge send a nonce, and openid in scope (RFC 9700)",
    )


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:51004/callback"),
        ("http://[::1]/callback", "http://[::1]:51004/callback"),
        ("com.example.rota:/callback", "com.example.rota:/callback"),
    ],
)
def test_a_native_application_is_answered_on_the_port_it_listens_on(
    site: Site, registered: str, asked: str
) -> None:
    """RFC 8252 §7.1 and §7.3."""
    site.add_client("rota", None, application_type="native", redirect_uris=[registered])
    response = site.browser().authorize("rota", redirect_uri=asked, prompt="none")
    assert response.location.startswith(f"{asked}?error=login_required&")


def test_scopes_nobody_knows_are_passed_over(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1."""
    assert site.tokens(scope="openid payroll email")["scope"] == "openid email"


def test_parameters_nobody_knows_are_ignored_even_when_they_come_twice(shared_site: Site) -> None:
    query = urlencode([*request_for(prompt="none").items(), ("utm", "1"), ("utm", "2"), ("claims", "{}")])
    assert received(shared_site.browser().get(f"/authorize?{query}"))["error"] == "login_required"


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"display": "touch"}, id="display"),
        pytest.param({"acr_values": "AAL3_ANY AAL2_ANY"}, id="acr_values is a wish (Core 3.1.2.1)"),
        pytest.param({"ui_locales": "fr cy en"}, id="ui_locales"),
        pytest.param({"login_hint": "918JSMITH01"}, id="login_hint"),
        pytest.param({"nonce": None}, id="no nonce"),
        pytest.param({"max_age": "3600"}, id="max_age"),
        pytest.param({"prompt": ""}, id="an empty parameter counts as absent"),
    ],
)
def test_what_may_be_asked_is_answered_with_a_code(site: Site, asked: Asked) -> None:
    assert site.browser().sign_in_to(**asked).keys() == {"code", "state", "iss"}


def test_the_login_page_shows_the_hinted_name_and_speaks_the_language_asked_for(shared_site: Site) -> None:
    visitor = shared_site.browser()
    page = visitor.follow(visitor.authorize(login_hint="918jsmith01<b>", ui_locales="fr cy"))
    assert 'value="918jsmith01&lt;b&gt;"' in page.text
    assert page.headers["Content-Language"] == "cy"


def test_prompt_none_without_a_session(shared_site: Site) -> None:
    assert received(shared_site.browser().authorize(prompt="none")) == {
        "error": "login_required",
        "error_description": "prompt=none, but the person has to sign in",
        "state": "a-state",
        "iss": ISSUER,
    }


def test_prompt_none_with_a_session_needs_no_person(site: Site) -> None:
    visitor = site.browser()
    visitor.sign_in_to()
    assert "code" in received(visitor.authorize(prompt="none"))


def test_prompt_none_does_not_consent_for_the_person(site: Site) -> None:
    site.add_client("third", first_party=False)
    visitor = site.browser()
    visitor.sign_in_to()
    assert received(visitor.authorize("third", prompt="none"))["error"] == "consent_required"


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_a_session_that_does_not_do_is_renewed_and_the_token_says_when(
    site: Site, asked: dict[str, str]
) -> None:
    visitor = site.browser()
    first = site.claims(site.tokens(visitor=visitor)["id_token"])
    _later(site, 60)
    second = site.claims(site.tokens(visitor=visitor, **asked)["id_token"])
    assert second["auth_time"] - first["auth_time"] == 60
    assert second["sub"] == first["sub"]


def test_a_client_may_register_how_fresh_a_sign_in_must_be(site: Site) -> None:
    site.add_client("pensions", default_max_age=60)
    visitor = site.browser()
    visitor.sign_in_to()
    _later(site, 59)
    assert "code" in received(visitor.authorize("pensions"))
    _later(site, 1)
    assert received(visitor.authorize("pensions", prompt="none"))["error"] == "login_required"
    assert "code" in received(visitor.authorize("pensions", max_age="600"))


def _later(site: Site, seconds: int) -> None:
    site.clock.advance(timedelta(seconds=seconds))


def test_a_hint_of_the_person_who_is_signed_in_is_fine_and_may_have_expired(site: Site) -> None:
    visitor = site.browser()
    id_token = site.tokens(visitor=visitor)["id_token"]
    _later(site, 600)
    assert "code" in received(visitor.authorize(prompt="none", id_token_hint=id_token))


def test_a_hint_of_someone_else_is_never_answered_for_who_is_signed_in(site: Site) -> None:
    site.add_account("918AJONES01")
    hint = site.tokens()["id_token"]
    visitor = site.browser()
    visitor.sign_in_to(username="918AJONES01")
    silent = received(visitor.authorize(prompt="none", id_token_hint=hint))
    assert silent["error"] == "login_required"
    page = visitor.follow(visitor.authorize(id_token_hint=hint))
    assert "Log in with your credentials" in page.text
    assert received(visitor.log_in(page, "918AJONES01")) == {
        "error": "login_required",
        "error_description": "the person who signed in is not the one that was asked for",
        "state": "a-state",
        "iss": ISSUER,
    }
    page = visitor.follow(visitor.authorize(id_token_hint=hint))
    assert "code" in received(visitor.log_in(page, "918JSMITH01"))


def test_a_hint_must_be_an_id_token_of_this_client(site: Site) -> None:
    site.add_client("learning")
    tokens = site.tokens("learning")
    for hint in (tokens["id_token"], site.tokens()["access_token"], tokens["id_token"][:-2] + "AA"):
        answer = redirected(site.browser().authorize(id_token_hint=hint), to=CALLBACK)
        assert (answer["error"], answer["error_description"]) == ("invalid_request", HINT)


def test_a_third_party_asks_for_consent_once_and_again_for_more(site: Site) -> None:
    site.add_client("third", first_party=False)
    visitor = site.browser()
    visitor.sign_in_to()
    page = visitor.follow(visitor.authorize("third", scope="openid email"))
    assert "code" in received(visitor.follow(visitor.submit(page, decision="allow")))
    assert "code" in received(visitor.authorize("third", scope="openid"))
    assert visitor.authorize("third", scope="openid profile").location.startswith(f"{ISSUER}/consent?")
    assert visitor.authorize("third", prompt="consent").location.startswith(f"{ISSUER}/consent?")


def test_a_person_who_says_no_is_believed(site: Site) -> None:
    site.add_client("third", first_party=False)
    visitor = site.browser()
    visitor.sign_in_to()
    page = visitor.follow(visitor.authorize("third"))
    answer = received(visitor.submit(page, decision="deny"))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a-state", ISSUER)


def test_an_account_may_have_to_be_chosen(site: Site) -> None:
    visitor = site.browser()
    visitor.sign_in_to()
    page = visitor.follow(visitor.authorize(prompt="select_account"))
    assert "code" in received(visitor.follow(visitor.submit(page, choice="continue")))


def test_a_posted_request_is_the_same_request(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: GET and POST."""
    visitor = site.browser()
    response = visitor.post("/authorize", request_for(state="ŵ & =", scope="openid email"))
    assert response.status_code == 303
    assert response.location == f"{ISSUER}/authorize?" + urlencode(
        request_for(state="ŵ & =", scope="openid email")
    )
    assert "code" in received(visitor.log_in(visitor.follow(visitor.post("/authorize", request_for()))))


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(urlencode([*request_for().items()] * 2), None, 400, id="every parameter twice"),
        pytest.param('{"client_id": "payslips"}', "application/json", 400, id="JSON"),
        pytest.param("client_id=%FF", None, 400, id="broken UTF-8"),
        pytest.param("client_id=" + "a" * 65536, None, 413, id="more than 64 kB"),
    ],
)
def test_a_posted_request_that_cannot_be_read_goes_nowhere(
    shared_site: Site, body: str, content_type: str | None, status: int
) -> None:
    visitor = shared_site.browser()
    response = visitor.browser.post(
        "/authorize",
        base_url=ISSUER,
        data=body.encode(),
        content_type=content_type or "application/x-www-form-urlencoded",
    )
    response = visitor.follow(response)
    assert_page(response, status)


def test_a_request_is_judged_again_when_it_goes_on(site: Site) -> None:
    visitor = site.browser()
    page = visitor.follow(visitor.authorize())
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    _later(site, 6)
    response = visitor.log_in(page)
    assert_page(response, 403)
    assert "This application is switched off" in response.text


def assurance(site: Site, client_id: str = "payslips", **asked: str | None) -> Assurance:
    parameters = {name: (value,) for name, value in request_for(client_id, **asked).items()}
    return site.provider.server.validate(parameters).asked.assurance


ESSENTIAL = '{"id_token":{"acr":{"essential":true,"values":["AAL3_ANY","AAL2_TOTP"]}}}'
VOLUNTARY = '{"id_token":{"acr":{"value":"AAL3_ANY"}}}'
ANY_VALUE = '{"id_token":{"acr":{"essential":true}}}'


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, Assurance()),
        ({"acr_values": "AAL2_TOTP"}, Assurance(wished=("AAL2_TOTP",))),
        ({"acr_values": "AAL3_ANY  AAL2_TOTP AAL3_ANY"}, Assurance(wished=("AAL3_ANY", "AAL2_TOTP"))),
        ({"acr_values": "gold"}, Assurance(wished=("gold",))),
        ({"claims": VOLUNTARY}, Assurance(wished=("AAL3_ANY",))),
        ({"claims": ESSENTIAL}, Assurance(required=(("AAL3_ANY", "AAL2_TOTP"),))),
        ({"claims": ANY_VALUE}, Assurance(required=((),))),
        ({"claims": '{"id_token":{"acr":null}}', "acr_values": "AAL2_ANY"}, Assurance(wished=("AAL2_ANY",))),
        ({"claims": VOLUNTARY, "acr_values": "AAL2_ANY"}, Assurance(wished=("AAL3_ANY",))),
        (
            {"claims": ESSENTIAL, "acr_values": "AAL2_ANY"},
            Assurance(required=(("AAL3_ANY", "AAL2_TOTP"),)),
        ),
    ],
)
def test_the_assurance_that_is_asked_for(shared_site: Site, asked: Asked, wanted: Assurance) -> None:
    assert assurance(shared_site, **asked) == wanted


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, Assurance(required=(("AAL2_OR_AAL3_ANY",),), wished=("AAL2_TOTP",))),
        ({"acr_values": "AAL3_ANY"}, Assurance(required=(("AAL2_OR_AAL3_ANY",),), wished=("AAL3_ANY",))),
        ({"claims": VOLUNTARY}, Assurance(required=(("AAL2_OR_AAL3_ANY",),), wished=("AAL3_ANY",))),
        ({"claims": ESSENTIAL}, Assurance(required=(("AAL2_OR_AAL3_ANY",), ("AAL3_ANY", "AAL2_TOTP")))),
        (
            {"claims": '{"id_token":{"acr":{"essential":true,"value":"AAL1_USERPASS"}}}'},
            Assurance(required=(("AAL2_OR_AAL3_ANY",), ("AAL1_USERPASS",))),
        ),
    ],
)
def test_what_the_client_registered_holds_where_a_request_says_nothing_else(
    site: Site, asked: Asked, wanted: Assurance
) -> None:
    site.add_client("ward", default_acr_values=["AAL2_TOTP"], minimum_acr="AAL2_OR_AAL3_ANY")
    assert assurance(site, "ward", **asked) == wanted


def test_the_one_subject_that_may_be_answered_for_is_asked_for_as_a_claim_or_a_hint(site: Site) -> None:
    visitor = site.browser()
    hint = site.tokens(visitor=visitor)["id_token"]
    jane, other = site.claims(hint)["sub"], "248289761001"

    def answer(sub: str, **asked: str) -> dict[str, str]:
        claims = json.dumps({"id_token": {"sub": {"value": sub}}})
        return received(visitor.authorize(prompt="none", claims=claims, **asked))

    assert "code" in answer(jane)
    assert "code" in answer(jane, id_token_hint=hint)
    assert answer(other)["error"] == "login_required"
    contradiction = answer(other, id_token_hint=hint)
    assert contradiction["error"] == "invalid_request"
    assert "id_token_hint and claims ask for two different people" in contradiction["error_description"]


def test_claims_may_name_what_is_not_ascii(site: Site) -> None:
    visitor = site.browser()
    site.tokens(visitor=visitor)
    claims = '{"userinfo":{"name":{"value":"Siân ŵ"}}}'
    assert "code" in received(visitor.authorize(prompt="none", claims=claims))
