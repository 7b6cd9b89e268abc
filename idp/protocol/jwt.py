"""Sign and verify JSON Web Tokens with keys that were parsed once.

RFC 7515, RFC 7519, RFC 8725 §3.1 and §3.11: the algorithm is the key's, never the token's word, and `typ`
tells an ID Token from an access token.
"""

import base64
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key: TypeAlias = RSAKey | ECKey | OKPKey

# RFC 9864 gives EdDSA new names that clients do not know yet; OpenID Connect libraries ask for this one.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

LONGEST = 8192
"""No token of ours comes near this; anything longer is not parsed."""

_REGISTRIES = {alg: JWSRegistry(algorithms=[alg]) for alg in ("RS256", "ES256", "EdDSA", "PS256")}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key in use, parsed. `key` is private in the signer and public everywhere else."""

    kid: str
    alg: str
    key: Key


def sign(signer: SigningKey, claims: Mapping[str, Any], *, typ: str) -> str:
    """A signed JWT in compact form."""
    header = {"typ": typ, "alg": signer.alg, "kid": signer.kid}
    return jwt.encode(header, dict(claims), signer.key, registry=_REGISTRIES[signer.alg])


def verify(token: str, verifier: SigningKey, *, typ: str) -> dict[str, Any] | None:
    """The claims when the signature is this key's and `typ` as expected, else None; times are not checked."""
    try:
        decoded = jwt.decode(token, verifier.key, registry=_REGISTRIES[verifier.alg])
    except (JoseError, ValueError, TypeError):
        return None
    return decoded.claims if decoded.header.get("typ") == typ else None


def header_of(token: str) -> dict[str, Any] | None:
    """The unverified header, only good for choosing a key; None for what is not a JWT."""
    return part_of(token, 0)


def part_of(token: str, index: int) -> dict[str, Any] | None:
    """The unverified header (0) or claims (1); None for what is not a JWT."""
    parts = token.split(".", 3)
    if len(token) > LONGEST or len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        decoded = json.loads(base64.urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None
