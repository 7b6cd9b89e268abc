"""Mail that waits to be sent: stored in the transaction of its cause, its content encrypted until then.

`person_id` and `reference` say whose it is and which page promised it. No foreign key: what was sent stays
true after a person is removed.
"""

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text

from idp.db.base import metadata
from idp.db.types import Identifier, UtcDateTime

outbox = Table(
    "outbox",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("next_attempt_at", UtcDateTime, index=True),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("person_id", Identifier(), index=True),
    Column("reference", String(16), index=True),
    Column("last_error", Text),
)
