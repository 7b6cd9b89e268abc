"""Find out which client is asking, and that it is that client.

RFC 6749 §2.3, RFC 7523 §2.2 and §3, OpenID Connect Core §9. Exactly one method, the one it is registered for.
An unknown client, a disabled one, a wrong secret and a wrong method get one answer.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard, cast
from urllib.parse import unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from idp.db import Database, client_assertion
from idp.policy.client_metadata import AssertionAlg, AuthMethod
from idp.policy.lifetime import Lifetimes
from idp.protocol import jwt as tokens
from idp.protocol.clients import Clients, RegisteredClient
from idp.protocol.errors import InvalidClient, Refusal
from idp.protocol.request import ProtocolRequest
from idp.services.clock import Clock
from idp.services.digest import digest

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_ASSERTIONS = JWSRegistry(algorithms=[alg.value for alg in AssertionAlg])
_NOBODY = hashlib.sha256(b"a client that does not exist").digest()
_LONGEST_JTI = 512
_SHOWN = 8
_AFTER_ALL_CALENDARS = 253_402_300_800  # the year 10000
_FAILED = "client authentication failed"


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """The four methods, over what they need. `audiences` are the names we answer to in an assertion."""

    clients: Clients
    database: Database
    clock: Clock
    lifetimes: Lifetimes
    audiences: frozenset[str]

    def authenticate(self, request: ProtocolRequest) -> RegisteredClient:
        """The client. Raises `InvalidClient`, or `Refusal` for a request that says two things at once."""
        form = request.form
        authorization = request.headers.get("Authorization")
        presented = [
            method
            for method, is_there in (
                (self._basic, authorization is not None),
                (self._post, "client_secret" in form),
                (self._assertion, "client_assertion" in form or "client_assertion_type" in form),
            )
            if is_there
        ]
        if len(presented) > 1:
            raise Refusal("invalid_request", "a client authenticates with one method (RFC 6749 section 2.3)")
        method: Callable[[ProtocolRequest], RegisteredClient] = presented[0] if presented else self._none
        return method(request)

    def _basic(self, request: ProtocolRequest) -> RegisteredClient:
        credentials = _basic_credentials(request.headers["Authorization"])
        if credentials is None:
            raise InvalidClient("the Authorization header is not HTTP Basic with a client id and a secret")
        client_id, secret = credentials
        if request.form.get("client_id", client_id) != client_id:
            raise Refusal("invalid_request", "client_id differs from the Authorization header")
        return self._with_secret(client_id, secret, AuthMethod.CLIENT_SECRET_BASIC)

    def _post(self, request: ProtocolRequest) -> RegisteredClient:
        client_id = request.form.get("client_id", "")
        return self._with_secret(client_id, request.form["client_secret"], AuthMethod.CLIENT_SECRET_POST)

    def _none(self, request: ProtocolRequest) -> RegisteredClient:
        client_id = request.form.get("client_id")
        client = self.clients.find(client_id)
        if client is None:
            raise InvalidClient(_FAILED, explained=self._why(client_id, "no client authentication was sent"))
        return _registered_for(client, AuthMethod.NONE)

    def _with_secret(self, client_id: str, secret: str, method: AuthMethod) -> RegisteredClient:
        client = self.clients.find(client_id)
        expected = _NOBODY if client is None or client.secret_digest is None else client.secret_digest
        is_right = hmac.compare_digest(digest(secret), expected)
        if client is None or client.secret_digest is None or not is_right:
            raise InvalidClient(_FAILED, explained=self._why(client_id, "the client secret is not right"))
        return _registered_for(client, method)

    def _why(self, client_id: str | None, otherwise: str) -> dict[str, object]:
        """For the operator alone: what the client must not learn."""
        client = self.clients.find_any(client_id)
        if client is None:
            # Only its beginning: a secret sent in the wrong place must not be kept.
            shown = client_id if client_id is None or len(client_id) <= _SHOWN else f"{client_id[:_SHOWN]}…"
            return {"cause": "no client has that client_id", "client_id": shown}
        if client.is_disabled:
            return {"cause": "the client is disabled", "client_id": client_id}
        registered = client.metadata.token_endpoint_auth_method.value
        return {"cause": otherwise, "client_id": client_id, "registered_method": registered}

    def _assertion(self, request: ProtocolRequest) -> RegisteredClient:
        if request.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refusal("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
        assertion = request.form.get("client_assertion", "")
        claimed = _claimed_client_id(assertion)
        client = self.clients.find(claimed)
        if client is None:
            raise InvalidClient(_FAILED, explained=self._why(claimed, "the client is not known"))
        if request.form.get("client_id", client.client_id) != client.client_id:
            raise Refusal("invalid_request", "client_id differs from the client assertion")
        _registered_for(client, AuthMethod.PRIVATE_KEY_JWT)
        self._check_assertion(client, assertion)
        return client

    def _check_assertion(self, client: RegisteredClient, assertion: str) -> None:
        claims = _verified(client, assertion)
        now = self.clock.now()
        cause = (
            "the signature is not by a registered key of the client"
            if claims is None
            else _assertion_problem(claims, client.client_id, self.audiences, self.lifetimes, now)
        )
        if claims is None or cause is not None:
            raise InvalidClient(_FAILED, explained={"cause": cause, "client_id": client.client_id})
        ends = (
            datetime.fromtimestamp(cast("float", claims["exp"]), now.tzinfo)
            + 2 * self.lifetimes.client_assertion_leeway
        )
        with self.database.write_once() as connection:
            is_first = client_assertion.use(
                connection, client.client_id, digest(cast("str", claims["jti"])), ends
            )
        if not is_first:
            raise InvalidClient(
                _FAILED,
                explained={"cause": "the client assertion was used before", "client_id": client.client_id},
            )


def _registered_for(client: RegisteredClient, method: AuthMethod) -> RegisteredClient:
    registered = client.metadata.token_endpoint_auth_method
    if registered is not method:
        raise InvalidClient(
            _FAILED,
            explained={
                "cause": "the client used another method than it is registered for",
                "client_id": client.client_id,
                "received": method.value,
                "registered": registered.value,
            },
        )
    return client


def _basic_credentials(authorization: str) -> tuple[str, str] | None:
    """RFC 6749 §2.3.1: both parts are form-encoded before they are joined and encoded again."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
        if not colon or not client_id or not secret:
            return None
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        return None


