"""The metadata documents: true, complete, and the same at both addresses."""

from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from tests.site import Site

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
ASSERTIONS = ["RS256", "PS256", "ES256", "EdDSA"]
DOCUMENT = {
    "issuer": "https://id.example.nhs.uk",
    "authorization_endpoint": "https://id.example.nhs.uk/authorize",
    "token_endpoint": "https://id.example.nhs.uk/token",
    "userinfo_endpoint": "https://id.example.nhs.uk/userinfo",
    "jwks_uri": "https://id.example.nhs.uk/jwks.json",
    "revocation_endpoint": "https://id.example.nhs.uk/revoke",
    "introspection_endpoint": "https://id.example.nhs.uk/introspect",
    "end_session_endpoint": "https://id.example.nhs.uk/logout",
    "scopes_supported": ["openid", "profile", "email", "offline_access", "esr", "birthdate"],
    "response_types_supported": ["code"],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
    "code_challenge_methods_supported": ["S256"],
    "subject_types_supported": ["public", "pairwise"],
    "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
    "token_endpoint_auth_methods_supported": METHODS,
    "token_endpoint_auth_signing_alg_values_supported": ASSERTIONS,
    "revocation_endpoint_auth_methods_supported": METHODS,
    "revocation_endpoint_auth_signing_alg_values_supported": ASSERTIONS,
    "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
    "introspection_endpoint_auth_signing_alg_values_supported": ASSERTIONS,
    "acr_values_supported": [
        *("AAL1_USERPASS", "AAL2_TOTP", "AAL2_ANY", "AAL2_OR_AAL3_ANY"),
        *("AAL3_FIDO2", "AAL3_SMARTCARD", "AAL3_ANY"),
    ],
    "prompt_values_supported": ["none", "login", "consent", "select_account"],
    "display_values_supported": ["page"],
    "claim_types_supported": ["normal"],
    "claims_supported": [
        *("iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
        *("sub", "name", "given_name", "family_name", "locale", "email", "email_verified"),
        *("esr_username", "esr_employer", "esr_roles", "nhsid_useruid", "birthdate"),
    ],
    "ui_locales_supported": ["en", "cy"],
    "claims_parameter_supported": True,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
    "authorization_response_iss_parameter_supported": True,
}


def get(site: Site, path: str, base_url: str = "https://id.example.nhs.uk") -> TestResponse:
    return Browser(site.flask).get(path, base_url=base_url)


@pytest.mark.parametrize("path", [OPENID, OAUTH])
def test_the_document_says_what_is_built(shared_site: Site, path: str) -> None:
    response = get(shared_site, path)
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.headers["Cache-Control"] == "public, max-age=600"
    assert response.get_json() == DOCUMENT


@pytest.mark.parametrize("kind", [OpenIDProviderMetadata, AuthorizationServerMetadata])
def test_authlib_finds_the_document_valid(shared_site: Site, kind: Any) -> None:  # noqa: ANN401 - Authlib's
    kind(get(shared_site, OPENID).get_json()).validate()


def test_both_addresses_give_the_same_bytes(shared_site: Site) -> None:
    assert get(shared_site, OPENID).data == get(shared_site, OAUTH).data


def test_the_issuer_is_configured_never_taken_from_the_request(shared_site: Site) -> None:
    response = Browser(shared_site.flask).get(
        OPENID,
        base_url="http://evil.example",
        headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil"},
    )
    assert response.get_json() == DOCUMENT


def test_every_endpoint_it_names_answers(shared_site: Site) -> None:
    document = get(shared_site, OPENID).get_json()
    endpoints = {name: uri for name, uri in document.items() if name.endswith(("_endpoint", "_uri"))}
    answers = {
        name: get(shared_site, uri.removeprefix("https://id.example.nhs.uk")).status_code
        for name, uri in endpoints.items()
    }
    assert answers == {
        "authorization_endpoint": 400,  # without a client
        "token_endpoint": 405,
        "userinfo_endpoint": 401,
        "jwks_uri": 200,
        "revocation_endpoint": 405,
        "introspection_endpoint": 405,
        "end_session_endpoint": 303,
    }


def test_a_head_request_has_the_headers_alone(shared_site: Site) -> None:
    full = get(shared_site, OPENID)
    head = Browser(shared_site.flask).head(OPENID, base_url="https://id.example.nhs.uk")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == full.headers["Content-Length"]
