"""What the parts of the account page share: whose it is, and how a form of it is answered.

OWASP ASVS 5.0 §3.5.1, §7.5.1. A session that is half or due sees nothing of it and does nothing here: it is
taken to what it lacks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import Response

from idp.accounts import browser_session, own_account
from idp.accounts.own_account import Acting
from idp.db import Connection, account
from idp.db.account import Profile
from idp.web import browser, entrance, errors, notice, onwards, parked, visitor
from idp.web.exchange import Exchange
from idp.web.notice import Notice

PATH = "/account"

_NAME = "account"
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose account it is, in a live session."""

    acting: Acting
    profile: Profile


def find(exchange: Exchange) -> Owner | None:
    """The owner, if the browser has a live session."""
    with exchange.provider.database.read() as connection:
        session = browser_session.find(connection, exchange.cookie(browser.SESSION), exchange.now)
        profile = None if session is None else account.find_profile(connection, session.account_id)
    if session is None or profile is None:
        return None
    return Owner(Acting(session, exchange.address, exchange.now), profile)


def submitted(exchange: Exchange) -> Owner | None:
    """The same for a posted form, which must be one of this owner's own page. Raises `parked.Forged`."""
    owner = find(exchange)
    if owner is not None:
        visitor.submitted(exchange, owner.acting.session, page=PATH)
    return owner


def csrf_token(exchange: Exchange, owner: Owner) -> str:
    """The token of every form of the page, to be answered with `visitor.keep`."""
    return visitor.csrf_token(exchange, owner.acting.session, page=PATH)


def instead(exchange: Exchange) -> Response:
    """Where somebody is taken who has no live session: to what is due, or to log in and come back."""
    secret = exchange.cookie(browser.SESSION)
    with exchange.provider.database.read() as connection:
        if browser_session.find_due(connection, secret, exchange.now) is not None:
            return exchange.to(onwards.CHANGE_PASSWORD)
        if browser_session.find_half(connection, secret, exchange.now) is not None:
            return exchange.to(entrance.SECOND_FACTOR, **{onwards.NEXT: _NAME})
    return exchange.to(parked.LOGIN, **{onwards.NEXT: _NAME})


def act(
    exchange: Exchange,
    act_for: Callable[[Connection, Owner], bool],
    said: Notice,
    *,
    onto: str = PATH,
) -> Response:
    """Answer a form with what it asks for, all of it in one transaction, and say so on the next page.

    404 when `act_for` finds nothing of the owner's to act on.
    """
    owner = submitted(exchange)
    if owner is None:
        return instead(exchange)
    provider = exchange.provider
    with provider.database.write() as connection:
        is_live = own_account.hold(connection, owner.acting, provider.lifetimes)
        is_done = is_live and act_for(connection, owner)
    if not is_live:
        return instead(exchange)
    return done(exchange, said, onto) if is_done else missing(exchange)


def done(exchange: Exchange, said: Notice, onto: str = PATH) -> Response:
    """On to a page that says what was done."""
    response = exchange.to(onto)
    notice.put(exchange.provider, response, said)
    return response


def missing(exchange: Exchange) -> Response:
    """404: there is no such thing, or it is not theirs; nobody is told which."""
    return errors.page(exchange, "not_found")


def uuid_in(text: str) -> UUID | None:
    """The id that a form names, if it looks like one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def number_in(text: str) -> int | None:
    """The number that a form names, if it looks like one."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else None
