"""Trusted devices: browsers in which an account is not asked for its second factor for a while."""

from sqlalchemy import Column, ForeignKey, Table, Text

from idp.db.base import metadata
from idp.db.types import Digest, Identifier, UtcDateTime

trusted_devices = Table(
    "trusted_devices",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("digest", Digest(), nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("user_agent", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
)
