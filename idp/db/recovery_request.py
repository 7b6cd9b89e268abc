"""Requests for login details: what a person typed, encrypted, until a worker has looked whose it is.

A page stores one of these and nothing else, so that a stranger's request and a member's cost the same. The
browser's handle finds its row again by digest, to send the mail once more.
"""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from idp.db.base import metadata
from idp.db.types import Choice, Digest, UtcDateTime
from idp.policy.recovery import Kind

recovery_requests = Table(
    "recovery_requests",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("kind", Choice(Kind), nullable=False),
    Column("reference", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("next_attempt_at", UtcDateTime, index=True),
    Column("attempts", Integer, nullable=False),
)
