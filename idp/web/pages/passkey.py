"""Log in with a passkey, prove one as a second factor, add one: what the script of those pages talks to.

Web Authentication Level 3 §7. Answers are JSON: options for the browser, where to go next, or one word for
what went wrong, for which the page has a sentence. The browser's own words for a failure are never sent here.
A ceremony is bound to the secret that binds its page to the browser: that of the waiting request or of the
form before anybody is known, that of the session afterwards.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response

from idp.accounts.attempt import AddressThrottled
from idp.accounts.entry import Entered, Visit
from idp.accounts.factors import read_name
from idp.accounts.passkey_enrolment import Asking, Enrolled, Full
from idp.accounts.permission import Withheld
from idp.accounts.webauthn import Refused
from idp.services.authenticator import Flaw
from idp.web import browser, entrance, headers, notice, onwards, parked, passkey, second_factor, visitor
from idp.web.exchange import Exchange
from idp.web.notice import Notice
from idp.web.parked import Parked
from idp.web.second_factor import Person

PAGE = "add-passkey"
ANSWER = "credential"
NAME = "name"


def sign_in_options(exchange: Exchange) -> Response:
    """POST /passkey/options."""
    waiting = passkey.submitted(exchange, passkey.SIGN_IN)
    options = exchange.provider.passkeys.sign_in_options(
        _of_page(exchange, waiting), address=exchange.address, limits=parked.limits(exchange)
    )
    return (
        _throttled(exchange, options) if isinstance(options, AddressThrottled) else _json(exchange, options)
    )


def sign_in(exchange: Exchange) -> Response:
    """POST /passkey/verify."""
    waiting = passkey.submitted(exchange, passkey.SIGN_IN)
    visit = entrance.visit(exchange, waiting)
    answer, binding = exchange.field(ANSWER), _of_page(exchange, waiting)
    outcome = exchange.provider.passkeys.sign_in(answer, binding, visit, parked.limits(exchange))
    return _answered(exchange, waiting, visit, outcome)


def step_up_options(exchange: Exchange) -> Response:
    """POST /passkey/mfa/options."""
    person = second_factor.find(exchange)
    if person is None:
        return _signed_out(exchange)
    passkey.submitted(exchange, passkey.STEP_UP, person.session)
    match exchange.provider.passkeys.step_up_options(
        person.session, _secret(exchange), address=exchange.address, limits=parked.limits(exchange)
    ):
        case AddressThrottled() as throttled:
            return _throttled(exchange, throttled)
        case None:
            return _problem(exchange, "none")
        case options:
            return _json(exchange, options)


def step_up(exchange: Exchange) -> Response:
    """POST /passkey/mfa/verify."""
    person = second_factor.find(exchange)
    if person is None:
        return _signed_out(exchange)
    waiting = passkey.submitted(exchange, passkey.STEP_UP, person.session)
    visit = entrance.visit(exchange, waiting)
    outcome = exchange.provider.passkeys.step_up(
        exchange.field(ANSWER), person.session, _secret(exchange), visit, parked.limits(exchange)
    )
    return _answered(exchange, waiting, visit, outcome)


def show_add(exchange: Exchange) -> Response:
    """GET /passkey/add: name a passkey and make it."""
    person = second_factor.find(exchange)
    if person is None:
        return second_factor.log_in(exchange, PAGE)
    asking = _asking(exchange, person, exchange.asked(second_factor.LINK))
    withheld = exchange.provider.passkey_enrolment.withheld(asking)
    if withheld is not None:
        return second_factor.instead(exchange, person, withheld, PAGE)
    waiting = person.waiting
    page = exchange.page(
        "passkey_add.html",
        form_action=() if waiting is None else waiting.form_action,
        ui_locales=None if waiting is None else waiting.request.ui_locales,
        service_desk=person.profile.service_desk,
        name=person.profile.name,
        username=person.profile.username,
        security_keys_only=exchange.provider.passkey_enrolment.ceremonies.trust.is_required,
        passkey=passkey.to_enrol(exchange, waiting, person.session, asking.link or ""),
        onwards=second_factor.onto(exchange, person),
    )
    return page if waiting is not None else visitor.keep(exchange, page)


def register_options(exchange: Exchange) -> Response:
    """POST /passkey/register/options."""
    person = second_factor.find(exchange)
    if person is None:
        return _signed_out(exchange)
    passkey.submitted(exchange, passkey.REGISTER, person.session)
    if read_name(exchange.field(NAME)) is None:
        return _problem(exchange, "name")
    asking = _asking(exchange, person, exchange.field(second_factor.LINK))
    match exchange.provider.passkey_enrolment.options(asking, parked.limits(exchange)):
        case AddressThrottled() as throttled:
            return _throttled(exchange, throttled)
        case Withheld():
            return _problem(exchange, "withheld", HTTPStatus.FORBIDDEN)
        case Full():
            return _problem(exchange, "full")
        case options:
            return _json(exchange, options)


def register(exchange: Exchange) -> Response:
    """POST /passkey/register."""
    person = second_factor.find(exchange)
    if person is None:
        return _signed_out(exchange)
    waiting = passkey.submitted(exchange, passkey.REGISTER, person.session)
    name = read_name(exchange.field(NAME))
    if name is None:
        return _problem(exchange, "name")
    asking = _asking(exchange, person, exchange.field(second_factor.LINK))
    match exchange.provider.passkey_enrolment.register(asking, name, exchange.field(ANSWER)):
        case Enrolled(_, entered, codes):
            onto = second_factor.onto(exchange, person)
            # The page of the script shows codes, which no address may hold, and goes on after that.
            response = _onto(entrance.let_in(exchange, waiting, entered, onwards=onto), codes)
            notice.put(exchange.provider, response, Notice.PASSKEY_ADDED)
            return response
        case Withheld():
            return _problem(exchange, "withheld", HTTPStatus.FORBIDDEN)
        case Full():
            return _problem(exchange, "full")
        case Refused(cause):
            error = "attestation" if cause is Flaw.ATTESTATION else "failed"
            return _problem(exchange, error, reference=asking.visit.reference)


def _of_page(exchange: Exchange, waiting: Parked | None) -> str:
    return exchange.form_secret if waiting is None else waiting.secret


def _secret(exchange: Exchange) -> str:
    """What opens the person's session: no other browser has it."""
    return exchange.cookie(browser.SESSION) or ""


