"""Access tokens that were revoked one by one (RFC 7009): they are self-contained, so a list ends them."""

from datetime import datetime

from sqlalchemy import Column, String, Table
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.statement import Effect
from idp.db.types import UtcDateTime

revoked_access_tokens = Table(
    "revoked_access_tokens",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    **CLUSTERED,
)

_ADD = {
    "sqlite": Effect(
        sqlite.insert(revoked_access_tokens).on_conflict_do_nothing(), columns=("jti", "expires_at")
    ),
    "postgresql": Effect(
        postgresql.insert(revoked_access_tokens).on_conflict_do_nothing(), columns=("jti", "expires_at")
    ),
}


def add(connection: Connection, jti: str, expires_at: datetime) -> bool:
    """Revoke one access token. False when it was revoked before."""
    return _ADD[connection.dialect.name].run(connection, jti=jti, expires_at=expires_at) == 1
