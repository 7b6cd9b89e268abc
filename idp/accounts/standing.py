"""Gather what the journey wants to know of the browser in front of us."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from idp.accounts import browser_session
from idp.db import Connection, consent, second_factor
from idp.db.authorization_request import AuthorizationRequest
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor, factors_of
from idp.policy.authentication import Authentication
from idp.policy.consent import ALWAYS_ASKED
from idp.policy.journey import Assurance, Standing


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what: the client's side of the facts. `sub_of` is the subject the client would see."""

    client_id: str
    first_party: bool
    scope: frozenset[str]
    assurance: Assurance
    sub_of: Callable[[Authentication], str]


def gather(
    connection: Connection,
    asking: Asking,
    session_secret: str | None,
    parked: AuthorizationRequest | None,
    now: datetime,
) -> tuple[Standing, BrowserSession | None]:
    """The standing, and the live session it rests on.

    One query for single sign-on to a first-party client that has the assurance it asks for.
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
            second_factor_due=False,
            password_due=False,
            proved=factors_of(session.factors),
            enrolled=_enrolled(connection, asking, session),
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
    """Somebody may have signed in here all the same, and not be done with it."""
    nobody = _nobody(asking)
    if parked is None or parked.signed_in_sid is None:
        return nobody
    half = browser_session.find_half(connection, session_secret, now)
    begun = half or browser_session.find_due(connection, session_secret, now)
    if begun is None or begun.sid != parked.signed_in_sid:
        return nobody
    sub = asking.sub_of(browser_session.authentication(begun))
    here = replace(nobody, sub=sub, signed_in_here=True, proved=factors_of(begun.factors))
    if half is None:
        return replace(here, password_due=True)
    return replace(
        here, second_factor_due=True, enrolled=second_factor.of_account(connection, half.account_id)
    )


def _enrolled(connection: Connection, asking: Asking, session: BrowserSession) -> frozenset[Factor]:
    """What the account could prove: asked for only where something is missing."""
    if asking.assurance.is_given(session.acr):
        return frozenset()
    return second_factor.of_account(connection, session.account_id)


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
        second_factor_due=False,
        password_due=False,
        proved=(),
        enrolled=frozenset(),
        selected_here=False,
        consented_here=False,
    )
