"""Consent: remember what a person allows a client, and forget it when they withdraw it."""

from datetime import datetime

from idp.db import Connection, audit, authorization_code, authorization_request
from idp.db import consent as rows
from idp.db import grant as grants
from idp.db.audit import AuditEvent
from idp.db.authorization_request import AuthorizationRequest
from idp.db.browser_session import BrowserSession
from idp.policy.event_name import EventName


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
            event=EventName.CONSENT_GRANTED,
            account_id=session.account_id,
            client_id=parked.client_id,
            sid=session.sid,
            address=address,
            detail={"scope": sorted(scope)},
        ),
    )


def withdraw(
    connection: Connection, session: BrowserSession, client_id: str, *, address: str | None, now: datetime
) -> bool:
    """Allow a client nothing any more, and end what it has. False when it was allowed nothing.

    A code that is on its way to the client opens nothing either, and one that is issued to a request which
    was looked at before finds no consent when it is redeemed.
    """
    scope = rows.withdraw(connection, session.account_id, client_id)
    if scope is None:
        return False
    # Who redeems a code at this moment either has made a grant before this, or waits and finds no consent.
    authorization_code.remove_unredeemed(connection, session.account_id, client_id)
    ended = grants.revoke_of_account_at_client(connection, session.account_id, client_id, now)
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=EventName.CONSENT_WITHDRAWN,
            account_id=session.account_id,
            client_id=client_id,
            sid=session.sid,
            address=address,
            detail={"scope": sorted(scope), "grants": ended},
        ),
    )
    return True
