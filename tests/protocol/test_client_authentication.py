"""Which client is asking: one method, the one it is registered for, and one answer to every failure."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from joserfc.jwk import RSAKey
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from idp.db import client
from idp.services.digest import digest
from tests.crowd import together
from tests.protocol import assertions
from tests.protocol.assertions import Key, sign, sign_with_public_key, unsigned, with_broken_signature
from tests.protocol.refusals import refusal
from tests.site import ISSUER, Site

FAILED = (401, "invalid_client", "client authentication failed")
NOT_BASIC = (
    401,
    "invalid_client",
    "the Authorization header is not HTTP Basic with a client id and a secret",
)
TWO_METHODS = (400, "invalid_request", "a client authenticates with one method (RFC 6749 section 2.3)")


def ask(site: Site, authorization: str | None = None, **form: str) -> TestResponse:
    """A request of a client that wants to act for itself."""
    headers = {} if authorization is None else {"Authorization": authorization}
    fields = {"grant_type": "client_credentials", **form}
    return Browser(site.flask).post("/token", base_url=ISSUER, data=fields, headers=headers)


def basic(client_id: str | bytes, secret: str | bytes) -> str:
    """RFC 7617, without the encoding that RFC 6749 adds."""
    pair = b":".join(part if isinstance(part, bytes) else part.encode() for part in (client_id, secret))
    return f"Basic {base64.b64encode(pair).decode()}"


def add_batch(site: Site, client_id: str = "batch", secret: str = "a-secret", **metadata: object) -> None:
    site.add_client(client_id, secret, **{**BATCH, **metadata})


BATCH = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "payroll"}


# client_secret_basic


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [
        ("batch", "a-secret"),
        ("a:b c+d", "a:secret+with %41 & ="),
        ("batch", "pâr-o-ŵyddau-\U0001f511"),
    ],
)
def test_the_parts_of_basic_are_form_encoded(site: Site, client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1 and Appendix B."""
    add_batch(site, client_id, secret)
    assert ask(site, basic(quote_plus(client_id), quote_plus(secret))).status_code == 200


def test_a_secret_that_needs_no_encoding_may_come_plain(site: Site) -> None:
    add_batch(site, secret="pâr-o-ŵyddau")
    assert ask(site, basic("batch", "pâr-o-ŵyddau")).status_code == 200
    assert ask(site, basic("batch", "pâr-o-ŵyddau").replace("Basic", "basic")).status_code == 200


def test_the_client_may_name_itself_in_the_form_as_well(site: Site) -> None:
    add_batch(site)
    assert ask(site, basic("batch", "a-secret"), client_id="batch").status_code == 200
    assert refusal(ask(site, basic("batch", "a-secret"), client_id="payslips")) == (
        400,
        "invalid_request",
        "client_id differs from the Authorization header",
    )


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YmF0Y2g",  # no colon, no padding
        "Basic YmF0Y2g6",  # batch:
        "Basic OmEtc2VjcmV0",  # :a-secret
        "Basic /zphLXNlY3JldA==",  # 0xff:a-secret
        "Basic JUZGOmEtc2VjcmV0",  # %FF:a-secret
        "Bearer a-secret",
        "Digest username=batch",
        "",
        "Basic \u00e9",
    ],
)
def test_what_is_not_basic_is_refused(shared_site: Site, authorization: str) -> None:
    assert refusal(ask(shared_site, authorization)) == NOT_BASIC


# client_secret_post


def test_a_secret_in_the_form_is_for_clients_registered_for_it(site: Site) -> None:
    add_batch(site, token_endpoint_auth_method="client_secret_post")
    assert ask(site, client_id="batch", client_secret="a-secret").status_code == 200
    assert refusal(ask(site, basic("batch", "a-secret"))) == FAILED
    add_batch(site, "other")
    assert refusal(ask(site, client_id="other", client_secret="a-secret")) == FAILED


def test_a_client_and_its_secret_come_from_the_body_alone(site: Site) -> None:
    add_batch(site, token_endpoint_auth_method="client_secret_post")
    response = Browser(site.flask).post(
        "/token?client_id=batch&client_secret=a-secret&grant_type=client_credentials",
        base_url=ISSUER,
        data={"grant_type": "client_credentials"},
    )
    assert refusal(response) == FAILED


# All alike


