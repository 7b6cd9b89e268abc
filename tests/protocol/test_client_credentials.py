"""A client that acts for itself."""

import pytest

from tests.protocol.refusals import refusal
from tests.site import ISSUER, Site

NOT_ITS_OWN = (400, "invalid_scope", "the scope is not one this client may have for itself")


@pytest.fixture
def batch(site: Site) -> str:
    """A client that acts for itself, and signs people in as well."""
    return site.add_client(
        "batch",
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
        scope="openid email payroll.read payroll.write",
    )


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        ("payroll.read", "payroll.read"),
        ("payroll.write payroll.read", "payroll.read payroll.write"),
        ("", "payroll.read payroll.write"),
    ],
)
def test_it_gets_an_access_token_and_nothing_else(site: Site, batch: str, scope: str, given: str) -> None:
    answer = site.post("/token", batch, grant_type="client_credentials", scope=scope)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body == {
        "access_token": body["access_token"],
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": given,
    }


def test_the_token_speaks_of_the_client(site: Site, batch: str) -> None:
    """RFC 9068 §2.2: `sub` is the client; nobody signed in, so nothing is said of that."""
    token = site.post("/token", batch, grant_type="client_credentials").get_json()["access_token"]
    claims = site.claims(token)
    assert claims == {
        "iss": ISSUER,
        "sub": "batch",
        "aud": ISSUER,
        "client_id": "batch",
        "scope": "payroll.read payroll.write",
        "jti": claims["jti"],
        "iat": 1795417200,  # 2026-11-23T07:00:00Z
        "exp": 1795417500,
    }
    assert len(claims["jti"]) == 43


def test_it_opens_no_persons_claims(site: Site, batch: str) -> None:
    token = site.post("/token", batch, grant_type="client_credentials").get_json()["access_token"]
    assert site.userinfo(token).status_code == 401


@pytest.mark.parametrize("scope", ["openid", "email", "payroll.read openid", "payroll.delete", "esr"])
def test_scopes_of_persons_and_of_others_are_refused(site: Site, batch: str, scope: str) -> None:
    assert refusal(site.post("/token", batch, grant_type="client_credentials", scope=scope)) == NOT_ITS_OWN


def test_a_malformed_scope_is_refused(site: Site, batch: str) -> None:
    assert refusal(site.post("/token", batch, grant_type="client_credentials", scope='"')) == (
        400,
        "invalid_scope",
        "scope is a list of ASCII words, separated by single spaces",
    )


def test_a_client_must_be_registered_for_it(shared_site: Site) -> None:
    assert refusal(shared_site.post("/token", grant_type="client_credentials")) == (
        400,
        "unauthorized_client",
        "this client is not registered for grant_type client_credentials",
    )


def test_a_public_client_cannot_act_for_itself(site: Site) -> None:
    site.add_client("rota", None)
    assert refusal(site.post("/token", "rota", grant_type="client_credentials")) == (
        400,
        "unauthorized_client",
        "a public client cannot act for itself",
    )


def test_a_client_without_scopes_of_its_own_gets_a_token_for_none(site: Site) -> None:
    site.add_client("probe", grant_types=["client_credentials"], scope="openid")
    body = site.post("/token", "probe", grant_type="client_credentials").get_json()
    assert body.keys() == {"access_token", "token_type", "expires_in"}
    assert "scope" not in site.claims(body["access_token"])
    shown = site.post("/introspect", "probe", token=body["access_token"]).get_json()
    assert (shown["active"], "scope" in shown) == (True, False)
