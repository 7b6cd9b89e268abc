"""Register clients, replace their secrets, disable and remove them; each with its audit row.

RFC 7591 §2 and §3.2.1, RFC 6749 §2.2 and §2.3.1. A secret has 256 random bits, is returned once and kept as
its digest. What a client once was given ends when it is disabled: enabled again, it starts from nothing.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from idp.db import Connection, audit, authorization_code, authorization_request, grant
from idp.db import client as rows
from idp.db.audit import AuditEvent
from idp.db.client import Client
from idp.policy import client_metadata
from idp.policy.client_metadata import AuthMethod, ClientMetadata
from idp.policy.event_name import EventName
from idp.services.digest import digest
from idp.services.randomness import Randomness

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_WITH_SECRET: Final = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})


@dataclass(frozen=True, slots=True)
class Registered:
    """A client as it was just stored. Nobody can read `client_secret` again."""

    client: Client
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class NotRegistered:
    """Nothing was stored; `problem` says why, with the remedy."""

    problem: str


def register(
    connection: Connection,
    metadata: ClientMetadata,
    randomness: Randomness,
    now: datetime,
    *,
    client_id: str | None = None,
) -> Registered | NotRegistered:
    """Store a new client. Without a `client_id` it gets a random UUID."""
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        return NotRegistered(
            "A client_id has 1 to 100 letters, digits, dots, hyphens, underscores or tildes."
        )
    if client_id is not None and rows.find(connection, client_id) is not None:
        return NotRegistered(f"The client_id {client_id} is taken. Choose another, or leave it out.")
    client_secret = randomness.token() if _has_secret(metadata) else None
    client = Client(
        client_id=client_id or str(randomness.uuid()),
        metadata=client_metadata.to_json(metadata),
        secret_digest=None if client_secret is None else digest(client_secret),
        created_at=now,
        updated_at=now,
        disabled_at=None,
    )
    rows.add(connection, client)
    _record(connection, EventName.CLIENT_ADDED, client, now, detail={"client_name": metadata.client_name})
    return Registered(client, client_secret)


def response(registered: Registered) -> dict[str, object]:
    """The client information response (RFC 7591 §3.2.1): the secret in it never expires by itself."""
    secret: dict[str, object] = {}
    if registered.client_secret is not None:
        secret = {"client_secret": registered.client_secret, "client_secret_expires_at": 0}
    return {
        "client_id": registered.client.client_id,
        **secret,
        "client_id_issued_at": int(registered.client.created_at.timestamp()),
        **registered.client.metadata,
    }


def rotate_secret(
    connection: Connection, client: Client, randomness: Randomness, now: datetime
) -> Registered | NotRegistered:
    """Replace the secret; every node refuses the one before within five seconds."""
    if client.secret_digest is None:
        method = client.metadata.get("token_endpoint_auth_method")
        return NotRegistered(f"{client.client_id} has no secret: it authenticates with {method}.")
    client_secret = randomness.token()
    rows.set_secret(connection, client.client_id, digest(client_secret), now)
    _record(connection, EventName.CLIENT_SECRET_ROTATED, client, now)
    return Registered(client, client_secret)


def disable(connection: Connection, client: Client, now: datetime) -> int:
    """End all that the client was granted, at once; every node refuses it within five seconds.

    How many grants that were.
    """
    rows.set_disabled(connection, client.client_id, disabled=True, now=now)
    ended = grant.revoke_of_client(connection, client.client_id, now)
    _record(connection, EventName.CLIENT_DISABLED, client, now, detail={"grants": ended})
    return ended


def enable(connection: Connection, client: Client, now: datetime) -> None:
    """Serve the client again, from nothing."""
    rows.set_disabled(connection, client.client_id, disabled=False, now=now)
    # A code that was redeemed while the client was being disabled has left a grant that nobody has ended.
    grant.revoke_of_client(connection, client.client_id, now)
    _record(connection, EventName.CLIENT_ENABLED, client, now)


def remove(connection: Connection, client: Client, now: datetime) -> None:
    """Forget the client. Raises `Conflict` while grants, consents or live codes refer to it.

    What anybody can cause does not stand in the way: requests that wait, codes that were let expire.
    """
    authorization_request.remove_of_client(connection, client.client_id)
    authorization_code.remove_lost(connection, client.client_id, now)
    rows.remove(connection, client.client_id)
    _record(
        connection,
        EventName.CLIENT_REMOVED,
        client,
        now,
        detail={"client_name": client.metadata.get("client_name")},
    )


def _has_secret(metadata: ClientMetadata) -> bool:
    return metadata.token_endpoint_auth_method in _WITH_SECRET


def _record(
    connection: Connection,
    event: EventName,
    client: Client,
    now: datetime,
    *,
    detail: dict[str, object] | None = None,
) -> None:
    audit.record(connection, AuditEvent(at=now, event=event, client_id=client.client_id, detail=detail))
