"""Proofs that a card was there: carried once from the smartcard origin to the issuer, by one browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, bindparam, insert, update

from idp.db.account import accounts
from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Json, UtcDateTime


@dataclass(frozen=True, slots=True)
class SmartcardProof:
    """A proof, used or not. `binding` says which browser may use it."""

    digest: bytes
    binding: bytes
    account_id: UUID
    detail: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


smartcard_proofs = Table(
    "smartcard_proofs",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("binding", Digest(), nullable=False),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False),
    Column("detail", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

_ADD = Effect(insert(smartcard_proofs))
_REDEEM = Statement(
    update(smartcard_proofs)
    .where(smartcard_proofs.c.digest == bindparam("token"))
    .where(smartcard_proofs.c.binding == bindparam("browser"))
    .where(smartcard_proofs.c.used_at.is_(None))
    .where(smartcard_proofs.c.expires_at > bindparam("now"))
    .values(used_at=bindparam("now"))
    .returning(smartcard_proofs),
    SmartcardProof,
)


def add(connection: Connection, proof: SmartcardProof) -> None:
    """Store a proof."""
    _ADD.run(
        connection,
        digest=proof.digest,
        binding=proof.binding,
        account_id=proof.account_id,
        detail=proof.detail,
        created_at=proof.created_at,
        expires_at=proof.expires_at,
        used_at=proof.used_at,
    )


def redeem(connection: Connection, digest: bytes, binding: bytes, now: datetime) -> SmartcardProof | None:
    """Use a proof: the one statement that decides who was first. None unless it lives, for this browser."""
    return _REDEEM.first(connection, token=digest, browser=binding, now=now)