def _claimed_client_id(assertion: str) -> str | None:
    """Whose keys to try: the unverified `sub`."""
    header = tokens.header_of(assertion)
    if header is None:
        return None
    claims = tokens.part_of(assertion, 1)
    sub = claims.get("sub") if claims is not None else None
    return sub if isinstance(sub, str) else None


def _verified(client: RegisteredClient, assertion: str) -> dict[str, object] | None:
    metadata = client.metadata
    if metadata.jwks is None:
        return None
    header = tokens.header_of(assertion) or {}
    alg = metadata.token_endpoint_auth_signing_alg
    if alg is not None and header.get("alg") != alg:
        return None
    try:
        keys = KeySet.import_key_set({"keys": metadata.jwks["keys"]})  # type: ignore[typeddict-item]
        return jwt.decode(assertion, keys, registry=_ASSERTIONS).claims
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _assertion_problem(
    claims: dict[str, object], client_id: str, audiences: frozenset[str], lifetimes: Lifetimes, now: datetime
) -> str | None:
    """RFC 7523 §3, OpenID Connect Core §9: whose, for whom, and not for long."""
    audience = claims.get("aud")
    named = {
        name for name in (audience if isinstance(audience, list) else [audience]) if isinstance(name, str)
    }
    jti = claims.get("jti")
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        return "iss and sub are not both the client id"
    if not named & audiences:
        return "aud names neither the issuer nor the endpoint"
    if not isinstance(jti, str) or not 1 <= len(jti) <= _LONGEST_JTI:
        return "jti is missing"
    return _time_problem(claims, lifetimes, now.timestamp())


def _time_problem(claims: dict[str, object], lifetimes: Lifetimes, at: float) -> str | None:
    leeway = lifetimes.client_assertion_leeway.total_seconds()
    longest = lifetimes.client_assertion.total_seconds()
    exp = claims.get("exp")
    if not _is_time(exp) or exp + leeway <= at:
        return "exp is missing or past"
    if exp > at + longest + leeway:
        return f"exp is more than {longest:.0f} seconds away"
    for name in ("iat", "nbf"):
        time = claims.get(name)
        if time is not None and (not _is_time(time) or time > at + leeway):
            return f"{name} is in the future"
    return None


def _is_time(value: object) -> TypeGuard[float]:
    """RFC 7519 §2 NumericDate; JSON as Python reads it also has NaN, and whole numbers without end."""
    return isinstance(value, (int, float)) and 0 <= value < _AFTER_ALL_CALENDARS
