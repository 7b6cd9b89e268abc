"""Signing keys: public parts, encrypted private parts, and the stage each key is in.

One key an algorithm is active, which a partial unique index keeps true with many nodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, String, Table, bindparam, insert, select, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Choice, Json, UtcDateTime


class KeyStage(StrEnum):
    """Published before use, used, published after use, gone."""

    ANNOUNCED = "announced"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key. `sealed` is the private JWK, encrypted with the key id as associated data."""

    kid: str
    alg: str
    stage: KeyStage
    public_jwk: Mapping[str, Any]
    sealed: bytes | None
    created_at: datetime
    active_at: datetime | None
    retiring_at: datetime | None
    retired_at: datetime | None


signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("alg", String(16), nullable=False),
    Column("stage", Choice(KeyStage), nullable=False),
    Column("public_jwk", Json, nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("active_at", UtcDateTime),
    Column("retiring_at", UtcDateTime),
    Column("retired_at", UtcDateTime),
)
for _stage in (KeyStage.ANNOUNCED, KeyStage.ACTIVE):
    Index(
        f"uq_signing_keys_{_stage}",
        signing_keys.c.alg,
        unique=True,
        sqlite_where=signing_keys.c.stage == _stage,
        postgresql_where=signing_keys.c.stage == _stage,
    )

_ADD = Effect(insert(signing_keys))
_ALL = Statement(select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid), SigningKey)
_IN_USE = Statement(
    select(signing_keys)
    .where(signing_keys.c.stage != KeyStage.RETIRED)
    .order_by(signing_keys.c.created_at, signing_keys.c.kid),
    SigningKey,
)
_MOVE = Effect(
    update(signing_keys)
    .where(signing_keys.c.kid == bindparam("id"))
    .where(signing_keys.c.stage == bindparam("before"))
    .values(
        stage=bindparam("after"),
        active_at=bindparam("active"),
        retiring_at=bindparam("retiring"),
        retired_at=bindparam("retired"),
        sealed=bindparam("private"),
    )
)


def add(connection: Connection, key: SigningKey) -> None:
    """Store a key. Raises `Conflict` when the algorithm has one in that stage."""
    _ADD.run(
        connection,
        kid=key.kid,
        alg=key.alg,
        stage=key.stage,
        public_jwk=key.public_jwk,
        sealed=key.sealed,
        created_at=key.created_at,
        active_at=key.active_at,
        retiring_at=key.retiring_at,
        retired_at=key.retired_at,
    )


def every(connection: Connection) -> list[SigningKey]:
    """All keys, oldest first."""
    return _ALL.all(connection)


def in_use(connection: Connection) -> list[SigningKey]:
    """Keys that are announced, active or retiring, oldest first."""
    return _IN_USE.all(connection)


def move(connection: Connection, key: SigningKey, after: KeyStage, now: datetime) -> bool:
    """Move a key to its next stage, unless another node has; a retired key loses its private part."""
    return (
        _MOVE.run(
            connection,
            id=key.kid,
            before=key.stage,
            after=after,
            active=now if after is KeyStage.ACTIVE else key.active_at,
            retiring=now if after is KeyStage.RETIRING else key.retiring_at,
            retired=now if after is KeyStage.RETIRED else None,
            private=None if after is KeyStage.RETIRED else key.sealed,
        )
        == 1
    )
