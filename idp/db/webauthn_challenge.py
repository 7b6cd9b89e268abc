"""Challenges of WebAuthn ceremonies: made for one browser and one ceremony, used once (WebAuthn §13.4.3)."""

from sqlalchemy import Column, String, Table

from idp.db.base import metadata
from idp.db.types import Digest, Identifier, UtcDateTime

webauthn_challenges = Table(
    "webauthn_challenges",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("ceremony", String(16), nullable=False),
    # No foreign key: a challenge may be made for nobody.
    Column("account_id", Identifier()),
    Column("binding", Digest(), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)
