"""Access tokens: signed, self-contained, short-lived, and still revocable with us.

RFC 9068 (`at+jwt`), RFC 6750. `grant_id` ties the token to its grant, `jti` is random: two tokens made in one
second must differ.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from idp.policy import scope as scopes
from idp.policy.client_metadata import ClientMetadata
from idp.protocol import jwt
from idp.protocol.keyring import KeyRing

TYP = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified access token of ours says. `grant_id` is None when the client acts for itself."""

    sub: str
    client_id: str
    scope: frozenset[str]
    jti: str
    issued_at: datetime
    expires_at: datetime
    grant_id: UUID | None
    claims: dict[str, Any]


def sign(
    keyring: KeyRing,
    issuer: str,
    client_id: str,
    metadata: ClientMetadata,
    *,
    sub: str,
    scope: frozenset[str],
    jti: str,
    now: datetime,
    lifetime: timedelta,
    more: dict[str, Any],
) -> str:
    """A signed access token for us as its audience. `more` is what the grant adds."""
    issued_at = int(now.timestamp())
    return jwt.sign(
        keyring.signer(metadata.access_token_signed_response_alg.value),
        {
            "iss": issuer,
            "sub": sub,
            "aud": issuer,
            "client_id": client_id,
            "scope": scopes.ordered(scope),
            "jti": jti,
            "iat": issued_at,
            "exp": issued_at + int(lifetime.total_seconds()),
            **more,
        },
        typ=TYP,
    )


def verify(keyring: KeyRing, issuer: str, token: str, now: datetime) -> AccessToken | None:
    """The token, when a published key of ours signed it and it has not expired; None for anything else."""
    header = jwt.header_of(token)
    verifier = keyring.verifier(header.get("kid")) if header is not None else None
    claims = jwt.verify(token, verifier, typ=TYP) if verifier is not None else None
    if claims is None or claims["iss"] != issuer or claims["exp"] <= now.timestamp():
        return None
    grant_id = claims.get("grant_id")
    return AccessToken(
        sub=claims["sub"],
        client_id=claims["client_id"],
        scope=frozenset(claims["scope"].split()),
        jti=claims["jti"],
        issued_at=datetime.fromtimestamp(claims["iat"], now.tzinfo),
        expires_at=datetime.fromtimestamp(claims["exp"], now.tzinfo),
        grant_id=None if grant_id is None else UUID(grant_id),
        claims=claims,
    )
