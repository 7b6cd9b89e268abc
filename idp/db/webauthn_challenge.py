"""Challenges of WebAuthn ceremonies: made for one browser and one ceremony, used once (WebAuthn §13.4.3)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Column, Table, bindparam, insert, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect
from idp.db.types import Choice, Digest, Identifier, UtcDateTime


class Ceremony(StrEnum):
    """What a challenge is for, and for nothing else."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    STEP_UP = "step_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A challenge. `binding` is the digest of the browser's secret; whose it is may not be known."""

    digest: bytes
    ceremony: Ceremony
    account_id: UUID | None
    binding: bytes
    created_at: datetime
    expires_at: datetime


webauthn_challenges = Table(
    "webauthn_challenges",
    metadata,
    Column("digest", Digest(), primary_key=True),
    Column("ceremony", Choice(Ceremony, 16), nullable=False),
    # No foreign key: a challenge may be made for nobody.
    Column("account_id", Identifier()),
    Column("binding", Digest(), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

_ADD = Effect(insert(webauthn_challenges))
_USE = Effect(
    update(webauthn_challenges)
    .where(webauthn_challenges.c.digest == bindparam("challenge"))
    .where(webauthn_challenges.c.ceremony == bindparam("which"))
    .where(webauthn_challenges.c.account_id.is_not_distinct_from(bindparam("account")))
    .where(webauthn_challenges.c.binding == bindparam("browser"))
    .where(webauthn_challenges.c.used_at.is_(None))
    .where(webauthn_challenges.c.expires_at > bindparam("now"))
    .values(used_at=bindparam("now"))
)


def add(connection: Connection, challenge: Challenge) -> None:
    """Store a challenge."""
    _ADD.run(
        connection,
        digest=challenge.digest,
        ceremony=challenge.ceremony,
        account_id=challenge.account_id,
        binding=challenge.binding,
        created_at=challenge.created_at,
        expires_at=challenge.expires_at,
        used_at=None,
    )


def use(
    connection: Connection,
    digest: bytes,
    ceremony: Ceremony,
    account_id: UUID | None,
    binding: bytes,
    now: datetime,
) -> bool:
    """Use it up: the one statement that decides who was first.

    False unless it is live and was made for this ceremony, this account and this browser.
    """
    touched = _USE.run(
        connection, challenge=digest, which=ceremony, account=account_id, browser=binding, now=now
    )
    return touched == 1
