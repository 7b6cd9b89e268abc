"""Single-use links that are mailed to people: a digest, a purpose, one account."""

from enum import StrEnum

from sqlalchemy import Column, ForeignKey, Table

from idp.db.base import metadata
from idp.db.types import Choice, Digest, UtcDateTime


class Purpose(StrEnum):
    """What a link is for, and for nothing else."""

    ACTIVATE = "activate"
    RESET = "reset"
    UNLOCK = "unlock"


links = Table(
    "links",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("purpose", Choice(Purpose, 16), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("superseded_at", UtcDateTime),
)
