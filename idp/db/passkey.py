"""Passkeys: the public key of each credential, and what its authenticator said of itself (WebAuthn §6.1)."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, Table, Text

from idp.db.base import metadata
from idp.db.types import Identifier, UtcDateTime, Words

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("aaguid", Identifier()),
    Column("transports", Words, nullable=False),
    Column("is_backup_eligible", Boolean, nullable=False),
    Column("is_backed_up", Boolean, nullable=False),
    Column("is_attested", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)
