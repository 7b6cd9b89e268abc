"""Signed tokens: the key decides the algorithm, `typ` decides what a token is."""

import base64
import json

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.protocol import jwt
from idp.protocol.jwt import SigningKey
from tests.protocol import assertions
from tests.protocol.assertions import Key


def signing_key(keys: dict[str, Key], kty: str, alg: str) -> SigningKey:
    return SigningKey(f"our-{kty}", alg, keys[kty])


@pytest.mark.parametrize(("kty", "alg"), [("RSA", "RS256"), ("EC", "ES256"), ("OKP", "EdDSA")])
def test_what_is_signed_is_verified_under_its_typ_alone(
    client_keys: dict[str, Key], kty: str, alg: str
) -> None:
    key = signing_key(client_keys, kty, alg)
    token = jwt.sign(key, {"sub": "ŵ"}, typ="at+jwt")
    assert jwt.header_of(token) == {"typ": "at+jwt", "alg": alg, "kid": f"our-{kty}"}
    assert jwt.verify(token, key, typ="at+jwt") == {"sub": "ŵ"}
    assert jwt.verify(token, key, typ="JWT") is None


def test_the_algorithm_is_the_keys_never_the_tokens(client_keys: dict[str, Key]) -> None:
    said = {"sub": "x"}
    key = signing_key(client_keys, "RSA", "RS256")
    forged = [
        assertions.sign(said, client_keys["RSA"], "PS256"),
        assertions.sign(said, client_keys["EC"], "ES256"),
        assertions.sign_with_public_key(said, client_keys["RSA"]),
        assertions.unsigned(said, typ="JWT"),
        assertions.unsigned(said, typ="JWT", alg="RS256"),
    ]
    assert [jwt.verify(token, key, typ="JWT") for token in forged] == [None] * 5
    assert jwt.verify(assertions.sign(said, client_keys["RSA"], "RS256"), key, typ="JWT") == said


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        *(
            part(header) + ".x.x"
            for header in ("[]", "1", "null", "{", "[" * 4000, '{"a":' * 1000, "9" * 5000, "\ud800")
        ),
        part('{"alg":"RS256"}') + ".x." + "a" * 8192,
        "ŵ.ŵ.ŵ",
        "\0.\0.\0",
        "!.!.!",
    ],
    ids=range(17),
)
def test_what_is_no_jwt_has_no_header(token: str) -> None:
    assert jwt.header_of(token) is None


def test_the_parts_are_read_by_number() -> None:
    token = ".".join((part('{"kid":"k"}'), part('{"sub":"s"}'), "x"))
    assert jwt.part_of(token, 0) == {"kid": "k"}
    assert jwt.part_of(token, 1) == {"sub": "s"}


@pytest.mark.parametrize("key", [RSAKey, ECKey, OKPKey])
def test_garbage_verifies_under_no_key(client_keys: dict[str, Key], key: type[Key]) -> None:
    kty = {RSAKey: "RSA", ECKey: "EC", OKPKey: "OKP"}[key]
    alg = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[kty]
    verifier = signing_key(client_keys, kty, alg)
    header = part(json.dumps({"alg": alg, "typ": "JWT"}))
    for token in ("", "x", "a.b.c", f"{header}.e30.", f"{header}.e30.AAAA", f"{header}.ŵ.ŵ", f"{header}..x"):
        assert jwt.verify(token, verifier, typ="JWT") is None


def test_an_unknown_critical_header_is_not_skipped(client_keys: dict[str, Key]) -> None:
    """RFC 7515 §4.1.11."""
    header = part(json.dumps({"alg": "ES256", "typ": "JWT", "crit": ["exp"], "exp": 1}))
    token = f"{header}.e30.{'A' * 86}"
    assert jwt.verify(token, signing_key(client_keys, "EC", "ES256"), typ="JWT") is None
