"""Single-use links that are mailed to people: a digest, a purpose, one account."""

from sqlalchemy import Column, ForeignKey, String, Table

from idp.db.base import metadata
from idp.db.types import Digest, UtcDateTime

links = Table(
    "links",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("superseded_at", UtcDateTime),
)
