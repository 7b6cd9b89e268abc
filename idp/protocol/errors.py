"""Protocol errors, with what an operator may be told of their cause.

RFC 6749 §4.1.2.1 and §5.2. `explained` is for `idp explain`: values received and registered, never secrets.
"""

from collections.abc import Mapping

from authlib.oauth2 import OAuth2Error

from idp.policy.refusal import Refused
from idp.protocol.response import AuthorizationResponse


class Refusal(OAuth2Error):
    """An OAuth error by its code, for clients; descriptions are ASCII without quotes (RFC 6749 §5.2)."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 400,
        explained: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(description=description, status_code=status, error=error)
        self.said: str = description
        self.explained = dict(explained or {})

    @classmethod
    def of(cls, refused: Refused) -> "Refusal":
        """The same, decided by policy."""
        return cls(refused.error, refused.description)


class InvalidClient(Refusal):
    """Client authentication failed: one answer for an unknown client and a wrong secret (RFC 6749 §5.2)."""

    def __init__(self, description: str, *, explained: Mapping[str, object] | None = None) -> None:
        super().__init__("invalid_client", description, status=401, explained=explained)

    def get_headers(self) -> list[tuple[str, str]]:
        """RFC 9110 §11.6.1: a 401 names a scheme."""
        headers: list[tuple[str, str]] = super().get_headers()
        return [*headers, ("WWW-Authenticate", 'Basic realm="client authentication"')]


class AuthorizationRefused(Exception):
    """An authorization request is refused, and the client may be told."""

    def __init__(self, refusal: Refusal, response: AuthorizationResponse, client_id: str) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal
        self.response = response
        self.client_id = client_id


class NotAnswerable(Exception):
    """An authorization request whose client or redirect URI is not sound: only a person may be told."""

    def __init__(self, problem: str, client_id: str | None, explained: Mapping[str, object]) -> None:
        super().__init__(problem)
        self.problem = problem
        self.client_id = client_id
        self.explained = dict(explained)
