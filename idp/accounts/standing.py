"""Gather what the journey wants to know of the browser in front of us."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from idp.accounts import browser_session
from idp.db import Connection, consent
from idp.db.authorization_request import AuthorizationRequest
from idp.db.browser_session import BrowserSession
from idp.policy.authentication import Authentication
from idp.policy.consent import ALWAYS_ASKED
from idp.policy.journey import Standing


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what: the client's side of the facts. `sub_of` is the subject the client would see."""

    client_id: str
    first_party: bool
    scope: frozenset[str]
    sub_of: Callable[[Authentication], str]


def gather(
    connection: Connection,
    asking: Asking,
    session_secret: str | None,
    parked: AuthorizationRequest | None,
    now: datetime,
) -> tuple[Standing, BrowserSession | None]:
    """The standing, and the live session it rests on.

    One query for single sign-on to a first-party client.
    """
    session = browser_session.find(connection, session_secret, now)
    if session is None:
        return _without_session(connection, asking, session_secret, parked, now), None
    authentication = browser_session.authentication(session)
    return (
        Standing(
            authentication=authentication,
            sub=asking.sub_of(authentication),
            first_party=asking.first_party,
            consented=_consented(connection, asking, session),
            signed_in_here=parked is not None and parked.signed_in_sid == session.sid,
            password_due=False,
            selected_here=parked is not None and parked.selected_sid == session.sid,
            consented_here=parked is not None and parked.consented_sid == session.sid,
        ),
        session,
    )


def _without_session(
    connection: Connection,
    asking: Asking,
    session_secret: str | None,
    parked: AuthorizationRequest | None,
    now: datetime,
) -> Standing:
    nobody = _nobody(asking)
    if parked is None or parked.signed_in_sid is None:
        return nobody
    due = browser_session.find_due(connection, session_secret, now)
    if due is None or due.sid != parked.signed_in_sid:
        return nobody
    sub = asking.sub_of(browser_session.authentication(due))
    return replace(nobody, sub=sub, signed_in_here=True, password_due=True)


def _consented(connection: Connection, asking: Asking, session: BrowserSession) -> frozenset[str]:
    if asking.first_party and not asking.scope & ALWAYS_ASKED:
        return frozenset()
    return consent.find(connection, session.account_id, asking.client_id)


def _nobody(asking: Asking) -> Standing:
    return Standing(
        authentication=None,
        sub=None,
        first_party=asking.first_party,
        consented=frozenset(),
        signed_in_here=False,
        password_due=False,
        selected_here=False,
        consented_here=False,
    )
