"""The audit log: one row for each effect, written in the transaction of that effect."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, bindparam, insert, select

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, Json, UtcDateTime
from idp.policy.event_name import EventName


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what, when, from where, through which client, with which outcome.

    `event` is an `EventName`, or in a row of another release a name that this one does not have.
    """

    at: datetime
    event: str
    outcome: str = "success"
    account_id: UUID | None = None
    client_id: str | None = None
    sid: UUID | None = None
    grant_id: UUID | None = None
    address: str | None = None
    reference: str | None = None
    detail: Mapping[str, Any] | None = None


audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(48), nullable=False),
    Column("outcome", String(32), nullable=False),
    # No foreign keys: what happened stays true after an account or a client is removed.
    Column("account_id", Identifier()),
    Column("client_id", Text),
    Column("sid", Identifier()),
    Column("grant_id", Identifier()),
    Column("address", Text),
    Column("reference", String(16)),
    Column("detail", Json),
)
Index(
    "ix_audit_account_id",
    audit.c.account_id,
    audit.c.at,
    sqlite_where=audit.c.account_id.is_not(None),
    postgresql_where=audit.c.account_id.is_not(None),
)
Index(
    "ix_audit_reference",
    audit.c.reference,
    sqlite_where=audit.c.reference.is_not(None),
    postgresql_where=audit.c.reference.is_not(None),
)

_COLUMNS = tuple(column for column in audit.c if column.name != "seq")
_RECORD = Effect(insert(audit), columns=[column.name for column in _COLUMNS])


def _event(*values: Any) -> AuditEvent:  # noqa: ANN401 - the columns in order
    return AuditEvent(**dict(zip((column.name for column in _COLUMNS), values, strict=True)))


_BY_REFERENCE = Statement(
    select(*_COLUMNS).where(audit.c.reference == bindparam("ref")).order_by(audit.c.seq), _event
)
_OF_ACCOUNT = Statement(
    select(*_COLUMNS)
    .where(audit.c.account_id == bindparam("account"))
    .order_by(audit.c.seq.desc())
    .limit(bindparam("count")),
    _event,
)
_LATEST = Statement(select(*_COLUMNS).order_by(audit.c.seq.desc()).limit(bindparam("count")), _event)
_LAST_OF_ACCOUNT = Statement(
    select(*_COLUMNS)
    .where(audit.c.account_id == bindparam("account"))
    .where(audit.c.event == bindparam("which"))
    .order_by(audit.c.seq.desc())
    .limit(1),
    _event,
)


def record(connection: Connection, event: AuditEvent) -> None:
    """Write down what this transaction does. ValueError for an event that is not in the list."""
    _RECORD.run(
        connection,
        at=event.at,
        event=EventName(event.event).value,
        outcome=event.outcome,
        account_id=event.account_id,
        client_id=event.client_id,
        sid=event.sid,
        grant_id=event.grant_id,
        address=event.address,
        reference=event.reference,
        detail=event.detail,
    )


def by_reference(connection: Connection, reference: str) -> list[AuditEvent]:
    """What happened under a reference, in order."""
    return _BY_REFERENCE.all(connection, ref=reference)


def of_account(connection: Connection, account_id: UUID, limit: int) -> list[AuditEvent]:
    """What happened to an account, newest first."""
    return _OF_ACCOUNT.all(connection, account=account_id, count=limit)


def last_of_account(connection: Connection, account_id: UUID, event: str) -> AuditEvent | None:
    """The latest event of that name at an account."""
    return _LAST_OF_ACCOUNT.first(connection, account=account_id, which=EventName(event).value)


def latest(connection: Connection, limit: int) -> list[AuditEvent]:
    """What happened last, newest first."""
    return _LATEST.all(connection, count=limit)
