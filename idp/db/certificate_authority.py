"""Certificate authorities whose smartcards are believed, and where their revocation lists are."""

from sqlalchemy import Column, LargeBinary, Table, Text

from idp.db.base import metadata
from idp.db.types import Digest, Identifier, UtcDateTime

certificate_authorities = Table(
    "certificate_authorities",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("fingerprint", Digest(), nullable=False, unique=True),
    Column("crl_url", Text),
    Column("ocsp_url", Text),
    Column("added_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)
