"""Consents: what a person has allowed a third-party client, remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.db.account import accounts
from idp.db.base import CLUSTERED, metadata
from idp.db.client import clients
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import UtcDateTime, Words


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person has allowed a client, whose registered metadata come with it."""

    client_id: str
    scope: tuple[str, ...]
    granted_at: datetime
    metadata: Mapping[str, Any]


consents = Table(
    "consents",
    metadata,
    Column("account_id", ForeignKey(accounts.c.id), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), primary_key=True),
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

_HOLD: Statement[frozenset[str]] = Statement(
    select(consents.c.scope)
    .where(consents.c.account_id == bindparam("account"))
    .where(consents.c.client_id == bindparam("client"))
    # FOR KEY SHARE on PostgreSQL; on SQLite nobody else writes meanwhile.
    .with_for_update(read=True, key_share=True),
    frozenset,
)
_OF_ACCOUNT = Statement(
    select(consents.c.client_id, consents.c.scope, consents.c.granted_at, clients.c.metadata)
    .join(clients, consents.c.client_id == clients.c.client_id)
    .where(consents.c.account_id == bindparam("account"))
    .order_by(consents.c.granted_at.desc(), consents.c.client_id),
    Consent,
)
_WITHDRAW: Statement[frozenset[str]] = Statement(
    delete(consents)
    .where(consents.c.account_id == bindparam("account"))
    .where(consents.c.client_id == bindparam("client"))
    .returning(consents.c.scope),
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


def hold(connection: Connection, account_id: UUID, client_id: str) -> frozenset[str]:
    """The scope allowed so far, which nobody withdraws until the transaction ends; empty when none was."""
    return _HOLD.first(connection, account=account_id, client=client_id) or frozenset()


def of_account(connection: Connection, account_id: UUID) -> list[Consent]:
    """What an account has allowed, the latest first."""
    return _OF_ACCOUNT.all(connection, account=account_id)


def withdraw(connection: Connection, account_id: UUID, client_id: str) -> frozenset[str] | None:
    """Allow a client nothing any more; the scope it was allowed, or None when it was allowed nothing."""
    return _WITHDRAW.first(connection, account=account_id, client=client_id)
