"""Proofs that a card was there: carried once from the smartcard origin to the issuer, by one browser."""

from sqlalchemy import Column, ForeignKey, Table

from idp.db.base import metadata
from idp.db.types import Digest, Json, UtcDateTime

smartcard_proofs = Table(
    "smartcard_proofs",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("binding", Digest(), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("detail", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)
