"""Requests for login details that matched nobody, encrypted, until administrators have been told."""

from sqlalchemy import Column, LargeBinary, Table

from idp.db.base import metadata
from idp.db.types import Identifier, UtcDateTime

recovery_misses = Table(
    "recovery_misses",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("reported_at", UtcDateTime),
)
