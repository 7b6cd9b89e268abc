import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy import client_metadata
from idp.policy.client_metadata import (
    ApplicationType,
    AssertionAlg,
    AuthMethod,
    ClientMetadata,
    GrantType,
    MinimumAcr,
    Problem,
    SigningAlg,
    SubjectType,
)

CALLBACK = "https://rp.example/callback"
EC = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
LEAST = {"client_name": "Payslips", "redirect_uris": [CALLBACK]}


def parsed(**members: object) -> ClientMetadata:
    metadata = client_metadata.parse({**LEAST, **members})
    assert isinstance(metadata, ClientMetadata), metadata
    return metadata


def problems(**members: object) -> dict[str, str]:
    found = client_metadata.parse({**LEAST, **members})
    assert isinstance(found, tuple), found
    return {problem.field: problem.message for problem in found}


ACR = (
    "AAL1_USERPASS",
    "AAL2_TOTP",
    "AAL2_ANY",
    "AAL2_OR_AAL3_ANY",
    "AAL3_FIDO2",
    "AAL3_SMARTCARD",
    "AAL3_ANY",
)


def test_the_defaults_are_safe() -> None:
    assert parsed() == ClientMetadata(
        client_name="Payslips",
        redirect_uris=(CALLBACK,),
        post_logout_redirect_uris=(),
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE}),
        response_types=("code",),
        scope=frozenset({"openid", "profile", "email", "esr"}),
        token_endpoint_auth_method=AuthMethod.CLIENT_SECRET_BASIC,
        token_endpoint_auth_signing_alg=None,
        jwks=None,
        id_token_signed_response_alg=SigningAlg.RS256,
        access_token_signed_response_alg=SigningAlg.ES256,
        subject_type=SubjectType.PUBLIC,
        sector_identifier_uri=None,
        application_type=ApplicationType.WEB,
        default_max_age=None,
        default_acr_values=(),
        minimum_acr=None,
        require_auth_time=False,
        initiate_login_uri=None,
        client_uri=None,
        contacts=(),
        require_pkce=True,
        first_party=False,
    )


def test_every_member_is_read_and_written() -> None:
    everything = {
        "client_name": "Payslips",
        "redirect_uris": [CALLBACK, "https://rp.example/other"],
        "post_logout_redirect_uris": ["https://rp.example/bye"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types": ["code"],
        "scope": "openid offline_access esr pay.read",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [EC]},
        "id_token_signed_response_alg": "EdDSA",
        "access_token_signed_response_alg": "RS256",
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://sector.example/uris.json",
        "application_type": "web",
        "default_max_age": 3600,
        "default_acr_values": ["AAL2_TOTP", "AAL3_ANY"],
        "minimum_acr": "AAL2_OR_AAL3_ANY",
        "require_auth_time": True,
        "initiate_login_uri": "https://rp.example/login",
        "client_uri": "https://rp.example",
        "contacts": ["desk@rp.example"],
        "require_pkce": False,
        "first_party": True,
    }
    metadata = parsed(**everything)
    assert json.loads(json.dumps(client_metadata.to_json(metadata))) == everything
    assert metadata.default_max_age == timedelta(hours=1)
    assert metadata.token_endpoint_auth_signing_alg is AssertionAlg.ES256
    assert metadata.sector_identifier == "sector.example"


def test_unknown_members_and_nulls_are_dropped() -> None:
    assert parsed(logo_uri="https://rp.example/logo", client_id="mine", contacts=None) == parsed()


def test_a_machine_client_needs_no_redirect_uri_and_gets_no_scope() -> None:
    metadata = client_metadata.parse({"client_name": "Payroll", "grant_types": ["client_credentials"]})
    assert isinstance(metadata, ClientMetadata)
    assert (metadata.redirect_uris, metadata.response_types, metadata.scope) == ((), (), frozenset())


@pytest.mark.parametrize(
    ("json_object", "name"),
    [
        ({"redirect_uris": [CALLBACK]}, "rp.example"),
        ({"redirect_uris": ["com.example.app:/x"], "application_type": "native"}, "Unnamed client"),
        ({"grant_types": ["client_credentials"]}, "Unnamed client"),
    ],
)
def test_a_client_without_a_name_is_called(json_object: dict[str, object], name: str) -> None:
    metadata = client_metadata.parse(json_object)
    assert isinstance(metadata, ClientMetadata)
    assert metadata.client_name == name


