"""Access tokens as RFC 9068 has them, and who is not taken in by something else."""

from datetime import timedelta
from typing import Any

import pytest

from idp.protocol import jwt
from idp.protocol.jwt import SigningKey
from tests.protocol.assertions import Key, unsigned, with_broken_signature
from tests.site import ISSUER, Site


@pytest.fixture
def tokens(site: Site) -> dict[str, Any]:
    return site.tokens(scope="openid email")


def test_it_says_what_rfc_9068_asks_for(site: Site, tokens: dict[str, Any]) -> None:
    claims = site.claims(tokens["access_token"])
    assert claims == {
        "iss": ISSUER,
        "sub": claims["sub"],
        "aud": ISSUER,
        "client_id": "payslips",
        "scope": "openid email",
        "jti": claims["jti"],
        "iat": 1795417200,  # 2026-11-23T07:00:00Z
        "exp": 1795417500,
        "grant_id": claims["grant_id"],
        "auth_time": 1795417200,
        "acr": "AAL1_USERPASS",
        "amr": ["pwd"],
    }
    assert claims["sub"] == site.claims(tokens["id_token"])["sub"]
    assert len(claims["jti"]) == 43


def test_its_header_says_that_it_is_an_access_token(tokens: dict[str, Any]) -> None:
    header = jwt.header_of(tokens["access_token"])
    assert header is not None
    assert header.keys() == {"typ", "alg", "kid"}
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_each_client_has_its_algorithm(site: Site, alg: str) -> None:
    site.add_client("rota", access_token_signed_response_alg=alg)
    tokens = site.tokens("rota")
    header = jwt.header_of(tokens["access_token"])
    assert header is not None
    assert header["alg"] == alg
    assert site.userinfo(tokens["access_token"]).status_code == 200


def test_two_tokens_of_one_second_differ(site: Site, tokens: dict[str, Any]) -> None:
    first = site.refresh(tokens["refresh_token"]).get_json()["access_token"]
    second = site.refresh(tokens["refresh_token"]).get_json()["access_token"]
    assert site.claims(first)["jti"] != site.claims(second)["jti"]


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 401), (86400, 401)])
def test_it_lives_for_five_minutes(site: Site, tokens: dict[str, Any], seconds: int, status: int) -> None:
    assert site.userinfo(tokens["access_token"]).status_code == 200
    site.clock.advance(timedelta(seconds=seconds))
    assert site.userinfo(tokens["access_token"]).status_code == status


def test_a_clock_set_back_does_not_make_it_immortal(site: Site, tokens: dict[str, Any]) -> None:
    site.clock.advance(timedelta(hours=-1))
    assert site.userinfo(tokens["access_token"]).status_code == 200
    site.clock.advance(timedelta(hours=2))
    assert site.userinfo(tokens["access_token"]).status_code == 401


def resigned(site: Site, token: str, **claims: object) -> str:
    """The same token with other claims, signed by our own key: what no attacker can make."""
    said = {**site.claims(token), **claims}
    return jwt.sign(site.provider.keyring.signer("ES256"), said, typ="at+jwt")


def test_a_token_of_another_issuer_is_not_ours(site: Site, tokens: dict[str, Any]) -> None:
    assert site.userinfo(resigned(site, tokens["access_token"], jti="other")).status_code == 200
    foreign = resigned(site, tokens["access_token"], iss="https://id.evil.example")
    assert site.userinfo(foreign).status_code == 401


def test_forged_tokens_are_refused(site: Site, tokens: dict[str, Any], client_keys: dict[str, Key]) -> None:
    token = tokens["access_token"]
    kid = site.provider.keyring.signer("ES256").kid
    said = site.claims(token)
    stranger = SigningKey(kid, "ES256", client_keys["EC"])
    unknown = SigningKey("unknown", "ES256", client_keys["EC"])
    forged = {
        "signed by a stranger under our kid": jwt.sign(stranger, said, typ="at+jwt"),
        "signed under a kid we do not have": jwt.sign(unknown, said, typ="at+jwt"),
        "alg none": unsigned(said, typ="at+jwt"),
        "alg none under our kid": unsigned(said, typ="at+jwt", kid=kid),
        "no signature": token.rpartition(".")[0] + ".",
        "a broken signature": with_broken_signature(token),
        "an ID Token": tokens["id_token"],
        "a refresh token": tokens["refresh_token"],
        "an access token signed as a plain JWT": jwt.sign(
            site.provider.keyring.signer("ES256"), said, typ="JWT"
        ),
    }
    answers = {why: site.userinfo(one).status_code for why, one in forged.items()}
    assert answers == dict.fromkeys(forged, 401)
    assert site.userinfo(token).status_code == 200
    assert {why: site.userinfo(one).status_code for why, one in forged.items()} == answers
