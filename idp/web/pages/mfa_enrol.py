"""Set up an authenticator app: ask for a mailed link where one is needed, show the key once, take its code.

Every form asks again whether it may, and the last one decides. The link in the email does nothing by being
opened, and works only in the browser that is logging in: a mail that is read elsewhere gives nothing away.
"""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Response

from idp.accounts.attempt import AddressThrottled
from idp.accounts.enrolment import Enough, Enrolled, Mailed, Over, TooManyMails, Typed, WrongCode
from idp.accounts.factors import LONGEST_NAME, read_name
from idp.accounts.link import LinkProblem
from idp.accounts.permission import Withheld
from idp.accounts.totp import Enrolment, grouped
from idp.policy import totp
from idp.policy.enrolment import Permission
from idp.web import entrance, errors, parked, qr, second_factor
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.second_factor import Person

PAGE = "enrol-app"
_NAME = N_("Authenticator app")

_NO_NAME = N_("Enter a name of not more than 60 characters")
_NO_CODE = N_("Enter the 6 digits that your app shows")
_WRONG_CODE = N_(
    "This is not the code that your app shows now. Check that the time on your device is set automatically, "
    "and enter the next code"
)
_OVER = N_("This took too long, or another app was set up meanwhile. Begin again")
_ENOUGH = N_("You have as many authenticator apps as you can have: remove one first")
_TOO_MANY_MAILS = N_("We have sent you several emails. Use the newest one, or try again later")
_LINK_PROBLEM = {
    LinkProblem.EXPIRED: N_("The link in the email has expired. Ask for another one"),
    LinkProblem.USED: N_("The link in the email has already been used. Ask for another one"),
    LinkProblem.SUPERSEDED: N_("There is a newer email with another link. Use that one, or ask for another"),
    LinkProblem.UNKNOWN: N_("The link is not complete, or not for this account. Ask for another one"),
}


@dataclass(frozen=True, slots=True)
class _Here:
    """Who sets up an app, and with which mailed link in hand."""

    person: Person
    link: str | None


def show(exchange: Exchange) -> Response:
    """GET /mfa/enrol."""
    person = second_factor.find(exchange)
    link = exchange.asked(second_factor.LINK) or None
    if person is None:
        return second_factor.log_in(exchange, PAGE) if link is None else _elsewhere(exchange)
    here = _Here(person, link)
    withheld = _withheld(exchange, here)
    return _begin_page(exchange, here) if withheld is None else _instead(exchange, here, withheld)


def submit(exchange: Exchange) -> Response:
    """POST /mfa/enrol. Raises `hashing.Busy` when too many people wait for their turn."""
    person = second_factor.find(exchange)
    if person is None:
        return second_factor.log_in(exchange, PAGE)
    second_factor.submitted(exchange, person)
    here = _Here(person, exchange.field(second_factor.LINK) or None)
    match exchange.field("step"):
        case "mail":
            return _mail(exchange, here)
        case "confirm":
            return _confirm(exchange, here)
        case _:
            return _begin(exchange, here)


def _mail(exchange: Exchange, here: _Here) -> Response:
    waiting = here.person.waiting
    visit = entrance.visit(exchange, waiting)
    handle = None if waiting is None else waiting.handle
    match exchange.provider.enrolments.mail_link(here.person.session, visit, handle):
        case Mailed() | None:
            return exchange.to(here.person.action(second_factor.ENROL))
        case TooManyMails():
            return _mail_page(exchange, here, _TOO_MANY_MAILS, HTTPStatus.TOO_MANY_REQUESTS)
        case AddressThrottled(retry_after):
            return errors.page(exchange, "recovery_throttled", retry_after=retry_after)
        case Withheld() as withheld:
            return _instead(exchange, here, withheld)


def _begin(exchange: Exchange, here: _Here) -> Response:
    typed = exchange.field("name")
    name = read_name(typed)
    if name is None:
        return _begin_page(exchange, here, _NO_NAME, typed)
    match exchange.provider.enrolments.begin_totp(
        here.person.session, name, link=here.link, is_trusted_network=parked.is_shared(exchange)
    ):
        case Enrolment() as begun:
            return _code_page(exchange, here, begun.device_id, begun)
        case Enough():
            return _begin_page(exchange, here, _ENOUGH, typed)
        case Withheld() as withheld:
            return _instead(exchange, here, withheld)


