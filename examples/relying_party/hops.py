"""Write down what a sign-in sends over the wire, in order, so that a person can read it afterwards.

Secrets are masked when they are written down, not when they are shown: a record cannot leak what it never
held.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import requests

from relying_party.session import current

KEPT = 30
SECRET = frozenset(
    {"access_token", "client_secret", "code", "code_verifier", "id_token", "id_token_hint", "refresh_token"}
)
MEANINGS: Mapping[str, str] = {
    "access_token": "Opens the provider's APIs for a few minutes.",
    "acr_values": "How strong a sign-in we ask for.",
    "Authorization": "Who is asking.",
    "claims": "What we demand of the ID Token: without it, no sign-in.",
    "client_id": "Who we are: the name we were registered under.",
    "code": "Good for one minute and one use; worth nothing without our secret and the verifier.",
    "code_challenge": "SHA-256 of a secret made for this sign-in (PKCE): binds the code to us.",
    "code_challenge_method": "How the challenge was made.",
    "code_verifier": "The secret behind code_challenge.",
    "error": "Why the provider refused, as a code.",
    "error_description": "The same in words.",
    "expires_in": "Seconds until the access token expires.",
    "grant_type": "What we offer in exchange for tokens.",
    "id_token": "Who signed in, and how: a signed statement for us alone.",
    "iss": "Which provider answers (RFC 9207). We compare it with the one we asked.",
    "login_hint": "The username to fill in.",
    "max_age": "Ask again if the last sign-in was more seconds ago than this.",
    "nonce": "Comes back inside the ID Token: a token made for another sign-in does not fit.",
    "prompt": "none: never show a page. login: always ask again.",
    "redirect_uri": "Where to send the browser back. Registered beforehand, compared letter by letter.",
    "refresh_token": "Fetches the next access token; replaced at each use.",
    "response_type": "We want an authorization code: tokens never travel through the browser.",
    "scope": "What we would like to know.",
    "state": "Ties the answer to this browser: an answer that nobody asked for is thrown away.",
    "token_type": "Bearer: whoever has the token may use it.",
    "ui_locales": "The language to show the sign-in page in.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter as sent or received, a secret already masked."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One message: by the browser's address bar, or from our server to the provider's."""

    title: str
    carried_by: str
    request: str
    sent: tuple[Field, ...]
    status: int | None = None
    received: tuple[Field, ...] = ()


def start_over() -> None:
    """Forget the hops of this browser's earlier sign-in."""
    current()["hops"] = []


def recorded() -> list[Hop]:
    """Return the hops of this browser's sign-in, the oldest first."""
    found: list[Hop] = current().get("hops", [])
    return found


def record_redirect(title: str, url: str) -> None:
    """Write down that the browser was sent to `url`, or came back by it."""
    _keep(Hop(title, "the browser", f"GET {_without_query(url)}", _fields(parse_qsl(urlsplit(url).query))))


def record_response(response: requests.Response, *_args: object, **_kwargs: object) -> None:
    """Write down a request of our server with its answer; a `requests` response hook."""
    asked = response.request
    body = asked.body.decode() if isinstance(asked.body, bytes) else str(asked.body or "")
    sent = parse_qsl(body)
    authorization = asked.headers.get("Authorization")
    if authorization:
        sent.insert(0, ("Authorization", _masked_authorization(str(authorization))))
    url = asked.url or ""
    _keep(
        Hop(
            title=_title(url, dict(sent)),
            carried_by="server to server",
            request=f"{asked.method} {_without_query(url)}",
            sent=_fields(sent),
            status=response.status_code,
            received=_fields(_members(response)),
        )
    )


def mask(value: str) -> str:
    """Return enough of a secret to tell two apart, and too little to use it."""
    return f"{value[:6]}… ({len(value)} characters)" if len(value) > 20 else "…"  # noqa: PLR2004 - too short to show any of


def _keep(hop: Hop) -> None:
    hops = current().setdefault("hops", [])
    hops.append(hop)
    del hops[:-KEPT]


def _fields(pairs: Iterable[tuple[str, str]]) -> tuple[Field, ...]:
    return tuple(
        Field(name, mask(value) if name in SECRET else value, MEANINGS.get(name, "")) for name, value in pairs
    )


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def _masked_authorization(header: str) -> str:
    kind, _, value = header.partition(" ")
    if kind != "Basic":
        return f"{kind} {mask(value)}"
    try:
        client_id = base64.b64decode(value).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        client_id = "…"
    return f"Basic {client_id}:••••••••"


def _members(response: requests.Response) -> list[tuple[str, str]]:
    try:
        document = response.json()
    except ValueError:
        return []
    if not isinstance(document, dict):
        return []
    return [
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in document.items()
    ]


def _title(url: str, sent: Mapping[str, str]) -> str:
    if url.endswith("/.well-known/openid-configuration"):
        return "Discovery: ask the provider where everything is"
    match sent.get("grant_type"):
        case "authorization_code":
            return "Token request: swap the code for tokens"
        case "refresh_token":
            return "Token request: swap the refresh token for new tokens"
    if "Authorization" in sent:
        return "UserInfo: ask who this is"
    return "Keys: fetch the provider's public keys"