def test_a_native_application_may_have_a_scheme_of_its_own() -> None:
    metadata = parsed(
        application_type="native",
        redirect_uris=["com.example.app:/callback", "http://127.0.0.1/callback"],
        token_endpoint_auth_method="none",
    )
    assert metadata.is_native
    assert metadata.is_public


def test_the_sector_is_the_host_of_the_redirect_uris() -> None:
    assert parsed(subject_type="pairwise").sector_identifier == "rp.example"


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("client_name", "", "must be a string of printable characters"),
        ("client_name", 7, "must be a string of printable characters"),
        ("client_name", "a\u202eb", "must be a string of printable characters"),
        ("client_name", "a\nb", "must be a string of printable characters"),
        ("client_name", "\ud800", "must be a string of printable characters"),
        ("client_name", "a" * 101, "is longer than 100 characters"),
        ("redirect_uris", [], "must hold at least one URI for the grant authorization_code"),
        ("redirect_uris", CALLBACK, "must be a list of strings of printable characters"),
        ("redirect_uris", [7], "must be a list of strings of printable characters"),
        ("redirect_uris", [CALLBACK, CALLBACK], "holds an item twice"),
        (
            "redirect_uris",
            ["http://rp.example/"],
            "uses http; use https (http is for 127.0.0.1, [::1] and localhost only)",
        ),
        ("redirect_uris", [CALLBACK, "https://*.a"], "item 2 has a wildcard; register each address in full"),
        (
            "post_logout_redirect_uris",
            ["https://rp.example/#"],
            "has a fragment; leave out the # and what follows it",
        ),
        (
            "contacts",
            [str(number) for number in range(51)],
            "holds over 50 items, or one of over 256 characters",
        ),
        ("contacts", ["a" * 257], "holds over 50 items, or one of over 256 characters"),
        (
            "grant_types",
            ["authorization_code", "password"],
            "may hold only: authorization_code, refresh_token, client_credentials",
        ),
        (
            "grant_types",
            [],
            "must hold at least one of: authorization_code, refresh_token, client_credentials",
        ),
        ("grant_types", ["refresh_token"], "cannot hold refresh_token without authorization_code"),
        ("response_types", ["token"], "may hold only: code"),
        (
            "response_types",
            [],
            "must hold code exactly when grant_types holds authorization_code",
        ),
        ("scope", ["openid"], "must be a string of space-separated values"),
        ("scope", "a  b", "scope is a list of ASCII words, separated by single spaces"),
        (
            "token_endpoint_auth_method",
            "client_secret_jwt",
            "must be one of: client_secret_basic, client_secret_post, private_key_jwt, none",
        ),
        (
            "token_endpoint_auth_signing_alg",
            "HS256",
            "must be one of: RS256, PS256, ES256, EdDSA",
        ),
        ("token_endpoint_auth_method", "private_key_jwt", None),
        ("jwks", {"keys": [{**EC, "d": "AA"}]}, None),
        ("id_token_signed_response_alg", "none", "must be one of: RS256, ES256, EdDSA"),
        ("access_token_signed_response_alg", "HS256", "must be one of: RS256, ES256, EdDSA"),
        ("subject_type", "Public", "must be one of: public, pairwise"),
        ("application_type", "desktop", "must be one of: web, native"),
        ("default_max_age", -1, "must be a whole number of seconds from 0 to 31536000"),
        ("default_max_age", True, "must be a whole number of seconds from 0 to 31536000"),
        ("default_max_age", 1.5, "must be a whole number of seconds from 0 to 31536000"),
        ("default_max_age", 10**30, "must be a whole number of seconds from 0 to 31536000"),
        (
            "default_acr_values",
            ["AAL2_TOTP", "gold"],
            f"may hold only: {', '.join(ACR)}",
        ),
        ("default_acr_values", "AAL2_TOTP", "must be a list of strings of printable characters"),
        # It would shut out those with more: as a minimum it means something else.
        ("minimum_acr", "AAL2_ANY", "must be one of: AAL1_USERPASS, AAL2_OR_AAL3_ANY, AAL3_ANY"),
        ("minimum_acr", 2, "must be one of: AAL1_USERPASS, AAL2_OR_AAL3_ANY, AAL3_ANY"),
        ("require_auth_time", "false", "must be true or false"),
        ("first_party", 1, "must be true or false"),
        (
            "initiate_login_uri",
            "javascript:alert(1)",
            "must start with https:// in lower case (http:// for 127.0.0.1, [::1] and localhost only)",
        ),
        ("client_uri", 7, "must be a string of printable characters"),
        ("jwks_uri", "https://rp.example/jwks", "is not fetched; give the public keys themselves as jwks"),
        (
            "request_uris",
            ["https://rp.example/r"],
            "is not supported; send the parameters of the request themselves",
        ),
    ],
)
def test_a_wrong_member_is_one_problem(member: str, value: object, message: str | None) -> None:
    found = problems(**{member: value})
    if message is None:
        assert list(found) == ["jwks"]
    else:
        assert found == {member: message}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        pytest.param(
            {"token_endpoint_auth_method": "none", "require_pkce": False},
            "require_pkce",
            id="a public client without PKCE",
        ),
        pytest.param(
            {
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "client_credentials"],
            },
            "grant_types",
            id="client credentials without credentials",
        ),
        pytest.param(
            {"grant_types": ["client_credentials"], "response_types": ["code"]},
            "response_types",
            id="a code without its grant",
        ),
        pytest.param(
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "RS256",
                "jwks": {"keys": [EC]},
            },
            "token_endpoint_auth_signing_alg",
            id="an algorithm without its key",
        ),
        pytest.param(
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [{**EC, "use": "enc"}]},
            },
            "jwks",
            id="an encryption key cannot sign",
        ),
        pytest.param(
            {"subject_type": "pairwise", "redirect_uris": [CALLBACK, "https://other.example/"]},
            "sector_identifier_uri",
            id="pairwise over two hosts",
        ),
        pytest.param(
            {
                "subject_type": "pairwise",
                "application_type": "native",
                "redirect_uris": ["com.example.app:/callback"],
            },
            "sector_identifier_uri",
            id="pairwise without a host",
        ),
    ],
)
def test_members_that_contradict_each_other_are_one_problem(members: dict[str, object], field: str) -> None:
    assert list(problems(**members)) == [field]


