"""Smartcards: each bound to one account by its card number, or by authority and serial number."""

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint

from idp.db.base import metadata
from idp.db.types import Identifier, UtcDateTime

smartcards = Table(
    "smartcards",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("card_number", String(32), unique=True),
    Column("authority_id", ForeignKey("certificate_authorities.id")),
    Column("serial", String(64)),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    UniqueConstraint("authority_id", "serial"),
)
