"""Registered clients, as Authlib and the other modules see them, and a short memory of them.

RFC 7591 §2. A change made by another worker is seen within five seconds; where it matters at once (a code or
a refresh token is spent, a grant is used) the statement itself reads the client's row.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from authlib.oauth2.rfc6749 import ClientMixin

from idp.db import Database
from idp.db import client as rows
from idp.policy import client_metadata, redirect_uri, scope
from idp.policy.client_metadata import ClientMetadata, GrantType
from idp.services.clock import Clock

_FRESH = timedelta(seconds=5)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class RegisteredClient(ClientMixin):
    """A client that may be served; `metadata` is its registration."""

    client_id: str
    metadata: ClientMetadata
    secret_digest: bytes | None
    is_disabled: bool

    def get_client_id(self) -> str:
        """RFC 6749 §2.2."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: every request names its redirect URI (OpenID Connect Core §3.1.2.1)."""
        return None

    def get_allowed_scope(self, asked: str) -> str:
        """The asked scope without what the client is not registered for."""
        return scope.ordered(frozenset(asked.split()) & self.metadata.scope)

    def check_redirect_uri(self, redirect_uri_asked: str) -> bool:
        """RFC 9700 §2.1: exact strings; a native application may choose its loopback port."""
        return redirect_uri.matches(
            redirect_uri_asked, self.metadata.redirect_uris, native=self.metadata.is_native
        )

    def check_client_secret(self, client_secret: str) -> bool:
        """Never asked: `client_authentication` decides."""
        raise NotImplementedError

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - one for all
        """Whether the client authenticates that way."""
        return method == self.metadata.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        """RFC 7591 §2 `response_types`."""
        return response_type in self.metadata.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        """RFC 7591 §2 `grant_types`."""
        return grant_type in self.metadata.grant_types

    @property
    def may_refresh(self) -> bool:
        """Whether sign-ins give this client a refresh token."""
        return GrantType.REFRESH_TOKEN in self.metadata.grant_types


class Clients:
    """The clients by id, read again after five seconds."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[datetime, RegisteredClient]] = {}
        self._origins: tuple[datetime, frozenset[str]] | None = None
        self._lock = threading.Lock()

    def find(self, client_id: str | None) -> RegisteredClient | None:
        """The client that may be served; None for unknown and disabled ones."""
        client = self.find_any(client_id)
        return None if client is None or client.is_disabled else client

    def find_any(self, client_id: str | None) -> RegisteredClient | None:
        """The client, disabled or not."""
        if not client_id or len(client_id) > 255 or not client_id.isprintable():  # noqa: PLR2004 - the column
            return None
        now = self._clock.now()
        known = self._known.get(client_id)
        if known is not None and timedelta(0) <= now - known[0] < _FRESH:
            return known[1]
        with self._database.read() as connection:
            row = rows.find(connection, client_id)
        if row is None:
            self._known.pop(client_id, None)
            return None
        client = _registered(row)
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[client_id] = (now, client)
        return client

    def every(self) -> list[RegisteredClient]:
        """All clients that may be served, for a page that lists them."""
        with self._database.read() as connection:
            return [_registered(row) for row in rows.every(connection) if row.disabled_at is None]

    def browser_origins(self) -> frozenset[str]:
        """The origins of applications that run in a browser: those that CORS answers are meant for."""
        now = self._clock.now()
        if self._origins is None or not timedelta(0) <= now - self._origins[0] < _FRESH:
            origins = (
                redirect_uri.origin(uri)
                for client in self.every()
                if client.metadata.is_public
                for uri in client.metadata.redirect_uris
            )
            self._origins = (now, frozenset(origin for origin in origins if origin.startswith("http")))
        return self._origins[1]


def _registered(row: rows.Client) -> RegisteredClient:
    metadata = client_metadata.parse(row.metadata)
    if not isinstance(metadata, ClientMetadata):
        problems = "; ".join(f"{problem.field} {problem.message}" for problem in metadata)
        raise ValueError(f"The stored metadata of client {row.client_id} is not sound: {problems}")  # noqa: TRY004
    return RegisteredClient(
        client_id=row.client_id,
        metadata=metadata,
        secret_digest=row.secret_digest,
        is_disabled=row.disabled_at is not None,
    )
