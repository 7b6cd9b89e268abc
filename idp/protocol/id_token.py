"""ID Tokens: what happened at sign-in, signed for one client.

OpenID Connect Core §2, §3.1.3.6 (`at_hash`) and §12.2 (at refresh `auth_time` stays, `nonce` goes). Claims
about the person come from userinfo, because an access token is always issued beside (Core §5.4);
`nhsid_useruid` is here too, because it says which card was used.
"""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any

from idp.policy.client_metadata import ClientMetadata
from idp.protocol import jwt
from idp.protocol.keyring import KeyRing

TYP = "JWT"


def sign(
    keyring: KeyRing,
    issuer: str,
    client_id: str,
    metadata: ClientMetadata,
    *,
    sub: str,
    auth_time: datetime,
    acr: str,
    amr: tuple[str, ...],
    sid: str,
    access_token: str,
    nonce: str | None,
    nhsid_useruid: str | None,
    now: datetime,
    lifetime: timedelta,
) -> str:
    """A signed ID Token."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": sub,
        "aud": client_id,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "auth_time": int(auth_time.timestamp()),
        "acr": acr,
        "amr": list(amr),
        "sid": sid,
        "at_hash": left_half(access_token, metadata.id_token_signed_response_alg.value),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if nhsid_useruid is not None:
        claims["nhsid_useruid"] = nhsid_useruid
    return jwt.sign(keyring.signer(metadata.id_token_signed_response_alg.value), claims, typ=TYP)


def verify_hint(keyring: KeyRing, issuer: str, token: str) -> dict[str, Any] | None:
    """The claims of an ID Token of ours, expired or not (RP-Initiated Logout §2); else None."""
    header = jwt.header_of(token)
    verifier = keyring.verifier(header.get("kid")) if header is not None else None
    claims = jwt.verify(token, verifier, typ=TYP) if verifier is not None else None
    # An access token is signed by the same keys: `typ` and `at_hash` tell them apart.
    if claims is None or claims.get("iss") != issuer or "at_hash" not in claims:
        return None
    return claims


def left_half(token: str, alg: str) -> str:
    """The hash half that binds a token to the ID Token (OpenID Connect Core §3.1.3.6)."""
    # Ed25519 hashes with SHA-512 inside; clients have settled on that for `at_hash` too.
    digest = (hashlib.sha512 if alg == "EdDSA" else hashlib.sha256)(token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
