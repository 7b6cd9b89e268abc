"""Change your password: of one's own accord, or because a new one is due.

A session whose password is due opens nothing but this page. As a step of a waiting request it goes back to
the hub; else it goes home. The session goes on under a new secret, every other one has ended.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from flask import Response

from idp.accounts import browser_session
from idp.accounts.attempt import AccountThrottled, AddressThrottled
from idp.accounts.browser_session import NewSession
from idp.accounts.password import Changed, NotAccepted, NotDue, WrongPassword
from idp.db import account
from idp.db.account import Profile
from idp.db.browser_session import BrowserSession
from idp.web import browser, errors, new_password, notice, parked, visitor
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.new_password import Wrong
from idp.web.notice import Notice
from idp.web.parked import Parked

PATH = "/change-password"

_Outcome: TypeAlias = Changed | NotAccepted | WrongPassword | AddressThrottled | AccountThrottled | NotDue

_NO_CURRENT = N_("Enter your current password")
# Or guesses are not heard for a while: nobody is told which.
_WRONG_CURRENT = N_(
    "Check your current password and enter it again. If you have tried several times, wait and try later"
)


@dataclass(frozen=True, slots=True)
class _Person:
    """Whose password it is. Where it `is_due` the session has just proved it; else it is asked for."""

    session: BrowserSession
    is_due: bool
    profile: Profile


@dataclass(frozen=True, slots=True)
class _Typed:
    current_password: str
    password: str
    confirm_password: str

    def wrong(self, *, is_due: bool) -> list[Wrong]:
        unproved = not is_due and not self.current_password
        current = [new_password.wrong("current_password", _NO_CURRENT)] if unproved else []
        return current + new_password.typed_wrong(self.password, self.confirm_password)


def show(exchange: Exchange) -> Response:
    """GET /change-password."""
    waiting = parked.find(exchange) if parked.HANDLE in exchange.query else None
    person = _find(exchange)
    return _log_in(exchange, waiting) if person is None else _page(exchange, waiting, person, [])


def submit(exchange: Exchange) -> Response:
    """POST /change-password. Raises `hashing.Busy` when too many people wait for their turn."""
    person = _find(exchange)
    if person is None:
        # Signed out meanwhile, or the form was sent twice: the first time gave the session a new secret.
        return _log_in(exchange, parked.find(exchange) if parked.HANDLE in exchange.query else None)
    waiting = _submitted(exchange, person)
    typed = _Typed(
        exchange.field("current_password"), exchange.field("password"), exchange.field("confirm_password")
    )
    wrong = typed.wrong(is_due=person.is_due)
    if wrong:
        return _not_yet(exchange, waiting, person, typed, wrong)
    return _tell(exchange, waiting, person, typed, _change(exchange, person, typed))


def _find(exchange: Exchange) -> _Person | None:
    secret = exchange.cookie(browser.SESSION)
    with exchange.provider.database.read() as connection:
        live = browser_session.find(connection, secret, exchange.now)
        session = live or browser_session.find_due(connection, secret, exchange.now)
        profile = None if session is None else account.find_profile(connection, session.account_id)
    if session is None or profile is None:
        return None
    return _Person(session, live is None, profile)


def _submitted(exchange: Exchange, person: _Person) -> Parked | None:
    if parked.HANDLE in exchange.query:
        return parked.submitted(exchange, person.session)
    visitor.submitted(exchange, person.session)
    return None


def _change(exchange: Exchange, person: _Person, typed: _Typed) -> _Outcome:
    passwords = exchange.provider.passwords
    if person.is_due:
        return passwords.change_due(person.session, typed.password, address=exchange.address)
    return passwords.change(
        person.session,
        typed.current_password,
        typed.password,
        address=exchange.address,
        known_device=exchange.cookie(browser.KNOWN_DEVICE),
        limits=parked.limits(exchange),
    )


def _tell(
    exchange: Exchange, waiting: Parked | None, person: _Person, typed: _Typed, outcome: _Outcome
) -> Response:
    match outcome:
        case Changed(session):
            return _changed(exchange, waiting, session)
        case NotAccepted(failures):
            rules = exchange.provider.passwords.rules(person.profile.account_id)
            return _page(exchange, waiting, person, new_password.refused(failures, rules.profile))
        case WrongPassword():
            wrong = [new_password.wrong("current_password", _WRONG_CURRENT)]
            return _not_yet(exchange, waiting, person, typed, wrong)
        case AddressThrottled(retry_after):
            return errors.throttled(exchange, retry_after)
        case AccountThrottled(retry_after):
            return errors.account_throttled(exchange, retry_after)
        case NotDue():
            return _onwards(exchange, waiting)


def _changed(exchange: Exchange, waiting: Parked | None, session: NewSession) -> Response:
    response = _onwards(exchange, waiting)
    browser.write(exchange.provider, response, browser.SESSION, session.secret)
    if waiting is None:
        notice.put(exchange.provider, response, Notice.PASSWORD_CHANGED)
    return response


def _onwards(exchange: Exchange, waiting: Parked | None) -> Response:
    return exchange.to("/") if waiting is None else parked.back_to_hub(exchange, waiting)


def _log_in(exchange: Exchange, waiting: Parked | None) -> Response:
    if waiting is None:
        return exchange.to(parked.LOGIN, next="change-password")
    return parked.back_to_hub(exchange, waiting)


def _not_yet(
    exchange: Exchange, waiting: Parked | None, person: _Person, typed: _Typed, wrong: list[Wrong]
) -> Response:
    """Tell what the password will be refused for together with what kept us from trying it."""
    rules = exchange.provider.passwords.rules(person.profile.account_id)
    refused = new_password.refused_so_far(exchange.provider, rules, typed.password)
    return _page(exchange, waiting, person, new_password.in_order([*wrong, *refused]))


def _page(exchange: Exchange, waiting: Parked | None, person: _Person, wrong: list[Wrong]) -> Response:
    provider, session = exchange.provider, person.session
    rules = provider.passwords.rules(session.account_id)
    page = exchange.page(
        "change_password.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        form_action=() if waiting is None else waiting.form_action,
        ui_locales=None if waiting is None else waiting.request.ui_locales,
        service_desk=person.profile.service_desk,
        action=PATH if waiting is None else parked.action(waiting, PATH),
        csrf_token=(
            visitor.csrf_token(exchange, session)
            if waiting is None
            else parked.csrf_token(exchange, waiting, session)
        ),
        due=person.is_due,
        name=person.profile.name,
        username=person.profile.username,
        wrong=wrong,
        choice=new_password.choice(provider, rules),
    )
    return page if waiting is not None else visitor.keep(exchange, page)
