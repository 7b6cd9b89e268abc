"""Access tokens: signed, self-contained, short-lived, and still revocable with us.

RFC 9068 (`at+jwt`), RFC 6750. `grant_id` ties the token to its grant, `jti` is random: two tokens made in one
second must differ.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from idp.policy import scope as scopes
from idp.policy.client_metadata import ClientMetadata
from idp.protocol import jwt
from idp.protocol.keyring import KeyRing
from idp.services.digest import digest

TYP = "at+jwt"

_MOST = 4096


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
    scoped = {"scope": scopes.ordered(scope)} if scope else {}
    return jwt.sign(
        keyring.signer(metadata.access_token_signed_response_alg.value),
        {
            "iss": issuer,
            "sub": sub,
            "aud": issuer,
            "client_id": client_id,
            **scoped,
            "jti": jti,
            "iat": issued_at,
            "exp": issued_at + int(lifetime.total_seconds()),
            **more,
        },
        typ=TYP,
    )


class AccessTokens:
    """Verifies access tokens of one issuer, and remembers those it has verified.

    A signature stays true, so checking it twice is waste; whether the key is still published, the time and
    the grant are looked at every time. Digests are kept, never tokens.
    """

    def __init__(self, keyring: KeyRing, issuer: str) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._known: OrderedDict[bytes, tuple[str, AccessToken]] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, token: str, now: datetime) -> AccessToken | None:
        """The token, when a published key of ours signed it and it has not expired; else None."""
        name = digest(token)
        known = self._known.get(name)
        if known is None:
            known = self._parse(token, now)
            if known is None:
                return None
            self._remember(name, known)
        kid, parsed = known
        is_live = parsed.expires_at > now and self._keyring.verifier(kid) is not None
        return parsed if is_live else None

    def _remember(self, name: bytes, known: tuple[str, AccessToken]) -> None:
        with self._lock:
            self._known[name] = known
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def _parse(self, token: str, now: datetime) -> tuple[str, AccessToken] | None:
        header = jwt.header_of(token)
        verifier = self._keyring.verifier(header.get("kid")) if header is not None else None
        claims = jwt.verify(token, verifier, typ=TYP) if verifier is not None else None
        if verifier is None or claims is None or claims["iss"] != self._issuer:
            return None
        grant_id = claims.get("grant_id")
        return verifier.kid, AccessToken(
            sub=claims["sub"],
            client_id=claims["client_id"],
            scope=frozenset(claims.get("scope", "").split()),
            jti=claims["jti"],
            issued_at=datetime.fromtimestamp(claims["iat"], now.tzinfo),
            expires_at=datetime.fromtimestamp(claims["exp"], now.tzinfo),
            grant_id=None if grant_id is None else UUID(grant_id),
            claims=claims,
        )