def test_all_problems_are_reported_together() -> None:
    found = client_metadata.parse(
        {"client_name": 1, "redirect_uris": ["javascript:x"], "jwks_uri": "x", "require_pkce": "no"}
    )
    assert isinstance(found, tuple)
    assert all(isinstance(problem, Problem) for problem in found)
    assert {problem.field for problem in found} == {
        "jwks_uri",
        "client_name",
        "redirect_uris",
        "require_pkce",
    }


sound = st.builds(
    ClientMetadata,
    client_name=st.sampled_from(["Payslips", "Fy ESR: hunanwasanaeth", "Ŵ"]),
    redirect_uris=st.just((CALLBACK,)),
    post_logout_redirect_uris=st.lists(st.integers(1, 9), unique=True, max_size=3).map(
        lambda numbers: tuple(f"https://rp.example/{number}" for number in numbers)
    ),
    grant_types=st.frozensets(st.sampled_from(GrantType)).map(
        lambda grants: grants | {GrantType.AUTHORIZATION_CODE}
    ),
    scope=st.frozensets(st.sampled_from(["openid", "profile", "esr", "pay.read"])),
    token_endpoint_auth_method=st.sampled_from(
        [AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST, AuthMethod.PRIVATE_KEY_JWT]
    ),
    jwks=st.just({"keys": [EC]}),
    id_token_signed_response_alg=st.sampled_from(SigningAlg),
    access_token_signed_response_alg=st.sampled_from(SigningAlg),
    subject_type=st.sampled_from(SubjectType),
    default_max_age=st.none() | st.integers(0, 31_536_000).map(lambda seconds: timedelta(seconds=seconds)),
    default_acr_values=st.sampled_from([(), ("AAL2_TOTP",), ("AAL2_ANY", "AAL3_ANY")]),
    minimum_acr=st.none() | st.sampled_from(MinimumAcr),
    require_auth_time=st.booleans(),
    client_uri=st.none() | st.just("https://rp.example"),
    require_pkce=st.booleans(),
    first_party=st.booleans(),
)


@given(sound)
def test_what_is_written_is_read_back(metadata: ClientMetadata) -> None:
    assert client_metadata.parse(json.loads(json.dumps(client_metadata.to_json(metadata)))) == metadata


MEMBERS = sorted(field.name for field in fields(ClientMetadata))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(MEMBERS), anything))
def test_any_json_is_either_sound_or_named_problems(json_object: dict[str, Any]) -> None:
    found = client_metadata.parse(json_object)
    assert isinstance(found, ClientMetadata) or (found and all(problem.message for problem in found))