def test_an_unknown_client_and_a_wrong_secret_get_one_answer(site: Site) -> None:
    add_batch(site)
    add_batch(site, "gone")
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "gone", disabled=True, now=site.clock.now())
    answers = [
        ask(site, basic("batch", "wrong")),
        ask(site, basic("nobody", "a-secret")),
        ask(site, basic("gone", "a-secret")),
        ask(site, basic("a\x1bb", "a-secret")),
        ask(site, basic("b" * 300, "a-secret")),
        ask(site, client_id="batch", client_secret="wrong"),
        ask(site, client_id="nobody", client_secret="wrong"),
        ask(site, client_id="batch"),
        ask(site, client_id="nobody"),
        ask(site, client_secret="a-secret"),
        ask(site),
    ]
    assert {refusal(answer) for answer in answers} == {FAILED}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {
        'Basic realm="client authentication"'
    }
    assert len({(tuple(sorted(answer.headers.keys())), len(answer.data)) for answer in answers}) == 1


@pytest.mark.parametrize(
    "authorization",
    [basic("%00", "x"), basic("\0", "x"), basic("batch%00", "a-secret"), basic("batch", "%00")],
)
def test_a_nul_character_is_just_a_wrong_name_or_secret(shared_site: Site, authorization: str) -> None:
    assert refusal(ask(shared_site, authorization)) == FAILED


def test_a_public_client_names_itself_and_has_no_secret_to_send(site: Site) -> None:
    site.add_client("rota", None)
    code = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "x"}
    known = (400, "invalid_grant", "this client has no such code")
    assert refusal(ask(site, client_id="rota", **code)) == known
    assert refusal(ask(site, client_id="rota", client_secret="x", **code)) == FAILED
    assert refusal(ask(site, basic("rota", "x"), **code)) == FAILED


def test_a_new_secret_replaces_the_old_within_five_seconds(site: Site) -> None:
    add_batch(site)
    assert ask(site, basic("batch", "a-secret")).status_code == 200
    with site.provider.database.write() as connection:
        client.set_secret(connection, "batch", digest("a-new-secret"), site.clock.now())
    site.clock.advance(timedelta(seconds=5))
    assert refusal(ask(site, basic("batch", "a-secret"))) == FAILED
    assert ask(site, basic("batch", "a-new-secret")).status_code == 200


# private_key_jwt


def with_assertion(site: Site, assertion: str, **form: str) -> TestResponse:
    return ask(site, **{"client_assertion_type": assertions.TYPE, "client_assertion": assertion, **form})


@pytest.mark.parametrize(
    ("alg", "kty"), [("RS256", "RSA"), ("PS256", "RSA"), ("ES256", "EC"), ("EdDSA", "OKP")]
)
def test_a_client_signs_with_any_of_its_keys(
    site: Site, client_keys: dict[str, Key], alg: str, kty: str
) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site), client_keys[kty], alg)
    assert with_assertion(site, assertion).status_code == 200


@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/token", [ISSUER], ["https://else.example", ISSUER]])
def test_an_assertion_is_for_the_issuer_or_the_token_endpoint(
    site: Site, client_keys: dict[str, Key], aud: object
) -> None:
    assertions.add_client(site, client_keys)
    assert (
        with_assertion(site, sign(assertions.claims(site, aud=aud), client_keys["EC"], "ES256")).status_code
        == 200
    )


@pytest.mark.parametrize("path", ["/revoke", "/introspect"])
def test_assertions_open_every_endpoint(site: Site, client_keys: dict[str, Key], path: str) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    response = site.post(
        path, None, token="x", client_assertion_type=assertions.TYPE, client_assertion=assertion
    )
    assert response.status_code == 200


def at(seconds: float) -> float:
    """A time in seconds from 2026-11-23T07:00:00Z."""
    return 1795417200 + seconds


