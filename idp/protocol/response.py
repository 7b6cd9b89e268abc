"""Answers to clients: JSON from the endpoints, parameters for a redirect URI from the authorization endpoint.

RFC 6749 §4.1.2 and §5.1, OAuth 2.0 Multiple Response Type Encoding Practices §2.1 (`response_mode`),
OAuth 2.0 Form Post Response Mode, RFC 9207 (`iss` on every response, errors too).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON object and headers. `explained` is for `idp explain` when the answer is an error."""

    status: int
    body: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...] = ()
    client_id: str | None = None
    explained: Mapping[str, object] = field(default_factory=dict)


class ResponseMode(StrEnum):
    """How the parameters travel to the redirect URI."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What goes to a validated redirect URI, and how."""

    redirect_uri: str
    mode: ResponseMode
    parameters: tuple[tuple[str, str], ...]

    @property
    def location(self) -> str:
        """The URI to redirect to; not for `form_post`."""
        in_query = "&" if "?" in self.redirect_uri else "?"
        separator = "#" if self.mode is ResponseMode.FRAGMENT else in_query
        return f"{self.redirect_uri}{separator}{urlencode(self.parameters)}"
