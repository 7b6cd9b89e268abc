"""What the pages of second factors share: whose session it is, half or live, and what stands in its way.

A half session opens these pages and no others. Each goes on for a waiting request when the address names one,
else to a page of ours.
"""

from dataclasses import dataclass

from flask import Response

from idp.accounts import browser_session
from idp.accounts.factor_news import ACCOUNT_PAGE
from idp.accounts.permission import Withheld
from idp.db import account
from idp.db.account import Profile
from idp.db.browser_session import BrowserSession
from idp.policy.enrolment import Permission
from idp.web import browser, onwards, parked, visitor
from idp.web.exchange import Exchange
from idp.web.parked import Parked

PROVE = "/mfa"
ENROL = "/mfa/enrol"
RECOVERY_CODES = "/mfa/recovery-codes"
LINK = "link"


@dataclass(frozen=True, slots=True)
class Person:
    """Whose page it is, by a session that `is_half` or live, and for what they came."""

    session: BrowserSession
    is_half: bool
    profile: Profile
    waiting: Parked | None
    query: str

    def action(self, path: str) -> str:
        """The address of a page of these that goes on for the same."""
        return f"{path}{self.query}"


def find(exchange: Exchange) -> Person | None:
    """The person of this browser's session; None when it is neither half nor live."""
    waiting = _waiting(exchange)
    secret = exchange.cookie(browser.SESSION)
    with exchange.provider.database.read() as connection:
        live = browser_session.find(connection, secret, exchange.now)
        session = live or browser_session.find_half(connection, secret, exchange.now)
        profile = None if session is None else account.find_profile(connection, session.account_id)
    if session is None or profile is None:
        return None
    query = onwards.asked(exchange).query if waiting is None else parked.action(waiting, "")
    return Person(session, live is None, profile, waiting, query)


def submitted(exchange: Exchange, person: Person) -> None:
    """Make sure that a posted form is this person's, from our own page. Raises `Forged`."""
    if person.waiting is None:
        visitor.submitted(exchange, person.session)
    else:
        parked.submitted(exchange, person.session)


def log_in(exchange: Exchange, page: str | None = None) -> Response:
    """Go where one logs in first, and comes back to the waiting request or to the `page` of this name.

    Who has to change the password does that before: logging in again would only lead back here.
    """
    waiting = _waiting(exchange)
    if waiting is not None:
        return exchange.to(parked.action(waiting, parked.LOGIN))
    with exchange.provider.database.read() as connection:
        due = browser_session.find_due(connection, exchange.cookie(browser.SESSION), exchange.now)
    if due is not None:
        return exchange.to(onwards.CHANGE_PASSWORD)
    query = onwards.asked(exchange).query if page is None else f"?{onwards.NEXT}={page}"
    return exchange.to(f"{parked.LOGIN}{query}")


def instead(exchange: Exchange, person: Person, withheld: Withheld, page: str) -> Response:
    """Go where what is missing is done; `page` is the name under which one comes back from there."""
    query = person.query if person.waiting is not None else f"?{onwards.NEXT}={page}"
    if withheld.why is Permission.PROVE:
        return exchange.to(f"{PROVE}{query}")
    if withheld.why is not Permission.LOG_IN:
        return exchange.to(person.action(ENROL))
    return exchange.to(f"{parked.LOGIN}{query}")


def show(exchange: Exchange, person: Person, template: str, path: str, **values: object) -> Response:
    """A page with a form of this person's, at this path."""
    waiting, session = person.waiting, person.session
    page = exchange.page(
        template,
        form_action=() if waiting is None else waiting.form_action,
        ui_locales=None if waiting is None else waiting.request.ui_locales,
        service_desk=person.profile.service_desk,
        action=person.action(path),
        csrf_token=(
            visitor.csrf_token(exchange, session)
            if waiting is None
            else parked.csrf_token(exchange, waiting, session)
        ),
        name=person.profile.name,
        username=person.profile.username,
        **values,  # type: ignore[arg-type]  # status and reference among them
    )
    return page if waiting is not None else visitor.keep(exchange, page)


def onto(exchange: Exchange, person: Person) -> str:
    """The path that changing a factor leads to: on with the sign-in, or back to one's account."""
    if person.waiting is not None:
        return f"/authorize/{person.waiting.handle}"
    return onwards.asked(exchange).path if person.is_half else ACCOUNT_PAGE


def _waiting(exchange: Exchange) -> Parked | None:
    if parked.HANDLE not in exchange.query:
        return None
    # A mailed link may outlive the request that it carries along, or be opened where there is none.
    if LINK in exchange.query:
        return parked.find_own(exchange, parked.handle_in(exchange.asked(parked.HANDLE)))
    return parked.find(exchange)
