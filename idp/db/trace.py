"""Traces: what `idp explain` tells of a refused or failed request. Bounded, and gone after a week."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, String, Table, Text, bindparam, insert, select

from idp.db.base import CLUSTERED, metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Json, UtcDateTime


@dataclass(frozen=True, slots=True)
class Trace:
    """One refusal. `detail` never holds a secret: the writer picks what goes in."""

    reference: str
    at: datetime
    request: str
    problem: str
    client_id: str | None
    detail: Mapping[str, Any]


traces = Table(
    "traces",
    metadata,
    Column("reference", String(16), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("request", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("client_id", Text),
    Column("detail", Json, nullable=False),
    **CLUSTERED,
)

_ADD = Effect(insert(traces))
_FIND = Statement(select(traces).where(traces.c.reference == bindparam("ref")), Trace)


def add(connection: Connection, trace: Trace) -> None:
    """Store a trace."""
    _ADD.run(
        connection,
        reference=trace.reference,
        at=trace.at,
        request=trace.request,
        problem=trace.problem,
        client_id=trace.client_id,
        detail=trace.detail,
    )


def find(connection: Connection, reference: str) -> Trace | None:
    """The trace under a reference."""
    return _FIND.first(connection, ref=reference)
