"""What an account's owner may see of the audit log: the newest events, with the browser they came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from idp.db.audit import audit
from idp.db.browser_session import browser_sessions
from idp.db.engine import Connection
from idp.db.statement import Statement
from idp.policy.activity import DISOWNED, EVENTS


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `user_agent` is that of its session, while there is a row of it."""

    seq: int
    at: datetime
    event: str
    outcome: str
    client_id: str | None
    sid: UUID | None
    address: str | None
    detail: Mapping[str, Any] | None
    user_agent: str | None


_SHOWN = (
    select(
        audit.c.seq,
        audit.c.at,
        audit.c.event,
        audit.c.outcome,
        audit.c.client_id,
        audit.c.sid,
        audit.c.address,
        audit.c.detail,
        browser_sessions.c.user_agent,
    )
    .outerjoin(browser_sessions, browser_sessions.c.sid == audit.c.sid)
    .where(audit.c.account_id == bindparam("account"))
    .where(audit.c.at > bindparam("since"))
    .where(or_(*(audit.c.event == name for name in EVENTS)))
)
_OF_ACCOUNT = Statement(_SHOWN.order_by(audit.c.seq.desc()).limit(bindparam("most")), Event)
_FIND = Statement(_SHOWN.where(audit.c.seq == bindparam("number")), Event)
_DISOWNED: Statement[Mapping[str, Any] | None] = Statement(
    select(audit.c.detail)
    .where(audit.c.account_id == bindparam("account"))
    .where(audit.c.at > bindparam("since"))
    .where(audit.c.event == DISOWNED),
    lambda detail: detail,
)


def of_account(connection: Connection, account_id: UUID, since: datetime, limit: int) -> list[Event]:
    """What happened to an account after `since` that its owner is shown, newest first."""
    return _OF_ACCOUNT.all(connection, account=account_id, since=since, most=limit)


def find(connection: Connection, account_id: UUID, seq: int, since: datetime) -> Event | None:
    """The event with that number, if it is one of those."""
    return _FIND.first(connection, account=account_id, number=seq, since=since)


def disowned(connection: Connection, account_id: UUID, since: datetime) -> frozenset[int]:
    """The numbers of the events that the owner has said were somebody else's."""
    details = _DISOWNED.all(connection, account=account_id, since=since)
    return frozenset(int(detail["seq"]) for detail in details if detail is not None)