def _confirm(exchange: Exchange, here: _Here) -> Response:
    device_id, code = _device(exchange.field("device")), totp.read(exchange.field("code"))
    if device_id is None:
        return _begin_page(exchange, here, _OVER)
    if code is None:
        return _code_page(exchange, here, device_id, None, _NO_CODE)
    visit = entrance.visit(exchange, here.person.waiting)
    typed = Typed(device_id, code, here.link)
    match exchange.provider.enrolments.confirm_totp(here.person.session, typed, visit):
        case Enrolled() as enrolled:
            return _enrolled(exchange, here, enrolled)
        case WrongCode():
            return _code_page(exchange, here, device_id, None, _WRONG_CODE)
        case Over():
            return _begin_page(exchange, here, _OVER)
        case Withheld() as withheld:
            return _instead(exchange, here, withheld)


def _enrolled(exchange: Exchange, here: _Here, enrolled: Enrolled) -> Response:
    person = here.person
    onto = second_factor.onto(exchange, person)
    # It knows where to go and which cookies to give; who has codes to note down reads them first.
    response = entrance.let_in(exchange, person.waiting, enrolled.entered, onwards=onto)
    if not enrolled.codes:
        return response
    page = exchange.page(
        "recovery_codes.html",
        ui_locales=None if person.waiting is None else person.waiting.request.ui_locales,
        service_desk=person.profile.service_desk,
        in_languages=False,
        codes=enrolled.codes,
        after_enrolment=True,
        onwards=onto,
    )
    for cookie in response.headers.getlist("Set-Cookie"):
        page.headers.add("Set-Cookie", cookie)
    return page


def _withheld(exchange: Exchange, here: _Here) -> Withheld | None:
    return exchange.provider.enrolments.withheld(
        here.person.session, link=here.link, is_trusted_network=parked.is_shared(exchange)
    )


def _instead(exchange: Exchange, here: _Here, withheld: Withheld) -> Response:
    if withheld.why is Permission.SECOND_PROOF:
        return _mail_page(exchange, here)
    if isinstance(withheld.why, LinkProblem):
        without = _withheld(exchange, _Here(here.person, None))
        if without is not None and without.why is Permission.SECOND_PROOF:
            return _mail_page(exchange, here, _LINK_PROBLEM[withheld.why])
        return _instead(exchange, here, without) if without is not None else _begin_page(exchange, here)
    return second_factor.instead(exchange, here.person, withheld, PAGE)


def _elsewhere(exchange: Exchange) -> Response:
    """A link that was opened where nobody is logging in: not a word about what it is worth."""
    return exchange.page("mfa_enrol_elsewhere.html", log_in=parked.LOGIN)


def _mail_page(
    exchange: Exchange,
    here: _Here,
    problem: str | None = None,
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Response:
    reference = exchange.provider.enrolments.mailed(here.person.session.account_id)
    return second_factor.show(
        exchange,
        here.person,
        "mfa_enrol_mail.html",
        second_factor.ENROL,
        status=HTTPStatus.OK if problem is None else status,
        reference=reference,
        sent=reference is not None,
        problem=problem,
    )


def _begin_page(
    exchange: Exchange, here: _Here, problem: str | None = None, typed: str | None = None
) -> Response:
    return second_factor.show(
        exchange,
        here.person,
        "mfa_enrol.html",
        second_factor.ENROL,
        status=HTTPStatus.OK if problem is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        link=here.link or "",
        app_name=typed,
        problem=problem,
        longest=LONGEST_NAME,
        passkey=_to_passkeys(here),
    )


def _code_page(
    exchange: Exchange,
    here: _Here,
    device_id: UUID,
    begun: Enrolment | None,
    problem: str | None = None,
) -> Response:
    return second_factor.show(
        exchange,
        here.person,
        "mfa_enrol_code.html",
        second_factor.ENROL,
        status=HTTPStatus.OK if problem is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        link=here.link or "",
        device=str(device_id),
        qr=None if begun is None else qr.svg(begun.uri),
        key=None if begun is None else grouped(begun.secret),
        problem=problem,
        again=here.person.action(second_factor.ENROL),
    )


def _to_passkeys(here: _Here) -> str:
    path = here.person.action("/passkey/add")
    return (
        path if here.link is None else f"{path}{'&' if '?' in path else '?'}{second_factor.LINK}={here.link}"
    )


def _device(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