WRONG_CLAIMS = [
    pytest.param({"iss": "payslips"}, id="iss of another"),
    pytest.param({"iss": None}, id="iss missing"),
    pytest.param({"sub": "payslips"}, id="sub of another"),
    pytest.param({"sub": "nobody"}, id="sub unknown"),
    pytest.param({"sub": None}, id="sub missing"),
    pytest.param({"sub": ["timesheets"]}, id="sub a list"),
    pytest.param({"sub": "time\0sheets"}, id="sub with NUL"),
    pytest.param({"sub": "\ud800"}, id="sub with half a surrogate pair"),
    pytest.param({"aud": "https://evil.example"}, id="aud of another"),
    pytest.param({"aud": f"{ISSUER}/"}, id="aud nearly ours"),
    pytest.param({"aud": f"{ISSUER}/userinfo"}, id="aud another endpoint"),
    pytest.param({"aud": None}, id="aud missing"),
    pytest.param({"aud": []}, id="aud empty"),
    pytest.param({"aud": [[ISSUER]]}, id="aud nested"),
    pytest.param({"aud": {"x": ISSUER}}, id="aud an object"),
    pytest.param({"exp": None}, id="exp missing"),
    pytest.param({"exp": at(-30)}, id="exp past, leeway spent"),
    pytest.param({"exp": at(91)}, id="exp over a minute away"),
    pytest.param({"exp": str(at(60))}, id="exp a string"),
    pytest.param({"exp": True}, id="exp a boolean"),
    pytest.param({"exp": float("nan")}, id="exp not a number"),
    pytest.param({"exp": float("inf")}, id="exp without end"),
    pytest.param({"exp": 10**400}, id="exp beyond every calendar"),
    pytest.param({"exp": -(10**400)}, id="exp before every calendar"),
    pytest.param({"iat": at(31)}, id="iat in the future"),
    pytest.param({"iat": "now"}, id="iat a word"),
    pytest.param({"nbf": at(31)}, id="nbf in the future"),
    pytest.param({"jti": None}, id="jti missing"),
    pytest.param({"jti": ""}, id="jti empty"),
    pytest.param({"jti": 7}, id="jti a number"),
    pytest.param({"jti": "j" * 513}, id="jti too long"),
]


@pytest.mark.parametrize("said", WRONG_CLAIMS)
def test_an_assertion_that_says_the_wrong_thing_is_refused(
    site: Site, client_keys: dict[str, Key], said: Mapping[str, object]
) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site, **said), client_keys["EC"], "ES256")
    assert refusal(with_assertion(site, assertion)) == FAILED


@pytest.mark.parametrize("exp", [at(-29), at(1), at(60), at(90)])
def test_clocks_may_differ_by_half_a_minute(site: Site, client_keys: dict[str, Key], exp: float) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site, exp=exp, iat=None), client_keys["EC"], "ES256")
    assert with_assertion(site, assertion).status_code == 200


