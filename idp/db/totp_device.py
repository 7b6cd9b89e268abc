"""Authenticator apps: a sealed secret each, and the last time step a code was used for (RFC 6238 §5.2)."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table, Text

from idp.db.base import metadata
from idp.db.types import Identifier, UtcDateTime

totp_devices = Table(
    "totp_devices",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("last_step", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
)
