"""The tokens of one grant as the token endpoint answers them.

RFC 6749 §5.1, OpenID Connect Core §3.1.3.3 and §12.2. Signing is the expensive part: it happens after the
transaction that earned the tokens has committed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.db.grant import Grant
from idp.policy import scope as scopes
from idp.policy.lifetime import Lifetimes
from idp.protocol import access_token, id_token
from idp.protocol.clients import RegisteredClient
from idp.protocol.keyring import KeyRing
from idp.protocol.subject import session_id, subject
from idp.services.randomness import Randomness

HEADERS = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """What it takes to sign tokens."""

    issuer: str
    keyring: KeyRing
    randomness: Randomness
    lifetimes: Lifetimes
    subject_key: bytes

    def for_grant(
        self,
        client: RegisteredClient,
        grant: Grant,
        *,
        scope: frozenset[str],
        refresh_token: str | None,
        nonce: str | None,
        now: datetime,
    ) -> dict[str, Any]:
        """The answer for a person's grant; an ID Token is in it when the scope has `openid`."""
        sub = subject(self.subject_key, client.metadata, grant.account_id)
        signed = access_token.sign(
            self.keyring,
            self.issuer,
            client.client_id,
            client.metadata,
            sub=sub,
            scope=scope,
            jti=self.randomness.token(),
            now=now,
            lifetime=self.lifetimes.access_token,
            more={
                "grant_id": str(grant.id),
                "auth_time": int(grant.auth_time.timestamp()),
                "acr": grant.acr,
                "amr": list(grant.amr),
            },
        )
        body = self._body(signed, scope)
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        if "openid" in scope:
            body["id_token"] = id_token.sign(
                self.keyring,
                self.issuer,
                client.client_id,
                client.metadata,
                sub=sub,
                auth_time=grant.auth_time,
                acr=grant.acr,
                amr=grant.amr,
                sid=session_id(self.subject_key, client.metadata, grant.sid),
                access_token=signed,
                nonce=nonce,
                nhsid_useruid=grant.nhsid_useruid if "esr" in scope else None,
                now=now,
                lifetime=self.lifetimes.id_token,
            )
        return body

    def for_client(self, client: RegisteredClient, scope: frozenset[str], now: datetime) -> dict[str, Any]:
        """The answer for a client that acts for itself: `sub` is its own id (RFC 9068 §2.2)."""
        signed = access_token.sign(
            self.keyring,
            self.issuer,
            client.client_id,
            client.metadata,
            sub=client.client_id,
            scope=scope,
            jti=self.randomness.token(),
            now=now,
            lifetime=self.lifetimes.access_token,
            more={},
        )
        return self._body(signed, scope)

    def _body(self, signed: str, scope: frozenset[str]) -> dict[str, Any]:
        body = {
            "access_token": signed,
            "token_type": "Bearer",
            "expires_in": int(self.lifetimes.access_token.total_seconds()),
        }
        # RFC 6749 §3.3 has no way to write an empty scope.
        return {**body, "scope": scopes.ordered(scope)} if scope else body
