"""Consent: remember what a person allows a client."""

from datetime import datetime

from idp.db import Connection, audit, authorization_request
from idp.db import consent as rows
from idp.db.audit import AuditEvent
from idp.db.authorization_request import AuthorizationRequest
from idp.db.browser_session import BrowserSession


def grant(
    connection: Connection,
    session: BrowserSession,
    parked: AuthorizationRequest,
    scope: frozenset[str],
    *,
    address: str | None,
    now: datetime,
) -> None:
    """The person allows this request's scope, beside what was allowed before; nothing if it was answered."""
    if not authorization_request.consented(connection, parked.digest, session.sid):
        return
    before = rows.find(connection, session.account_id, parked.client_id)
    rows.grant(connection, session.account_id, parked.client_id, before | scope, now)
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event="consent.granted",
            account_id=session.account_id,
            client_id=parked.client_id,
            sid=session.sid,
            address=address,
            detail={"scope": sorted(scope)},
        ),
    )
