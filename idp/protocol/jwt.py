"""Sign and verify JSON Web Tokens with keys that were parsed once.

RFC 7515, RFC 7519, RFC 8725 §3.1 and §3.11: the algorithm is the key's, never the token's word, and `typ`
tells an ID Token from an access token.
"""

import base64
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_ALGORITHMS = {alg: JWSRegistry.algorithms[alg] for alg in ("RS256", "ES256", "EdDSA")}
_REGISTRIES = {alg: JWSRegistry(algorithms=[alg]) for alg in ("RS256", "ES256", "EdDSA", "PS256")}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key in use, parsed. `key` is private in the signer and public everywhere else."""

    kid: str
    alg: str
    key: Key


def sign(signer: SigningKey, claims: Mapping[str, Any], *, typ: str) -> str:
    """A signed JWT in compact form (RFC 7515 §7.1).

    Written here, and signed by joserfc's algorithm: its encoder looks at the header and the key anew each
    time, and ours are always the same.
    """
    payload = _ENCODER.encode(claims).encode()
    message = _header(signer.alg, signer.kid, typ) + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
    signature = _ALGORITHMS[signer.alg].sign(message, signer.key)
    return (message + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@lru_cache(maxsize=64)
def _header(alg: str, kid: str, typ: str) -> bytes:
    header = json.dumps({"typ": typ, "alg": alg, "kid": kid}, separators=(",", ":"))
    return base64.urlsafe_b64encode(header.encode()).rstrip(b"=")


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