def test_an_assertion_authenticates_once(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    assert with_assertion(site, assertion).status_code == 200
    assert refusal(with_assertion(site, assertion)) == FAILED
    site.clock.advance(timedelta(seconds=89))
    assert refusal(with_assertion(site, assertion)) == FAILED
    again = sign(assertions.claims(site, jti="another"), client_keys["EC"], "ES256")
    assert with_assertion(site, again).status_code == 200


def test_of_twelve_with_one_assertion_one_is_let_in(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    answers = together(lambda: with_assertion(site, assertion).status_code)
    assert sorted(answers) == [200, *[401] * 11]


def test_a_jti_is_any_text(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    for jti in ("\0", "\ud800", "ŵ" * 512):
        assertion = sign(assertions.claims(site, jti=jti), client_keys["EC"], "ES256")
        assert with_assertion(site, assertion).status_code == 200


def test_a_refused_assertion_is_not_spent(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    early = sign(assertions.claims(site, nbf=at(60)), client_keys["EC"], "ES256")
    assert refusal(with_assertion(site, early)) == FAILED
    site.clock.advance(timedelta(seconds=30))
    assert with_assertion(site, early).status_code == 200


def test_only_a_registered_key_signs(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    said = assertions.claims(site)
    stranger = RSAKey.generate_key(2048, {"kid": "rsa"})
    right = sign(said, client_keys["RSA"], "RS256")
    forged = {
        "another key under a known kid": sign(said, stranger, "RS256"),
        "a kid nobody registered": sign(said, client_keys["RSA"], "RS256", kid="other"),
        "no kid, with three keys": sign(said, client_keys["RSA"], "RS256", kid=""),
        "the kid of another key": sign(said, client_keys["RSA"], "RS256", kid="ec"),
        "HS256 with the public key (RFC 8725 2.1)": sign_with_public_key(said, client_keys["RSA"]),
        "alg none": unsigned(said),
        "alg none with a kid": unsigned(said, kid="rsa"),
        "alg RS256 without a signature": unsigned(said, alg="RS256", kid="rsa"),
        "a key of its own in the header": unsigned(said, alg="RS256", kid="rsa", jku="https://evil.example"),
        "a broken signature": with_broken_signature(right),
        "a signature cut short": right[:-4],
        "claims of another signature": ".".join(
            (
                *right.split(".")[:1],
                unsigned(assertions.claims(site, jti="x")).split(".")[1],
                right.split(".")[2],
            )
        ),
    }
    answers = {why: refusal(with_assertion(site, assertion)) for why, assertion in forged.items()}
    assert answers == dict.fromkeys(forged, FAILED)
    assert with_assertion(site, right).status_code == 200


def test_a_key_that_is_registered_for_encryption_signs_nothing(
    site: Site, client_keys: dict[str, Key]
) -> None:
    keys = [
        {**client_keys["EC"].as_dict(private=False), "use": "enc"},
        {**client_keys["RSA"].as_dict(private=False), "use": "sig"},
    ]
    assertions.add_client(site, client_keys, jwks={"keys": keys})
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    assert refusal(with_assertion(site, assertion)) == FAILED


def test_a_single_key_needs_no_kid(site: Site, client_keys: dict[str, Key]) -> None:
    public = {key: value for key, value in client_keys["EC"].as_dict(private=False).items() if key != "kid"}
    assertions.add_client(site, client_keys, jwks={"keys": [public]})
    nameless = type(client_keys["EC"]).import_key(client_keys["EC"].as_pem(private=True))
    assert with_assertion(site, sign(assertions.claims(site), nameless, "ES256")).status_code == 200


def test_a_client_may_bind_itself_to_one_algorithm(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys, token_endpoint_auth_signing_alg="PS256")
    said = assertions.claims(site)
    assert refusal(with_assertion(site, sign(said, client_keys["RSA"], "RS256"))) == FAILED
    assert refusal(with_assertion(site, sign(said, client_keys["EC"], "ES256"))) == FAILED
    assert with_assertion(site, sign(said, client_keys["RSA"], "PS256")).status_code == 200


@pytest.mark.parametrize("assertion", ["", "x", "a.b", "a.b.c", "e30.e30.e30", "ŵ.ŵ.ŵ", "." * 9, "a" * 9000])
def test_what_is_no_assertion_is_refused(shared_site: Site, assertion: str) -> None:
    assert refusal(with_assertion(shared_site, assertion)) == FAILED


def test_an_assertion_says_what_it_is(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    wrong = (400, "invalid_request", f"client_assertion_type must be {assertions.TYPE}")
    assert refusal(with_assertion(site, assertion, client_assertion_type="")) == wrong
    saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    assert refusal(with_assertion(site, assertion, client_assertion_type=saml)) == wrong
    assert refusal(with_assertion(site, assertion, client_id="payslips")) == (
        400,
        "invalid_request",
        "client_id differs from the client assertion",
    )
    assert with_assertion(site, assertion, client_id="timesheets").status_code == 200


def test_an_assertion_is_for_clients_registered_for_it(site: Site, client_keys: dict[str, Key]) -> None:
    public = [key.as_dict(private=False) for key in client_keys.values()]
    add_batch(site, "timesheets", jwks={"keys": public})
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    assert refusal(with_assertion(site, assertion)) == FAILED


def test_two_methods_at_once_are_refused_whatever_they_say(site: Site, client_keys: dict[str, Key]) -> None:
    add_batch(site)
    assertions.add_client(site, client_keys)
    assertion = {
        "client_assertion_type": assertions.TYPE,
        "client_assertion": sign(assertions.claims(site), client_keys["EC"], "ES256"),
    }
    header = basic("batch", "a-secret")
    assert refusal(ask(site, header, client_id="batch", client_secret="a-secret")) == TWO_METHODS
    assert refusal(ask(site, header, **assertion)) == TWO_METHODS
    assert refusal(ask(site, client_id="timesheets", client_secret="x", **assertion)) == TWO_METHODS
    assert ask(site, **assertion).status_code == 200


def test_a_client_that_is_disabled_signs_in_vain(site: Site, client_keys: dict[str, Key]) -> None:
    assertions.add_client(site, client_keys)
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "timesheets", disabled=True, now=site.clock.now())
    assertion = sign(assertions.claims(site), client_keys["EC"], "ES256")
    assert refusal(with_assertion(site, assertion)) == FAILED
