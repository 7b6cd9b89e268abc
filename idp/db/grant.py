"""Grants: what one client was given in one sign-in. Every token of that sign-in hangs on its grant.

Revoking the grant ends the refresh token family and every access token that is checked with us.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    and_,
    bindparam,
    column,
    exists,
    insert,
    literal,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from idp.db.account import PROFILE_COLUMNS, AccountState, Profile, accounts
from idp.db.base import CLUSTERED, metadata
from idp.db.client import clients
from idp.db.employer import employers
from idp.db.engine import Connection
from idp.db.person import people
from idp.db.refresh_token import refresh_tokens
from idp.db.revoked_access_token import revoked_access_tokens
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime, Words


@dataclass(frozen=True, slots=True)
class Grant:
    """One client's leave to act for one account, with the authentication it rests on."""

    id: UUID
    client_id: str
    account_id: UUID
    sid: UUID
    scope: tuple[str, ...]
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    offline: bool
    created_at: datetime
    nhsid_useruid: str | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """Whom a token speaks of, and by which card they signed in, if it was by one that has a number."""

    profile: Profile
    nhsid_useruid: str | None


grants = Table(
    "grants",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("account_id", ForeignKey(accounts.c.id), nullable=False),
    Column("sid", Identifier(), nullable=False),
    Column("scope", Words, nullable=False),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("acr", Text, nullable=False),
    Column("amr", Words, nullable=False),
    Column("offline", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("nhsid_useruid", Text),
    **CLUSTERED,
)
# Every write pays for every index: a session's grants are found through its account, a client's by looking.
Index("ix_grants_account_id_sid", grants.c.account_id, grants.c.sid)
Index("ix_grants_created_at", grants.c.created_at)

_GRANT_COLUMNS = tuple(column for column in grants.c if column.name != "revoked_at")


def _account_is_live(account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return exists().where(
        accounts.c.id == account_id,
        accounts.c.state == AccountState.ACTIVE,
        or_(accounts.c.ends_on.is_(None), accounts.c.ends_on >= bindparam("today")),
    )


def _client_is_live(client_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(clients.c.client_id == client_id, clients.c.disabled_at.is_(None))


# Named, not imported: sessions import grants, to revoke them when they end.
_sessions = table("browser_sessions", column("sid", Identifier()), column("ended_at", UtcDateTime))


def _value(of: Column[Any]) -> ColumnElement[Any]:
    return bindparam(f"v_{of.name}", type_=of.type).label(of.name)


_ADD_IF_LIVE = Statement(
    insert(grants)
    .from_select(
        [of.name for of in _GRANT_COLUMNS],
        select(*(_value(of) for of in _GRANT_COLUMNS))
        .select_from(_sessions)
        .where(
            _sessions.c.sid == bindparam("v_sid", type_=Identifier()),
            _sessions.c.ended_at.is_(None),
            _account_is_live(bindparam("v_account_id", type_=Identifier())),
            _client_is_live(bindparam("v_client_id")),
        )
        # Whoever ends the session now waits, and then finds this grant among those to revoke.
        .with_for_update(read=True, of=_sessions),
    )
    .returning(grants.c.id),
    lambda grant_id: grant_id,
)
_FIND_LIVE = Statement(
    select(*_GRANT_COLUMNS)
    .where(grants.c.id == bindparam("grant"))
    .where(grants.c.revoked_at.is_(None))
    .where(_account_is_live(grants.c.account_id))
    .where(_client_is_live(grants.c.client_id)),
    Grant,
)
_TOKEN_IS_LIVE = and_(
    grants.c.id == bindparam("grant"),
    grants.c.revoked_at.is_(None),
    _client_is_live(grants.c.client_id),
    ~exists().where(revoked_access_tokens.c.jti == bindparam("jti")),
    accounts.c.state == AccountState.ACTIVE,
    or_(accounts.c.ends_on.is_(None), accounts.c.ends_on >= bindparam("today")),
)
_SPOKEN_OF = Statement(
    select(grants.c.nhsid_useruid, *PROFILE_COLUMNS)
    .join_from(grants, accounts, grants.c.account_id == accounts.c.id)
    .join(people, accounts.c.person_id == people.c.id)
    .join(employers, accounts.c.employer_code == employers.c.code)
    .where(_TOKEN_IS_LIVE),
    lambda nhsid_useruid, *profile: Spoken(Profile(*profile), nhsid_useruid),
)
_TOKEN_OF_GRANT_IS_LIVE = Statement(
    select(literal(1))
    .select_from(grants)
    .join(accounts, grants.c.account_id == accounts.c.id)
    .where(_TOKEN_IS_LIVE),
    bool,
)
_CLIENT_TOKEN_IS_LIVE = Statement(
    select(literal(1))
    .select_from(clients)
    .where(clients.c.client_id == bindparam("client"))
    .where(clients.c.disabled_at.is_(None))
    .where(~exists().where(revoked_access_tokens.c.jti == bindparam("jti"))),
    bool,
)
_REVOKE = Effect(
    update(grants)
    .where(grants.c.id == bindparam("grant"))
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE_OF_REFRESH_TOKEN = Statement(
    update(grants)
    .where(
        grants.c.id
        == select(refresh_tokens.c.grant_id)
        .where(refresh_tokens.c.digest == bindparam("token"))
        .where(refresh_tokens.c.client_id == bindparam("client"))
        .scalar_subquery()
    )
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
    .returning(grants.c.id),
    lambda grant_id: grant_id,
)
_REVOKE_OF_CLIENT = Effect(
    update(grants)
    .where(grants.c.client_id == bindparam("client"))
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE_AT_CLIENT = Effect(
    update(grants)
    .where(grants.c.account_id == bindparam("account"))
    .where(grants.c.client_id == bindparam("client"))
    .where(grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)


def add_if_live(connection: Connection, grant: Grant, now: datetime) -> bool:
    """Store the grant unless the account, the client or the session has ended by now. One statement."""
    return (
        _ADD_IF_LIVE.first(
            connection,
            v_id=grant.id,
            v_client_id=grant.client_id,
            v_account_id=grant.account_id,
            v_sid=grant.sid,
            v_scope=grant.scope,
            v_auth_time=grant.auth_time,
            v_acr=grant.acr,
            v_amr=grant.amr,
            v_offline=grant.offline,
            v_created_at=grant.created_at,
            v_nhsid_useruid=grant.nhsid_useruid,
            today=now.date(),
        )
        is not None
    )


def find_live(connection: Connection, grant_id: UUID, now: datetime) -> Grant | None:
    """The grant, unless it was revoked or its account or client has ended."""
    return _FIND_LIVE.first(connection, grant=grant_id, today=now.date())


def spoken_of(connection: Connection, grant_id: UUID, jti: str, now: datetime) -> Spoken | None:
    """Whom a live access token speaks of."""
    return _SPOKEN_OF.first(connection, grant=grant_id, jti=jti, today=now.date())


def token_is_live(connection: Connection, grant_id: UUID, jti: str, now: datetime) -> bool:
    """Whether an access token of a grant still stands."""
    return _TOKEN_OF_GRANT_IS_LIVE.first(connection, grant=grant_id, jti=jti, today=now.date()) is True


def client_token_is_live(connection: Connection, client_id: str, jti: str) -> bool:
    """Whether an access token that a client got for itself still stands."""
    return _CLIENT_TOKEN_IS_LIVE.first(connection, client=client_id, jti=jti) is True


def revoke(connection: Connection, grant_id: UUID, now: datetime) -> bool:
    """End the grant and every token that hangs on it. False when it had ended before."""
    return _REVOKE.run(connection, grant=grant_id, now=now) == 1


def revoke_of_refresh_token(
    connection: Connection, digest: bytes, client_id: str, now: datetime
) -> UUID | None:
    """End the grant that a refresh token of this client hangs on, used or not; which, if it was live."""
    grant_id: UUID | None = _REVOKE_OF_REFRESH_TOKEN.first(
        connection, token=digest, client=client_id, now=now
    )
    return grant_id


def revoke_of_client(connection: Connection, client_id: str, now: datetime) -> int:
    """End every grant of a client; how many."""
    return _REVOKE_OF_CLIENT.run(connection, client=client_id, now=now)


def revoke_of_account_at_client(
    connection: Connection, account_id: UUID, client_id: str, now: datetime
) -> int:
    """End every grant of an account that a client has; how many."""
    return _REVOKE_AT_CLIENT.run(connection, account=account_id, client=client_id, now=now)
