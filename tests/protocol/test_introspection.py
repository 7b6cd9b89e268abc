"""What a resource server is told of a token (RFC 7662)."""

from datetime import timedelta
from typing import Any

import pytest

from idp.db import account, client
from idp.db.account import AccountState
from tests.protocol.refusals import refusal
from tests.site import ISSUER, Site

INACTIVE = {"active": False}


@pytest.fixture
def tokens(site: Site) -> dict[str, Any]:
    """Of a third-party client."""
    site.add_client("third", redirect_uris=["https://third.example/cb"], first_party=False)
    visitor = site.browser()
    page = visitor.follow(
        visitor.authorize("third", scope="openid email", redirect_uri="https://third.example/cb")
    )
    page = visitor.log_in(page)
    response = visitor.follow(visitor.submit(page, decision="allow"))
    code = response.location.partition("?code=")[2].partition("&")[0]
    body: dict[str, Any] = site.redeem(code, "third", redirect_uri="https://third.example/cb").get_json()
    return body


def introspect(site: Site, token: str, client_id: str = "third", **form: str) -> dict[str, Any]:
    answer = site.post("/introspect", client_id, token=token, **form)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = answer.get_json()
    return body


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "saml2"])
def test_an_access_token_is_told_in_full_whatever_the_hint(
    site: Site, tokens: dict[str, Any], hint: str
) -> None:
    told = introspect(site, tokens["access_token"], token_type_hint=hint)
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "iss": ISSUER,
        "sub": site.claims(tokens["id_token"])["sub"],
        "aud": ISSUER,
        "client_id": "third",
        "scope": "openid email",
        "jti": told["jti"],
        "iat": 1795417200,  # 2026-11-23T07:00:00Z
        "exp": 1795417500,
        "grant_id": told["grant_id"],
        "auth_time": 1795417200,
        "acr": "AAL1_USERPASS",
        "amr": ["pwd"],
    }


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token"])
def test_a_refresh_token_is_told_too(site: Site, tokens: dict[str, Any], hint: str) -> None:
    assert introspect(site, tokens["refresh_token"], token_type_hint=hint) == {
        "active": True,
        "iss": ISSUER,
        "sub": site.claims(tokens["id_token"])["sub"],
        "client_id": "third",
        "scope": "openid email",
        "iat": 1795417200,
        "exp": 1795419000,
    }


def test_first_party_clients_stand_for_our_own_resource_servers(site: Site, tokens: dict[str, Any]) -> None:
    for kind in ("access_token", "refresh_token"):
        assert introspect(site, tokens[kind], "payslips") == introspect(site, tokens[kind], "third")


def test_a_third_party_learns_nothing_of_the_tokens_of_others(site: Site, tokens: dict[str, Any]) -> None:
    site.add_client("other", first_party=False)
    for kind in ("access_token", "refresh_token"):
        assert introspect(site, tokens[kind], "other") == INACTIVE


def test_a_token_a_client_got_for_itself_is_told(site: Site) -> None:
    site.add_client("batch", grant_types=["client_credentials"], scope="payroll", redirect_uris=[])
    token = site.post("/token", "batch", grant_type="client_credentials").get_json()["access_token"]
    told = introspect(site, token, "payslips")
    assert (told["active"], told["sub"], told["scope"]) == (True, "batch", "payroll")
    site.post("/revoke", "batch", token=token)
    assert introspect(site, token, "payslips") == INACTIVE
    token = site.post("/token", "batch", grant_type="client_credentials").get_json()["access_token"]
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "batch", disabled=True, now=site.clock.now())
    assert introspect(site, token, "payslips") == INACTIVE


@pytest.mark.parametrize("token", ["x", "a.b.c", "ŵ", "a" * 9000])
def test_what_is_no_token_is_inactive(shared_site: Site, token: str) -> None:
    assert introspect(shared_site, token, "payslips") == INACTIVE


def test_an_id_token_and_a_code_are_inactive(site: Site, tokens: dict[str, Any]) -> None:
    code = site.browser().sign_in_to()["code"]
    assert introspect(site, tokens["id_token"]) == INACTIVE
    assert introspect(site, code, "payslips") == INACTIVE
    assert site.redeem(code).status_code == 200


def test_what_has_expired_is_inactive(site: Site, tokens: dict[str, Any]) -> None:
    site.clock.advance(timedelta(minutes=5))
    assert introspect(site, tokens["access_token"]) == INACTIVE
    assert introspect(site, tokens["refresh_token"])["active"] is True
    site.clock.advance(timedelta(minutes=25))
    assert introspect(site, tokens["refresh_token"]) == INACTIVE


def test_a_used_refresh_token_is_inactive_and_asking_is_not_using(site: Site, tokens: dict[str, Any]) -> None:
    introspect(site, tokens["refresh_token"])
    fresh = site.refresh(tokens["refresh_token"], "third").get_json()
    assert introspect(site, tokens["refresh_token"]) == INACTIVE
    assert introspect(site, fresh["refresh_token"])["active"] is True


def test_what_was_revoked_is_inactive_at_once(site: Site, tokens: dict[str, Any]) -> None:
    assert introspect(site, tokens["access_token"])["active"] is True
    site.post("/revoke", "third", token=tokens["refresh_token"])
    for kind in ("access_token", "refresh_token"):
        assert introspect(site, tokens[kind]) == INACTIVE


def test_tokens_of_a_disabled_account_are_inactive_at_once(site: Site, tokens: dict[str, Any]) -> None:
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        assert account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.DISABLED)
    for kind in ("access_token", "refresh_token"):
        assert introspect(site, tokens[kind]) == INACTIVE


def test_tokens_of_a_disabled_client_are_inactive_at_once(site: Site, tokens: dict[str, Any]) -> None:
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "third", disabled=True, now=site.clock.now())
    for kind in ("access_token", "refresh_token"):
        assert introspect(site, tokens[kind], "payslips") == INACTIVE


def test_who_asks_must_prove_itself(site: Site, tokens: dict[str, Any]) -> None:
    failed = (401, "invalid_client", "client authentication failed")
    assert refusal(site.post("/introspect", None, token=tokens["access_token"])) == failed
    assert refusal(site.post("/introspect", "nobody", token=tokens["access_token"])) == failed
    site.add_client("rota", None)
    assert refusal(site.post("/introspect", "rota", token=tokens["access_token"])) == (
        400,
        "unauthorized_client",
        "introspection is for confidential clients",
    )


def test_a_token_must_be_named(shared_site: Site) -> None:
    assert refusal(shared_site.post("/introspect", token="")) == (400, "invalid_request", "token is missing")
