"""The last good revocation list of each authority, and how fetching the next went (RFC 5280 §5)."""

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text

from idp.db.base import metadata
from idp.db.types import UtcDateTime

revocation_lists = Table(
    "revocation_lists",
    metadata,
    Column("authority_id", ForeignKey("certificate_authorities.id"), primary_key=True),
    Column("der", LargeBinary),
    Column("number", Text),
    Column("this_update", UtcDateTime),
    Column("next_update", UtcDateTime),
    Column("fetched_at", UtcDateTime),
    Column("tried_at", UtcDateTime, nullable=False),
    Column("last_error", Text),
)