def _asking(exchange: Exchange, person: Person, link: str) -> Asking:
    visit = entrance.visit(exchange, person.waiting)
    return Asking(person.session, _secret(exchange), visit, link or None)


def _answered(
    exchange: Exchange, waiting: Parked | None, visit: Visit, outcome: Entered | Refused | AddressThrottled
) -> Response:
    match outcome:
        case Entered() as entered:
            onto = onwards.asked(exchange).path
            return _onto(entrance.let_in(exchange, waiting, entered, onwards=onto))
        case Refused():
            return _problem(exchange, "failed", reference=visit.reference)
        case AddressThrottled() as throttled:
            return _throttled(exchange, throttled)


def _onto(response: Response, codes: tuple[str, ...] = ()) -> Response:
    """The same answer for a script: it is told where to go, and takes the cookies along."""
    location = response.headers.pop("Location")
    response.set_data(_encoded({"location": location, **({"codes": codes} if codes else {})}))
    response.status_code = HTTPStatus.OK
    response.content_type = "application/json"
    return response


def _signed_out(exchange: Exchange) -> Response:
    return _problem(exchange, "ended", HTTPStatus.UNAUTHORIZED)


def _throttled(exchange: Exchange, throttled: AddressThrottled) -> Response:
    response = _problem(exchange, "throttled", HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(throttled.retry_after)
    return response


def _problem(
    exchange: Exchange,
    error: str,
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
    reference: str | None = None,
) -> Response:
    body = {"error": error} if reference is None else {"error": error, "reference": reference}
    return _json(exchange, body, status)


def _json(exchange: Exchange, body: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    policy = headers.api_headers(https=exchange.provider.is_https)
    return Response(_encoded(body), status, policy, content_type="application/json")


def _encoded(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
