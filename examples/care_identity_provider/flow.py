"""Understand what the application asks for.

OpenID Connect Core §3.1.2.1 and §3.1.2.6, RFC 7636 §4.3, RFC 9207 §2. Nobody is sent back to an address that
is not the registered one, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from care_identity_provider.settings import Settings

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")


class WrongApplication(Exception):
    """Nobody may be sent back: the application or its address is not the one that we know."""


class Refused(Exception):
    """The application is told this error, in words of OAuth 2.0 or OpenID Connect."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that we understand."""

    redirect_uri: str
    state: str | None
    nonce: str
    code_challenge: str
    acr_values: tuple[str, ...]
    max_age: int | None
    prompt: frozenset[str]


def check_application(given: Mapping[str, str], settings: Settings) -> None:
    """Raise WrongApplication unless it is the one that we know."""
    if given.get("client_id") != settings.client_id:
        raise WrongApplication("The application that sent you is not known here (client_id).")
    if given.get("redirect_uri") != settings.redirect_uri:
        raise WrongApplication("The application wants you back at an address not known here (redirect_uri).")


def understand(given: Mapping[str, str], *, is_repetitive: bool) -> Asked:
    """Return what is asked for; raise Refused for what is not to be done, or says something twice."""
    if is_repetitive:
        raise Refused("invalid_request", "a parameter is there twice")
    if given.get("response_type") != "code":
        raise Refused("unsupported_response_type", "response_type must be code")
    if "openid" not in given.get("scope", "").split():
        raise Refused("invalid_scope", "scope must have openid")
    if not given.get("nonce"):
        raise Refused("invalid_request", "nonce is missing")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256")
    max_age = given.get("max_age")
    if max_age is not None and not _SECONDS.fullmatch(max_age):
        raise Refused("invalid_request", "max_age is a number of seconds")
    return Asked(
        redirect_uri=given["redirect_uri"],
        state=given.get("state"),
        nonce=given["nonce"],
        code_challenge=challenge,
        acr_values=tuple(given.get("acr_values", "").split()),
        max_age=None if max_age is None else int(max_age),
        prompt=frozenset(given.get("prompt", "").split()),
    )


def answer(redirect_uri: str, state: str | None, issuer: str, **values: str) -> str:
    """Return where to send the browser back to."""
    query = {**values, "iss": issuer} if state is None else {**values, "state": state, "iss": issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(query)}"
