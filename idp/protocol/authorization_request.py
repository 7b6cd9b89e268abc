"""Check an authorization request, in the order in which one may trust what it says.

RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, §3.1.2.2 and §5.5, RFC 7636 §4.4.1, RFC 9700 §2.1. Until the
client and its redirect URI are validated nothing is sent anywhere (`NotAnswerable`); after that the client is
told.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, TypeVar

from idp.policy import claims_request, prompt, scope
from idp.policy.claims_request import ClaimsRequest
from idp.policy.journey import Asked, Assurance
from idp.policy.refusal import Refused
from idp.protocol import id_token, pkce
from idp.protocol.clients import Clients, RegisteredClient
from idp.protocol.errors import AuthorizationRefused, NotAnswerable, Refusal
from idp.protocol.keyring import KeyRing
from idp.protocol.request import Parameters
from idp.protocol.response import AuthorizationResponse, ResponseMode

T = TypeVar("T")

PARAMETERS = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "acr_values",
    "claims",
    "display",
]
"""What is read, and kept when a request waits for a person; anything else is ignored (RFC 6749 §3.1)."""

_LONGEST = {
    "state": 2048,
    "nonce": 1024,
    "redirect_uri": 2048,
    "login_hint": 256,
    "id_token_hint": 8192,
    "claims": claims_request.LONGEST,
}
_LONGEST_OTHER = 1024
_ANY_CHARACTER = frozenset({"login_hint", "claims"})
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_MAX_AGE = re.compile(r"[0-9]{1,9}")
NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be answered. `parameters` is what to keep when it has to wait."""

    client: RegisteredClient
    redirect_uri: str
    response_mode: ResponseMode
    state: str | None
    nonce: str | None
    code_challenge: str | None
    asked: Asked
    login_hint: str | None
    ui_locales: str | None
    parameters: Mapping[str, str]

    def response(self, issuer: str, *parameters: tuple[str, str]) -> AuthorizationResponse:
        """An answer with `state` and `iss` (RFC 9207 §2)."""
        state = () if self.state is None else (("state", self.state),)
        return AuthorizationResponse(
            self.redirect_uri, self.response_mode, (*parameters, *state, ("iss", issuer))
        )

    def refused(self, issuer: str, refused: Refused) -> AuthorizationResponse:
        """An error answer (RFC 6749 §4.1.2.1)."""
        return self.response(issuer, ("error", refused.error), ("error_description", refused.description))


def validate(clients: Clients, keyring: KeyRing, issuer: str, parameters: Parameters) -> AuthorizationRequest:
    """The request. Raises `NotAnswerable` or `AuthorizationRefused`."""
    sent = {name: values[0] for name, values in parameters.items() if values and values[0] != ""}
    client = _client(clients, parameters, sent)
    redirect_uri = _redirect_uri(client, parameters, sent)
    try:
        mode = _response_mode(sent)
    except Refusal as refusal:
        _refuse(client, redirect_uri, ResponseMode.QUERY, sent, issuer, refusal)
    try:
        _check_form(parameters, sent)
        _check_response_type(client, sent)
        code_challenge = _code_challenge(client, sent)
        claims = _decided(claims_request.parse(sent.get("claims")))
        asked = Asked(
            prompt=_decided(prompt.parse(sent.get("prompt"))),
            max_age=_max_age(client, sent),
            hinted_sub=_hinted_sub(keyring, issuer, client, sent, claims),
            scope=_scope(client, sent),
            assurance=_assurance(client, sent, claims),
        )
    except Refusal as refusal:
        _refuse(client, redirect_uri, mode, sent, issuer, refusal)
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        response_mode=mode,
        state=sent.get("state"),
        nonce=sent.get("nonce"),
        code_challenge=code_challenge,
        asked=asked,
        login_hint=sent.get("login_hint"),
        ui_locales=sent.get("ui_locales"),
        parameters={name: sent[name] for name in PARAMETERS if name in sent},
    )


def _client(clients: Clients, parameters: Parameters, sent: Mapping[str, str]) -> RegisteredClient:
    client_id = sent.get("client_id")
    if len(parameters.get("client_id", ())) > 1:
        raise NotAnswerable("client_repeated", None, {"received": list(parameters["client_id"])[:5]})
    if client_id is None:
        raise NotAnswerable("client_missing", None, {})
    client = clients.find_any(client_id)
    if client is None:
        raise NotAnswerable("client_unknown", None, {"received": client_id[:255]})
    if client.is_disabled:
        raise NotAnswerable("client_disabled", client_id, {})
    return client


def _redirect_uri(client: RegisteredClient, parameters: Parameters, sent: Mapping[str, str]) -> str:
    registered: dict[str, object] = {"registered": list(client.metadata.redirect_uris)}
    if len(parameters.get("redirect_uri", ())) > 1:
        received = [uri[:2048] for uri in parameters["redirect_uri"]][:5]
        raise NotAnswerable("redirect_uri_repeated", client.client_id, {"received": received, **registered})
    asked = sent.get("redirect_uri")
    if asked is None:
        raise NotAnswerable("redirect_uri_missing", client.client_id, registered)
    if not client.check_redirect_uri(asked):
        explained = {"received": asked[:2048], **registered}
        raise NotAnswerable("redirect_uri_unregistered", client.client_id, explained)
    return asked


