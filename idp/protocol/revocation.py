"""Token revocation: a client gives a token back.

RFC 7009. A refresh token takes its whole grant with it (§2.1); an access token ends alone. Tokens that are
unknown, or another client's, are answered alike and nothing happens.
"""

from authlib.oauth2.rfc6749 import TokenEndpoint

from idp.db import audit, grant, revoked_access_token
from idp.db.audit import AuditEvent
from idp.policy.event_name import EventName
from idp.protocol import token_response
from idp.protocol.clients import RegisteredClient
from idp.protocol.errors import Refusal
from idp.protocol.request import ProtocolRequest
from idp.services.digest import digest


class RevocationEndpoint(TokenEndpoint):
    """Ends tokens. `token_type_hint` is only a hint: the token itself tells what it is."""

    ENDPOINT_NAME = "revocation"

    def create_endpoint_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """It is one already."""
        return request

    def create_endpoint_response(
        self, request: ProtocolRequest
    ) -> tuple[int, dict[str, object], tuple[tuple[str, str], ...]]:
        """Revoke, and say yes."""
        client = self.server.authenticate_client(request)
        token = request.form.get("token")
        if token is None:
            raise Refusal("invalid_request", "token is missing")
        now = self.server.clock.now()
        signed = self.server.access_tokens.verify(token, now)
        if signed is None:
            self._revoke_refresh_token(request, client, token)
        elif signed.client_id == client.client_id:
            with self.server.database.write() as connection:
                revoked_access_token.add(connection, signed.jti, signed.expires_at)
                audit.record(
                    connection,
                    AuditEvent(
                        at=now,
                        event=EventName.ACCESS_TOKEN_REVOKED,
                        client_id=client.client_id,
                        grant_id=signed.grant_id,
                        address=request.address,
                    ),
                )
        return 200, {}, token_response.HEADERS

    def _revoke_refresh_token(self, request: ProtocolRequest, client: RegisteredClient, token: str) -> None:
        now = self.server.clock.now()
        with self.server.database.write() as connection:
            ended = grant.revoke_of_refresh_token(connection, digest(token), client.client_id, now)
            if ended is None:
                return
            audit.record(
                connection,
                AuditEvent(
                    at=now,
                    event=EventName.GRANT_REVOKED,
                    client_id=client.client_id,
                    grant_id=ended,
                    address=request.address,
                ),
            )
