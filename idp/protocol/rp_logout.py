"""RP-Initiated Logout: what a relying party may ask when a person signs out there.

OpenID Connect RP-Initiated Logout §2 and §3. A hint that we issued for the very session in this browser needs
no question; anything else asks the person first. We return only to a registered `post_logout_redirect_uri`
of a client that is known from the hint or from `client_id`. A hint that proves nothing, because its key is
gone or it is damaged, keeps nobody from signing out: it counts as absent, and so does an address that only it
vouched for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from idp.protocol import id_token
from idp.protocol.clients import Clients, RegisteredClient
from idp.protocol.keyring import KeyRing
from idp.protocol.request import Parameters

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")

_LONGEST = 8192
_LONGEST_STATE = 2048


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A request to sign out. `hinted_sid` is the session the hint was issued in; `return_to` is validated."""

    client: RegisteredClient | None
    hinted_sid: str | None
    return_to: str | None
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogoutRefused:
    """The request contradicts itself, or asks to return somewhere that is not registered."""

    problem: str
    client_id: str | None
    explained: Mapping[str, object]


def validate(
    clients: Clients, keyring: KeyRing, issuer: str, parameters: Parameters
) -> LogoutRequest | LogoutRefused:
    """What is asked for."""
    repeated = [name for name in PARAMETERS if len(parameters.get(name, ())) > 1]
    if repeated:
        return LogoutRefused("logout_repeated", None, {"repeated": repeated})
    sent = {name: parameters[name][0] for name in PARAMETERS if name in parameters and parameters[name][0]}
    if any(len(value) > _LONGEST for value in sent.values()) or len(sent.get("state", "")) > _LONGEST_STATE:
        return LogoutRefused("logout_too_long", None, {})
    hint = sent.get("id_token_hint")
    claims = id_token.verify_hint(keyring, issuer, hint) if hint is not None else None
    if hint is not None and claims is None:
        sent = _without_hint(sent)
    named = sent.get("client_id", claims["aud"] if claims is not None else None)
    if claims is not None and claims["aud"] != named:
        return LogoutRefused("logout_hint", named, {"received": named, "registered": claims["aud"]})
    client = clients.find(named)
    if "client_id" in sent and client is None:
        return LogoutRefused("client_unknown", None, {"received": named})
    return _with_return(client, claims, sent)


def _without_hint(sent: Mapping[str, str]) -> dict[str, str]:
    vouched = (
        {"id_token_hint"} if "client_id" in sent else {"id_token_hint", "post_logout_redirect_uri", "state"}
    )
    return {name: value for name, value in sent.items() if name not in vouched}


def _with_return(
    client: RegisteredClient | None, claims: Mapping[str, object] | None, sent: Mapping[str, str]
) -> LogoutRequest | LogoutRefused:
    asked = sent.get("post_logout_redirect_uri")
    registered = () if client is None else client.metadata.post_logout_redirect_uris
    if asked is not None and asked not in registered:
        return LogoutRefused(
            "logout_return",
            None if client is None else client.client_id,
            {"received": asked[:2048], "registered": list(registered)},
        )
    return LogoutRequest(
        client=client,
        hinted_sid=None if claims is None else str(claims["sid"]),
        return_to=None if asked is None else _with_state(asked, sent.get("state")),
        parameters=sent,
    )


def _with_state(uri: str, state: str | None) -> str:
    if state is None:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': state})}"
