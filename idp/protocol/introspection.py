"""Token introspection: a resource server asks whether a token still stands.

RFC 7662. A client may ask about tokens issued to it; a confidential first-party client, which stands for our
own resource servers, about any. Whatever is not active, unknown or not the asker's business gets one answer.
"""

from collections.abc import Mapping

from authlib.oauth2.rfc6749 import TokenEndpoint

from idp.db import grant, refresh_token
from idp.policy import scope as scopes
from idp.protocol import token_response
from idp.protocol.access_token import AccessToken
from idp.protocol.clients import RegisteredClient
from idp.protocol.errors import Refusal
from idp.protocol.request import ProtocolRequest
from idp.protocol.subject import subject
from idp.services.digest import digest

_INACTIVE: Mapping[str, object] = {"active": False}


class IntrospectionEndpoint(TokenEndpoint):
    """Tells what a token is worth now."""

    ENDPOINT_NAME = "introspection"

    def create_endpoint_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """It is one already."""
        return request

    def create_endpoint_response(
        self, request: ProtocolRequest
    ) -> tuple[int, Mapping[str, object], tuple[tuple[str, str], ...]]:
        """RFC 7662 §2.2."""
        client = self.server.authenticate_client(request)
        if client.metadata.is_public:
            raise Refusal("unauthorized_client", "introspection is for confidential clients")
        token = request.form.get("token")
        if token is None:
            raise Refusal("invalid_request", "token is missing")
        signed = self.server.access_tokens.verify(token, self.server.clock.now())
        if signed is not None:
            return 200, self._of_access_token(client, signed), token_response.HEADERS
        return 200, self._of_refresh_token(client, token), token_response.HEADERS

    def _of_access_token(self, client: RegisteredClient, token: AccessToken) -> Mapping[str, object]:
        if not _may_ask(client, token.client_id):
            return _INACTIVE
        now = self.server.clock.now()
        with self.server.database.read() as connection:
            is_live = (
                grant.client_token_is_live(connection, token.client_id, token.jti)
                if token.grant_id is None
                else grant.token_is_live(connection, token.grant_id, token.jti, now)
            )
        if not is_live:
            return _INACTIVE
        return {"active": True, "token_type": "Bearer", **token.claims}

    def _of_refresh_token(self, client: RegisteredClient, token: str) -> Mapping[str, object]:
        now = self.server.clock.now()
        with self.server.database.read() as connection:
            row = refresh_token.find_any(connection, digest(token))
            if row is None or not _may_ask(client, row.client_id) or row.rotated_at is not None:
                return _INACTIVE
            live = grant.find_live(connection, row.grant_id, now) if row.expires_at > now else None
        owner = self.server.clients.find(row.client_id)
        if live is None or owner is None:
            return _INACTIVE
        return {
            "active": True,
            "iss": self.server.issuer,
            "sub": subject(self.server.tokens.subject_key, owner.metadata, live.account_id),
            "client_id": row.client_id,
            "scope": scopes.ordered(frozenset(row.scope)),
            "iat": int(row.created_at.timestamp()),
            "exp": int(row.expires_at.timestamp()),
        }


def _may_ask(client: RegisteredClient, owner_id: str) -> bool:
    return client.client_id == owner_id or client.metadata.first_party
