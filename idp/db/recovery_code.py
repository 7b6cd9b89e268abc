"""Recovery codes: ten of an account, hashed like passwords, each for one use."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from idp.db.base import metadata
from idp.db.types import UtcDateTime

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("code_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)
