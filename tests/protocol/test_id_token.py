"""ID Tokens: what happened at sign-in, for one client."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from idp.protocol import id_token, jwt
from tests.site import ISSUER, Site


def test_it_says_who_signed_in_when_and_how(site: Site) -> None:
    tokens = site.tokens(scope="openid profile email esr", nonce="n-0S6_WzA2Mj")
    claims = site.claims(tokens["id_token"])
    assert claims == {
        "iss": ISSUER,
        "sub": claims["sub"],
        "aud": "payslips",
        "iat": 1795417200,  # 2026-11-23T07:00:00Z
        "exp": 1795417500,
        "auth_time": 1795417200,
        "acr": "AAL1_USERPASS",
        "amr": ["pwd"],
        "sid": claims["sid"],
        "at_hash": claims["at_hash"],
        "nonce": "n-0S6_WzA2Mj",
    }
    assert UUID(claims["sub"])
    assert UUID(claims["sid"])


def test_auth_time_is_that_of_the_sign_in_not_of_the_code(site: Site) -> None:
    visitor = site.browser()
    first = site.claims(site.tokens(visitor=visitor)["id_token"])
    site.clock.advance(timedelta(minutes=10))
    second = site.claims(site.tokens(visitor=visitor)["id_token"])
    assert (second["auth_time"], second["iat"]) == (first["auth_time"], first["iat"] + 600)
    assert second["sid"] == first["sid"]


def test_a_nonce_that_was_not_sent_is_not_made_up(site: Site) -> None:
    code = site.browser().sign_in_to(nonce=None)["code"]
    assert "nonce" not in site.claims(site.redeem(code).get_json()["id_token"])


@pytest.mark.parametrize(("alg", "length"), [("RS256", 22), ("ES256", 22), ("EdDSA", 43)])
def test_each_client_has_its_algorithm(site: Site, alg: str, length: int) -> None:
    site.add_client("rota", id_token_signed_response_alg=alg)
    token = site.tokens("rota")["id_token"]
    header = jwt.header_of(token)
    assert header is not None
    assert (header["alg"], header["typ"], sorted(header)) == (alg, "JWT", ["alg", "kid", "typ"])
    assert len(site.claims(token)["at_hash"]) == length


def test_at_hash_is_that_of_the_published_examples(vectors: dict[str, Any]) -> None:
    for vector in vectors["at_hash"]:
        assert id_token.left_half(vector["access_token"], vector["alg"]) == vector["at_hash"]
    assert len(vectors["at_hash"]) == 3


def test_at_hash_belongs_to_the_access_token_beside_it(site: Site) -> None:
    tokens = site.tokens()
    fresh = site.refresh(tokens["refresh_token"]).get_json()
    for pair in (tokens, fresh):
        at_hash = site.claims(pair["id_token"])["at_hash"]
        assert at_hash == id_token.left_half(pair["access_token"], "RS256")
    assert site.claims(tokens["id_token"])["at_hash"] != site.claims(fresh["id_token"])["at_hash"]


def test_it_opens_nothing(site: Site) -> None:
    token = site.tokens()["id_token"]
    assert site.userinfo(token).status_code == 401
    assert site.post("/introspect", token=token).get_json() == {"active": False}


def test_a_hint_is_an_id_token_of_ours_and_nothing_else(site: Site) -> None:
    tokens = site.tokens()
    keyring = site.provider.keyring
    site.clock.advance(timedelta(hours=1))
    claims = id_token.verify_hint(keyring, ISSUER, tokens["id_token"])
    assert claims is not None
    assert claims["aud"] == "payslips"
    assert id_token.verify_hint(keyring, "https://other.example", tokens["id_token"]) is None
    for other in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"] + "x", "", "a.b.c"):
        assert id_token.verify_hint(keyring, ISSUER, other) is None
    plain = jwt.sign(keyring.signer("RS256"), {"iss": ISSUER, "aud": "payslips", "sub": "x"}, typ="JWT")
    assert id_token.verify_hint(keyring, ISSUER, plain) is None
