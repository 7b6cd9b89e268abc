"""Client assertions that were used, so that none is used twice (RFC 7523 §3, `jti`)."""

from datetime import datetime

from sqlalchemy import Column, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.statement import Effect
from idp.db.types import Digest, UtcDateTime

client_assertions = Table(
    "client_assertions",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("jti_digest", Digest(), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    **CLUSTERED,
)

_COLUMNS = ("client_id", "jti_digest", "expires_at")
_USE = {
    "sqlite": Effect(sqlite.insert(client_assertions).on_conflict_do_nothing(), columns=_COLUMNS),
    "postgresql": Effect(postgresql.insert(client_assertions).on_conflict_do_nothing(), columns=_COLUMNS),
}


def use(connection: Connection, client_id: str, jti_digest: bytes, expires_at: datetime) -> bool:
    """Use the assertion: the one statement that decides who was first."""
    return (
        _USE[connection.dialect.name].run(
            connection, client_id=client_id, jti_digest=jti_digest, expires_at=expires_at
        )
        == 1
    )
