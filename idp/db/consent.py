"""Consents: what a person has allowed a third-party client, remembered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import UtcDateTime, Words

consents = Table(
    "consents",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), primary_key=True),
    Column("scope", Words, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    **CLUSTERED,
)

_COLUMNS = [column.name for column in consents.c]


def _upsert(insert: sqlite.Insert | postgresql.Insert) -> Effect:
    return Effect(
        insert.on_conflict_do_update(
            index_elements=[consents.c.account_id, consents.c.client_id],
            set_={"scope": insert.excluded.scope, "granted_at": insert.excluded.granted_at},
        ),
        columns=_COLUMNS,
    )


_GRANT = {"sqlite": _upsert(sqlite.insert(consents)), "postgresql": _upsert(postgresql.insert(consents))}
_FIND: Statement[frozenset[str]] = Statement(
    select(consents.c.scope)
    .where(consents.c.account_id == bindparam("account"))
    .where(consents.c.client_id == bindparam("client")),
    frozenset,
)


def grant(
    connection: Connection, account_id: UUID, client_id: str, scope: frozenset[str], now: datetime
) -> None:
    """Remember that this scope was allowed, in place of what was allowed before."""
    _GRANT[connection.dialect.name].run(
        connection, account_id=account_id, client_id=client_id, scope=scope, granted_at=now
    )


def find(connection: Connection, account_id: UUID, client_id: str) -> frozenset[str]:
    """The scope allowed so far; empty when none was."""
    return _FIND.first(connection, account=account_id, client=client_id) or frozenset()
