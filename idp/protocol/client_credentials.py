"""The client credentials grant: a confidential client acts for itself.

RFC 6749 §4.4. No person, so no `openid`, no refresh token and nothing to store.
"""

from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.policy import scope as scopes
from idp.policy.refusal import Refused
from idp.protocol import token_response
from idp.protocol.errors import Refusal
from idp.protocol.request import ProtocolRequest

# What speaks of a person has no meaning without one.
_OF_PERSONS = frozenset(scopes.SCOPES)


class ClientCredentialsGrant(BaseGrant, TokenEndpointMixin):
    """Gives a client an access token of its own."""

    GRANT_TYPE = "client_credentials"
    request: ProtocolRequest

    def validate_token_request(self) -> None:
        """Who asks, and for what. Raises `Refusal`."""
        self.request.client = client = self.server.authenticate_client(self.request)
        if client.metadata.is_public:
            raise Refusal("unauthorized_client", "a public client cannot act for itself")
        self.server.check_grant_type(client, self.GRANT_TYPE)
        asked = scopes.parse(self.request.form.get("scope"))
        if isinstance(asked, Refused):
            raise Refusal.of(asked)
        own = client.metadata.scope - _OF_PERSONS
        if not asked <= own:
            raise Refusal("invalid_scope", "the scope is not one this client may have for itself")
        self._scope = asked or own

    def create_token_response(self) -> tuple[int, dict[str, object], tuple[tuple[str, str], ...]]:
        """Sign."""
        body = self.server.tokens.for_client(self.request.client, self._scope, self.server.clock.now())
        return 200, body, token_response.HEADERS
