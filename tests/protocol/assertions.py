"""Client assertions as a client signs them (RFC 7523 §2.2): right unless a test makes them wrong."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.site import ISSUER, Site

Key: TypeAlias = RSAKey | ECKey | OKPKey
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT_ID = "timesheets"

_REGISTRY = JWSRegistry(algorithms=["RS256", "PS256", "ES256", "EdDSA"])


def add_client(site: Site, keys: Mapping[str, Key], **metadata: object) -> str:
    """A client that authenticates with any of these keys and may act for itself."""
    return site.add_client(
        CLIENT_ID,
        None,
        **{
            "client_name": "Timesheets",
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid timesheets.read",
            "jwks": {"keys": [key.as_dict(private=False) for key in keys.values()]},
            **metadata,
        },
    )


def claims(site: Site, **more: object) -> dict[str, Any]:
    """The claims of a right assertion; one of None is left out."""
    at = int(site.clock.now().timestamp())
    right = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": ISSUER,
        "jti": "an-assertion",
        "iat": at,
        "exp": at + 60,
    }
    return {name: value for name, value in {**right, **more}.items() if value is not None}


def sign(said: Mapping[str, Any], key: Key, alg: str, **header: str) -> str:
    """A signed assertion, with the key's `kid` unless the header says otherwise."""
    named = {"kid": key.kid} if key.kid else {}
    protected = {"typ": "JWT", "alg": alg, **named, **header}
    return jws.serialize_compact(protected, json.dumps(dict(said)), key, registry=_REGISTRY)


def sign_with_public_key(said: Mapping[str, Any], key: Key) -> str:
    """HS256 with the text of a public key as its secret (RFC 8725 §2.1)."""
    content = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(said)}"
    mac = hmac.digest(key.as_pem(private=False), content.encode(), hashlib.sha256)
    return f"{content}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def unsigned(said: Mapping[str, Any], **header: str) -> str:
    """The same with `alg: none` (RFC 7515 Appendix A.5), or with whatever header and no signature."""
    return ".".join((_part({"alg": "none", **header}), _part(said), ""))


def with_broken_signature(assertion: str) -> str:
    """The same claims under a signature of which one character is another."""
    head, _, signature = assertion.rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(dict(value)).encode()).rstrip(b"=").decode()
