"""The refresh token grant: each token is used once and begets the next.

RFC 6749 §6, RFC 9700 §4.14.2, OpenID Connect Core §12. The gate is one UPDATE. The child is an HMAC of its
parent, so a confidential client whose answer was lost may repeat the request for ten seconds and gets the
same child; only digests are stored. Anything else that presents a used token ends the whole family.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.db import Connection, audit, grant, refresh_token
from idp.db.audit import AuditEvent
from idp.db.grant import Grant
from idp.db.refresh_token import RefreshToken
from idp.policy import scope as scopes
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.policy.refusal import Refused
from idp.protocol import token_response
from idp.protocol.clients import RegisteredClient
from idp.protocol.errors import Refusal
from idp.protocol.request import ProtocolRequest
from idp.services.digest import digest


@dataclass(frozen=True, slots=True)
class _Rotated:
    grant: Grant
    scope: frozenset[str]
    child: str


class RefreshTokenGrant(BaseGrant, TokenEndpointMixin):
    """Exchanges a refresh token for new tokens."""

    GRANT_TYPE = "refresh_token"
    request: ProtocolRequest

    def validate_token_request(self) -> None:
        """Who asks, and whether it asks in full. Raises `Refusal`; nothing has changed then."""
        self.request.client = client = self.server.authenticate_client(self.request)
        self.server.check_grant_type(client, self.GRANT_TYPE)
        if "refresh_token" not in self.request.form:
            raise Refusal("invalid_request", "refresh_token is missing")

    def create_token_response(self) -> tuple[int, dict[str, object], tuple[tuple[str, str], ...]]:
        """Rotate, commit, then sign."""
        now = self.server.clock.now()
        client = self.request.client
        asked = scopes.parse(self.request.form.get("scope"))
        if isinstance(asked, Refused):
            raise Refusal.of(asked)
        with self.server.database.write() as connection:
            outcome = self._rotate(connection, client, asked, now)
        if isinstance(outcome, Refusal):
            raise outcome
        body = self.server.tokens.for_grant(
            client, outcome.grant, scope=outcome.scope, refresh_token=outcome.child, nonce=None, now=now
        )
        return 200, body, token_response.HEADERS

    def _rotate(
        self, connection: Connection, client: RegisteredClient, asked: frozenset[str], now: datetime
    ) -> _Rotated | Refusal:
        raw = self.request.form["refresh_token"]
        parent = refresh_token.rotate(connection, digest(raw), client.client_id, now)
        if parent is None:
            return self._repeat(connection, client, asked, now)
        if not asked <= frozenset(parent.scope):
            # Raised, not returned: it rolls back, so the token is not spent on a question that asks too much.
            raise _wider()
        live = grant.find_live(connection, parent.grant_id, now)
        if live is None:
            return _ended()
        child = derive_child(self.server.retry_key, raw)
        refresh_token.add(connection, _child_of(parent, live, child, self.server.lifetimes, now))
        self._record(connection, EventName.TOKEN_REFRESHED, "success", parent, live, now)
        return _Rotated(live, asked or frozenset(parent.scope), child)

    def _repeat(
        self, connection: Connection, client: RegisteredClient, asked: frozenset[str], now: datetime
    ) -> _Rotated | Refusal:
        """The token cannot be rotated: find out whether it is unknown, expired, repeated or stolen."""
        raw = self.request.form["refresh_token"]
        token = refresh_token.find(connection, digest(raw), client.client_id)
        if token is None:
            return Refusal("invalid_grant", "this client has no such refresh token")
        if token.rotated_at is None:
            return Refusal("invalid_grant", "the refresh token has expired")
        live = grant.find_live(connection, token.grant_id, now)
        if live is None:
            return _ended()
        child = derive_child(self.server.retry_key, raw)
        known = refresh_token.find(connection, digest(child), client.client_id)
        is_honest = (
            not client.metadata.is_public
            and now - token.rotated_at <= self.server.lifetimes.refresh_retry
            and known is not None
            and known.rotated_at is None
        )
        if is_honest and not asked <= frozenset(token.scope):
            return _wider()
        if is_honest:
            return _Rotated(live, asked or frozenset(token.scope), child)
        grant.revoke(connection, token.grant_id, now)
        self._record(connection, EventName.TOKEN_REUSED, "revoked", token, live, now)
        return Refusal("invalid_grant", "the refresh token was used before; the whole family is revoked")

    def _record(
        self,
        connection: Connection,
        event: EventName,
        outcome: str,
        token: RefreshToken,
        live: Grant,
        now: datetime,
    ) -> None:
        audit.record(
            connection,
            AuditEvent(
                at=now,
                event=event,
                outcome=outcome,
                account_id=live.account_id,
                client_id=token.client_id,
                sid=live.sid,
                grant_id=token.grant_id,
                address=self.request.address,
            ),
        )


def _wider() -> Refusal:
    return Refusal("invalid_scope", "the scope is wider than what was granted")


def _ended() -> Refusal:
    return Refusal("invalid_grant", "the session, the account or the client has ended")


def _child_of(
    parent: RefreshToken, live: Grant, child: str, lifetimes: Lifetimes, now: datetime
) -> RefreshToken:
    idle, _ = lifetimes.refresh(offline=live.offline)
    return RefreshToken(
        digest=digest(child),
        client_id=parent.client_id,
        grant_id=parent.grant_id,
        parent_digest=parent.digest,
        scope=parent.scope,
        created_at=now,
        expires_at=min(now + idle, parent.ends_at),
        ends_at=parent.ends_at,
        rotated_at=None,
    )


def derive_child(retry_key: bytes, parent: str) -> str:
    """The one refresh token that may follow `parent`: nobody without the key can tell."""
    mac = hmac.digest(retry_key, parent.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
