from typing import Any

import pytest

from idp.policy import public_jwks

# RFC 7515 appendix A.3 (EC), RFC 8037 appendix A.2 (OKP)
EC = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RSA = {"kty": "RSA", "n": "A" * 342, "e": "AQAB"}


def test_public_keys_are_kept_without_unknown_members() -> None:
    key = {**EC, "kid": "one", "use": "sig", "alg": "ES256", "x5c": ["MII"], "note": "mine"}
    assert public_jwks.parse({"keys": [key], "more": 1}) == {
        "keys": [{**EC, "kid": "one", "use": "sig", "alg": "ES256"}]
    }


def test_several_kinds_of_key_live_together() -> None:
    keys = [{**key, "kid": key["kty"]} for key in (EC, OKP, RSA)]
    parsed = public_jwks.parse({"keys": keys})
    assert isinstance(parsed, dict)
    assert public_jwks.key_types(parsed) == {"EC", "OKP", "RSA"}


def test_an_encryption_key_verifies_nothing() -> None:
    assert public_jwks.key_types({"keys": [{**EC, "use": "enc"}]}) == set()


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_member_is_refused(member: str) -> None:
    assert "private or secret" in str(public_jwks.parse({"keys": [{**EC, member: "AA"}]}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param([EC], "JWK Set", id="no set"),
        pytest.param({"keys": []}, "JWK Set", id="empty set"),
        pytest.param({"keys": {}}, "JWK Set", id="no list"),
        pytest.param({"keys": [EC] * 21}, "more than 20", id="21 keys"),
        pytest.param({"keys": ["key"]}, "key 1 is not an object", id="no object"),
        pytest.param({"keys": [{"kty": "oct"}]}, "RSA, EC or OKP", id="symmetric"),
        pytest.param({"keys": [{"kty": []}]}, "RSA, EC or OKP", id="kty is no string"),
        pytest.param({"keys": [{**EC, "crv": "P-384"}]}, "crv P-256", id="another curve"),
        pytest.param({"keys": [{**OKP, "crv": "X25519"}]}, "Ed25519", id="a curve for agreement"),
        pytest.param({"keys": [{**EC, "y": "AA"}]}, "wrong size", id="short coordinate"),
        pytest.param({"keys": [{**EC, "y": "+" * 43}]}, "incomplete", id="not base64url"),
        pytest.param({"keys": [{"kty": "RSA", "n": "A" * 171, "e": "AQAB"}]}, "2048", id="RSA 1024"),
        pytest.param({"keys": [{"kty": "RSA", "n": "A" * 2731, "e": "AQAB"}]}, "8192", id="RSA 16384"),
        pytest.param({"keys": [{**EC, "kid": ""}]}, "kid", id="empty kid"),
        pytest.param({"keys": [{**EC, "kid": "a" * 257}]}, "kid", id="long kid"),
        pytest.param({"keys": [{**EC, "kid": None}]}, "kid", id="kid is null"),
        pytest.param({"keys": [{**EC, "key_ops": ["sign"]}]}, "key_ops", id="key_ops sign"),
        pytest.param({"keys": [EC, OKP]}, "kid of its own", id="two keys without kid"),
        pytest.param({"keys": [{**EC, "kid": "a"}, {**OKP, "kid": "a"}]}, "kid of its own", id="kid twice"),
    ],
)
def test_a_set_is_refused(value: Any, message: str) -> None:  # noqa: ANN401 - any JSON may arrive
    assert message in str(public_jwks.parse(value))