def _response_mode(sent: Mapping[str, str]) -> ResponseMode:
    try:
        return ResponseMode(sent.get("response_mode", "query"))
    except ValueError:
        raise Refusal("invalid_request", "response_mode is one of query, fragment, form_post") from None


def _check_form(parameters: Parameters, sent: Mapping[str, str]) -> None:
    repeated = sorted(name for name in PARAMETERS if len(parameters.get(name, ())) > 1)
    if repeated:
        raise Refusal("invalid_request", f"{', '.join(repeated)} came more than once")
    for name in PARAMETERS:
        value = sent.get(name, "")
        if len(value) > _LONGEST.get(name, _LONGEST_OTHER):
            raise Refusal("invalid_request", f"{name} is too long")
        if name not in _ANY_CHARACTER and not _PRINTABLE.fullmatch(value):
            raise Refusal("invalid_request", f"{name} holds characters that are not printable ASCII")
    for name, error in NOT_SUPPORTED.items():
        if name in sent:
            raise Refusal(error, f"{name} is not supported; send the parameters themselves")


def _check_response_type(client: RegisteredClient, sent: Mapping[str, str]) -> None:
    asked = sent.get("response_type")
    if asked is None:
        raise Refusal("invalid_request", "response_type is missing; use code")
    if asked != "code":
        raise Refusal(
            "unsupported_response_type", "only response_type code is supported", explained={"received": asked}
        )
    if not (client.check_response_type("code") and client.check_grant_type("authorization_code")):
        raise Refusal("unauthorized_client", "this client is not registered for the authorization code grant")


def _code_challenge(client: RegisteredClient, sent: Mapping[str, str]) -> str | None:
    challenge, method = sent.get("code_challenge"), sent.get("code_challenge_method")
    if challenge is None:
        if client.metadata.require_pkce or method is not None:
            raise Refusal("invalid_request", "code_challenge is missing; PKCE is required (RFC 7636)")
        # RFC 9700 §2.1.1: without PKCE only the nonce of an ID Token tells an injected code.
        if "nonce" not in sent or "openid" not in sent.get("scope", "").split(" "):
            raise Refusal(
                "invalid_request", "without code_challenge send a nonce, and openid in scope (RFC 9700)"
            )
        return None
    if method != "S256":
        raise Refusal("invalid_request", "code_challenge_method must be S256", explained={"received": method})
    if not pkce.is_challenge(challenge):
        raise Refusal("invalid_request", "code_challenge is not 43 characters of base64url")
    return challenge


def _max_age(client: RegisteredClient, sent: Mapping[str, str]) -> timedelta | None:
    text = sent.get("max_age")
    if text is None:
        return client.metadata.default_max_age
    if not _MAX_AGE.fullmatch(text):
        raise Refusal("invalid_request", "max_age is a whole number of seconds")
    return timedelta(seconds=int(text))


def _hinted_sub(
    keyring: KeyRing,
    issuer: str,
    client: RegisteredClient,
    sent: Mapping[str, str],
    claims: ClaimsRequest,
) -> str | None:
    hint = sent.get("id_token_hint")
    if hint is None:
        return claims.sub
    hinted = id_token.verify_hint(keyring, issuer, hint)
    if hinted is None or hinted["aud"] != client.client_id:
        raise Refusal("invalid_request", "id_token_hint is not an ID Token that we issued to this client")
    if claims.sub not in {None, hinted["sub"]}:
        raise Refusal("invalid_request", "id_token_hint and claims ask for two different people")
    return str(hinted["sub"])


def _assurance(client: RegisteredClient, sent: Mapping[str, str], claims: ClaimsRequest) -> Assurance:
    """OpenID Connect Core §3.1.2.1, §5.5.1.1 and Registration §2: all but an essential claim is a wish.

    A claim takes the place of `acr_values`, and these that of what the client registered.
    """
    minimum = client.metadata.minimum_acr
    least = () if minimum is None else ((minimum.value,),)
    if claims.acr is not None and claims.acr.is_essential:
        return Assurance(required=(*least, claims.acr.values))
    values = tuple(dict.fromkeys(sent.get("acr_values", "").split()))
    wished = (claims.acr.values if claims.acr else ()) or values or client.metadata.default_acr_values
    return Assurance(required=least, wished=wished)


def _scope(client: RegisteredClient, sent: Mapping[str, str]) -> frozenset[str]:
    asked = _decided(scope.parse(sent.get("scope")))
    if not asked:
        raise Refusal("invalid_scope", "scope is missing; OpenID Connect asks for openid")
    return _decided(scope.granted(asked, client.metadata.scope))


def _decided(value: T | Refused) -> T:
    if isinstance(value, Refused):
        raise Refusal.of(value)
    return value


def _refuse(
    client: RegisteredClient,
    redirect_uri: str,
    mode: ResponseMode,
    sent: Mapping[str, str],
    issuer: str,
    refusal: Refusal,
) -> NoReturn:
    parameters = [("error", str(refusal.error)), ("error_description", refusal.said)]
    state = sent.get("state", "")
    if state and len(state) <= _LONGEST["state"] and _PRINTABLE.fullmatch(state):
        parameters.append(("state", state))
    response = AuthorizationResponse(redirect_uri, mode, (*parameters, ("iss", issuer)))
    raise AuthorizationRefused(refusal, response, client.client_id) from None
