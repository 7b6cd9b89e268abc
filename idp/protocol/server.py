"""The authorization server: which grants and endpoints are on, over what they share.

RFC 6749 §3. Authlib's core server dispatches; the grants, the endpoints and client authentication are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer

from idp.db import Conflict, Connection, Database
from idp.policy.authentication import Authentication
from idp.policy.lifetime import Lifetimes
from idp.protocol import authorization_code, authorization_request, rp_logout, userinfo
from idp.protocol.access_token import AccessTokens
from idp.protocol.authorization_code import AuthorizationCodeGrant
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.client_authentication import ClientAuthentication
from idp.protocol.client_credentials import ClientCredentialsGrant
from idp.protocol.clients import Clients, RegisteredClient
from idp.protocol.errors import NotAnswerable, Refusal
from idp.protocol.introspection import IntrospectionEndpoint
from idp.protocol.keyring import KeyRing
from idp.protocol.refresh_token import RefreshTokenGrant
from idp.protocol.request import Parameters, ProtocolRequest
from idp.protocol.response import Answer, AuthorizationResponse
from idp.protocol.revocation import RevocationEndpoint
from idp.protocol.subject import session_id, subject
from idp.protocol.token_response import TokenIssuer
from idp.services.clock import Clock
from idp.services.randomness import Randomness

GRANTS = (AuthorizationCodeGrant, RefreshTokenGrant, ClientCredentialsGrant)
ENDPOINTS = (RevocationEndpoint, IntrospectionEndpoint)
_GRANT_TYPES = frozenset(grant.GRANT_TYPE for grant in GRANTS)


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """Purpose-bound keys that protocol needs: pairwise subjects, and children of refresh tokens."""

    subject: bytes
    retry: bytes


class Server(AuthorizationServer):
    """One issuer's authorization server. It holds no state of its own beside short memories."""

    def __init__(
        self,
        *,
        issuer: str,
        database: Database,
        keyring: KeyRing,
        keys: ServerKeys,
        clock: Clock,
        randomness: Randomness,
        lifetimes: Lifetimes,
    ) -> None:
        super().__init__()
        self.issuer = issuer
        self.database = database
        self.keyring = keyring
        self.clock = clock
        self.randomness = randomness
        self.lifetimes = lifetimes
        self.retry_key = keys.retry
        self.clients = Clients(database, clock)
        self.access_tokens = AccessTokens(keyring, issuer)
        self.tokens = TokenIssuer(issuer, keyring, randomness, lifetimes, keys.subject)
        self._authentication = ClientAuthentication(
            self.clients, database, clock, lifetimes, frozenset({issuer, f"{issuer}/token"})
        )
        for grant in GRANTS:
            self.register_grant(grant)
        for endpoint in ENDPOINTS:
            self.register_endpoint(endpoint)

    # The authorization endpoint

    def validate(self, parameters: Parameters) -> AuthorizationRequest:
        """An authorization request that may be answered. Raises `NotAnswerable`, `AuthorizationRefused`."""
        return authorization_request.validate(self.clients, self.keyring, self.issuer, parameters)

    def issue_code(
        self, connection: Connection, request: AuthorizationRequest, authentication: Authentication
    ) -> AuthorizationResponse:
        """Answer the request with a code, stored by one statement.

        Raises `NotAnswerable` for a client that was removed while we still remembered it.
        """
        now = self.clock.now()
        try:
            code = authorization_code.issue(
                connection, self.randomness, self.lifetimes, request, authentication, now
            )
        except Conflict:
            client_id = request.client.client_id
            raise NotAnswerable("client_unknown", client_id, {"received": client_id}) from None
        return request.response(self.issuer, ("code", code))

    def subject(self, client: RegisteredClient, authentication: Authentication) -> str:
        """The `sub` this client sees of who is signed in."""
        return subject(self.tokens.subject_key, client.metadata, authentication.account_id)

    def session_id(self, client: RegisteredClient, sid: UUID) -> str:
        """The `sid` this client sees of a session."""
        return session_id(self.tokens.subject_key, client.metadata, sid)

    def validate_logout(self, parameters: Parameters) -> rp_logout.LogoutRequest | rp_logout.LogoutRefused:
        """A request to sign out."""
        return rp_logout.validate(self.clients, self.keyring, self.issuer, parameters)

    # The endpoints that clients call

    def token(self, request: ProtocolRequest) -> Answer:
        """RFC 6749 §3.2."""
        problem = _malformed(request) or _grant_type_problem(request)
        if problem is not None:
            return self.handle_error_response(request, problem)
        return cast("Answer", self.create_token_response(request))

    def revoke(self, request: ProtocolRequest) -> Answer:
        """RFC 7009."""
        return self._endpoint(RevocationEndpoint.ENDPOINT_NAME, request)

    def introspect(self, request: ProtocolRequest) -> Answer:
        """RFC 7662."""
        return self._endpoint(IntrospectionEndpoint.ENDPOINT_NAME, request)

    def userinfo(self, authorization: str | None, in_form: Sequence[str]) -> Answer:
        """OpenID Connect Core §5.3."""
        return userinfo.answer(self.database, self.clock, self.access_tokens, authorization, in_form)

    def _endpoint(self, name: str, request: ProtocolRequest) -> Answer:
        problem = _malformed(request)
        if problem is not None:
            return self.handle_error_response(request, problem)
        return cast("Answer", self.create_endpoint_response(name, request))  # type: ignore[no-untyped-call]

    # What grants and endpoints ask for

    def authenticate_client(  # Authlib passes the methods an endpoint allows; a client has exactly one
        self,
        request: ProtocolRequest,
        methods: object = None,  # noqa: ARG002
        endpoint: str = "token",  # noqa: ARG002
    ) -> RegisteredClient:
        """The client that asks. Raises `InvalidClient`."""
        return self._authentication.authenticate(request)

    def check_grant_type(self, client: RegisteredClient, grant_type: str) -> None:
        """Raises `Refusal` when the client is not registered for the grant."""
        if not client.check_grant_type(grant_type):
            registered = sorted(grant.value for grant in client.metadata.grant_types)
            raise Refusal(
                "unauthorized_client",
                f"this client is not registered for grant_type {grant_type}",
                explained={"client_id": client.client_id, "registered": registered},
            )

    # What Authlib asks of a framework

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """The client that may be served."""
        return self.clients.find(client_id)

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """It is one already."""
        return request

    def handle_response(
        self,
        status: int,
        body: dict[str, object],
        headers: tuple[tuple[str, str], ...] | list[tuple[str, str]],
    ) -> Answer:
        """A plain value; the web makes HTTP of it."""
        return Answer(status, body, tuple(headers))

    def handle_error_response(self, request: ProtocolRequest, error: OAuth2Error) -> Answer:
        """RFC 6749 §5.2."""
        status, body, headers = error()
        client = getattr(request, "client", None)
        explained = error.explained if isinstance(error, Refusal) else {}
        client_id = client.client_id if client is not None else explained.get("client_id")
        return Answer(
            status, dict(body), tuple(headers), client_id if isinstance(client_id, str) else None, explained
        )

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


def _malformed(request: ProtocolRequest) -> Refusal | None:
    if request.repeated:
        return Refusal("invalid_request", "a parameter came more than once (RFC 6749 section 3.2)")
    return None


def _grant_type_problem(request: ProtocolRequest) -> Refusal | None:
    grant_type = request.form.get("grant_type")
    if grant_type is None:
        return Refusal("invalid_request", "grant_type is missing from the body")
    if grant_type not in _GRANT_TYPES:
        supported = ", ".join(sorted(_GRANT_TYPES))
        return Refusal("unsupported_grant_type", f"grant_type is one of {supported}")
    return None
