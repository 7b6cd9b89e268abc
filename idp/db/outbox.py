"""Mail that waits to be sent: stored in the transaction of its cause, its content encrypted until then."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from idp.db.base import metadata
from idp.db.types import Identifier, UtcDateTime

outbox = Table(
    "outbox",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, index=True),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
)
