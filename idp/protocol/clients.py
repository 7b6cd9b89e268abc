"""Registered clients, and a short memory of them.

RFC 7591 §2. A change made by another worker is seen within five seconds; where it matters at once (a code or
a refresh token is spent, a grant is used) the statement itself reads the client's row. A client whose row
somebody has damaged is unknown, and logged; all others are served.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from authlib.oauth2.rfc6749 import ClientMixin

from idp.db import Database
from idp.db import client as rows
from idp.policy import client_metadata, redirect_uri
from idp.policy.client_metadata import ClientMetadata, GrantType
from idp.services import logs
from idp.services.clock import Clock

_log = logs.get()
_FRESH = timedelta(seconds=5)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class RegisteredClient(ClientMixin):
    """A client that may be served; `metadata` is its registration."""

    client_id: str
    metadata: ClientMetadata
    secret_digest: bytes | None
    is_disabled: bool

    def check_redirect_uri(self, redirect_uri_asked: str) -> bool:
        """RFC 9700 §2.1: exact strings; a native application may choose its loopback port."""
        return redirect_uri.matches(
            redirect_uri_asked, self.metadata.redirect_uris, native=self.metadata.is_native
        )

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


@dataclass(frozen=True, slots=True)
class _All:
    read_at: datetime
    clients: tuple[RegisteredClient, ...]
    browser_origins: frozenset[str]


class Clients:
    """The clients by id, read again after five seconds."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[datetime, RegisteredClient]] = {}
        self._every: _All | None = None
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
        client = None if row is None else _registered(row)
        if client is None:
            self._known.pop(client_id, None)
            return None
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[client_id] = (now, client)
        return client

    def every(self) -> tuple[RegisteredClient, ...]:
        """All clients that may be served, oldest first, for a page that lists them."""
        return self._all().clients

    def browser_origins(self) -> frozenset[str]:
        """The origins of applications that run in a browser: those that CORS answers are meant for."""
        return self._all().browser_origins

    def _all(self) -> _All:
        now = self._clock.now()
        known = self._every
        if known is not None and timedelta(0) <= now - known.read_at < _FRESH:
            return known
        with self._database.read() as connection:
            served = [_registered(row) for row in rows.every(connection) if row.disabled_at is None]
        clients = tuple(client for client in served if client is not None)
        self._every = fresh = _All(now, clients, _browser_origins(clients))
        return fresh


def _browser_origins(clients: tuple[RegisteredClient, ...]) -> frozenset[str]:
    uris = (uri for client in clients if client.metadata.is_public for uri in client.metadata.redirect_uris)
    return frozenset(origin for origin in map(redirect_uri.origin, uris) if origin.startswith("http"))


def _registered(row: rows.Client) -> RegisteredClient | None:
    metadata = client_metadata.parse(row.metadata) if isinstance(row.metadata, Mapping) else None
    if not isinstance(metadata, ClientMetadata):
        _log.error("client_unreadable", client_id=row.client_id, remedy="idp client show CLIENT_ID")
        return None
    return RegisteredClient(
        client_id=row.client_id,
        metadata=metadata,
        secret_digest=row.secret_digest,
        is_disabled=row.disabled_at is not None,
    )
