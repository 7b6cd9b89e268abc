"""Who are you: the step that Forgotten, Request Username/Password and Unlock Account share.

Nothing here looks anybody up. What was typed is read, put away for a worker, and confirmed in the same words
to everyone, so that no answer, and no time it takes, says whether somebody has an account.
"""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Response

from idp.accounts.identity import Identity
from idp.policy import email_address
from idp.policy import username as usernames
from idp.policy.recovery import Kind
from idp.web import browser, confirmation, date_of_birth, parked, visitor
from idp.web.date_of_birth import Wrong
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.parked import Parked

_NO_EMAIL = N_("Enter the email address associated with your account")
_NOT_AN_EMAIL = N_("Enter an email address like first.last@domain.com")
_NOT_A_USERNAME = N_("Enter a username like 999JSMITH01, or leave it empty")


@dataclass(frozen=True, slots=True)
class _Typed:
    email: str = ""
    day: str = ""
    month: str = ""
    year: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class _Problems:
    """What to correct, as message ids, and the boxes of the date it is about."""

    email: str | None = None
    dob: str | None = None
    dob_parts: tuple[str, ...] = ()
    username: str | None = None


def show(exchange: Exchange, kind: Kind) -> Response:
    """GET /forgotten and its like."""
    return _page(exchange, kind, confirmation.waiting(exchange), _Typed(), _Problems())


def submit(exchange: Exchange, kind: Kind) -> Response:
    """POST /forgotten and its like."""
    visitor.submitted(exchange)
    found = confirmation.waiting(exchange)
    typed = _Typed(
        email=exchange.field("email"),
        day=exchange.field("dob-day"),
        month=exchange.field("dob-month"),
        year=exchange.field("dob-year"),
        username=exchange.field("username"),
    )
    identity = _read(exchange, kind, found, typed)
    if isinstance(identity, _Problems):
        return _page(exchange, kind, found, typed, identity)
    outcome = exchange.provider.recovery.ask(
        identity,
        address=exchange.address,
        is_shared=parked.is_shared(exchange),
        known_device=exchange.cookie(browser.KNOWN_DEVICE),
    )
    return confirmation.answer(exchange, kind, outcome, found)


def _read(exchange: Exchange, kind: Kind, found: Parked | None, typed: _Typed) -> Identity | _Problems:
    email = email_address.normalise(typed.email)
    born = date_of_birth.read(typed.day, typed.month, typed.year, exchange.now.date())
    named = typed.username.strip() != ""
    username = usernames.normalise(typed.username) if named else None
    if email is None or isinstance(born, Wrong) or (named and username is None):
        return _Problems(
            email=_email_problem(typed.email, email),
            dob=born.words if isinstance(born, Wrong) else None,
            dob_parts=born.parts if isinstance(born, Wrong) else (),
            username=_NOT_A_USERNAME if named and username is None else None,
        )
    return Identity(
        kind=kind,
        email=email,
        date_of_birth=born,
        username=username,
        request=None if found is None else found.handle,
    )


def _email_problem(typed: str, email: str | None) -> str | None:
    if not typed.strip():
        return _NO_EMAIL
    return _NOT_AN_EMAIL if email is None else None


def _ui_locales(found: Parked | None) -> str | None:
    return None if found is None else found.request.ui_locales


def _page(
    exchange: Exchange, kind: Kind, found: Parked | None, typed: _Typed, problems: _Problems
) -> Response:
    is_wrong = problems != _Problems()
    page = exchange.page(
        f"{kind.value}.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK,
        ui_locales=_ui_locales(found),
        action=confirmation.path(kind, found),
        csrf_token=visitor.csrf_token(exchange),
        query=confirmation.query(found),
        email=typed.email,
        day=typed.day,
        month=typed.month,
        year=typed.year,
        username=typed.username,
        email_problem=problems.email,
        dob_problem=problems.dob,
        dob_parts=problems.dob_parts,
        username_problem=problems.username,
    )
    return visitor.keep(exchange, page)
