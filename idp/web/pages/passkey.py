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

from idp.accounts import browser_session
from idp.accounts.attempt import AddressThrottled
from idp.accounts.entry import Entered
from idp.accounts.factors import read_name
from idp.accounts.link import LinkProblem
from idp.accounts.passkey_enrolment import Asking, Enrolled, Full
from idp.accounts.permission import Withheld
from idp.accounts.webauthn import Refused
from idp.db import account
from idp.db.browser_session import BrowserSession
from idp.policy.enrolment import Permission
from idp.web import browser, entrance, headers, notice, onwards, parked, passkey, visitor
from idp.web.exchange import Exchange
from idp.web.notice import Notice
from idp.web.parked import Parked

LINK = "link"
ANSWER = "credential"
NAME = "name"

_TO_PROVE = "/mfa"
_TO_ENROL = "/mfa/enrol"


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
    match exchange.provider.passkeys.sign_in(answer, binding, visit, parked.limits(exchange)):
        case Entered() as entered:
            onto = onwards.asked(exchange).path
            return _onto(entrance.let_in(exchange, waiting, entered, onwards=onto))
        case Refused():
            return _problem(exchange, "failed", reference=visit.reference)
        case AddressThrottled() as throttled:
            return _throttled(exchange, throttled)


def step_up_options(exchange: Exchange) -> Response:
    """POST /passkey/mfa/options."""
    found = _session(exchange)
    if found is None:
        return _signed_out(exchange)
    session, secret = found
    passkey.submitted(exchange, passkey.STEP_UP, session)
    match exchange.provider.passkeys.step_up_options(
        session, secret, address=exchange.address, limits=parked.limits(exchange)
    ):
        case AddressThrottled() as throttled:
            return _throttled(exchange, throttled)
        case None:
            return _problem(exchange, "none")
        case options:
            return _json(exchange, options)


def step_up(exchange: Exchange) -> Response:
    """POST /passkey/mfa/verify."""
    found = _session(exchange)
    if found is None:
        return _signed_out(exchange)
    session, secret = found
    waiting = passkey.submitted(exchange, passkey.STEP_UP, session)
    visit = entrance.visit(exchange, waiting)
    answer, limits = exchange.field(ANSWER), parked.limits(exchange)
    match exchange.provider.passkeys.step_up(answer, session, secret, visit, limits):
        case Entered() as entered:
            return _onto(entrance.let_in(exchange, waiting, entered))
        case Refused():
            return _problem(exchange, "failed", reference=visit.reference)
        case AddressThrottled() as throttled:
            return _throttled(exchange, throttled)


def show_add(exchange: Exchange) -> Response:
    """GET /passkey/add: name a passkey and make it."""
    waiting = parked.find(exchange) if parked.HANDLE in exchange.query else None
    found = _session(exchange)
    if found is None:
        return _instead(exchange, waiting, Permission.LOG_IN)
    session, secret = found
    link = exchange.asked(LINK)
    withheld = exchange.provider.passkey_enrolment.withheld(
        Asking(session, secret, entrance.visit(exchange, waiting), link or None)
    )
    if withheld is not None:
        return _instead(exchange, waiting, withheld.why)
    with exchange.provider.database.read() as connection:
        profile = account.get_profile(connection, session.account_id)
    page = exchange.page(
        "passkey_add.html",
        form_action=() if waiting is None else waiting.form_action,
        ui_locales=None if waiting is None else waiting.request.ui_locales,
        service_desk=profile.service_desk,
        name=profile.name,
        username=profile.username,
        passkey=passkey.to_enrol(exchange, waiting, session, link),
    )
    return page if waiting is not None else visitor.keep(exchange, page)


def register_options(exchange: Exchange) -> Response:
    """POST /passkey/register/options."""
    found = _session(exchange)
    if found is None:
        return _signed_out(exchange)
    waiting = passkey.submitted(exchange, passkey.REGISTER, found[0])
    if read_name(exchange.field(NAME)) is None:
        return _problem(exchange, "name")
    match exchange.provider.passkey_enrolment.options(
        _asking(exchange, waiting, *found), parked.limits(exchange)
    ):
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
    found = _session(exchange)
    if found is None:
        return _signed_out(exchange)
    waiting = passkey.submitted(exchange, passkey.REGISTER, found[0])
    name = read_name(exchange.field(NAME))
    if name is None:
        return _problem(exchange, "name")
    asking = _asking(exchange, waiting, *found)
    match exchange.provider.passkey_enrolment.register(asking, name, exchange.field(ANSWER)):
        case Enrolled(_, entered):
            response = _onto(entrance.let_in(exchange, waiting, entered))
            notice.put(exchange.provider, response, Notice.PASSKEY_ADDED)
            return response
        case Withheld():
            return _problem(exchange, "withheld", HTTPStatus.FORBIDDEN)
        case Full():
            return _problem(exchange, "full")
        case Refused():
            return _problem(exchange, "failed", reference=asking.visit.reference)


def _of_page(exchange: Exchange, waiting: Parked | None) -> str:
    return exchange.form_secret if waiting is None else waiting.secret


def _session(exchange: Exchange) -> tuple[BrowserSession, str] | None:
    """The session, half or live, and the secret that opens it."""
    secret = exchange.cookie(browser.SESSION)
    with exchange.provider.database.read() as connection:
        live = browser_session.find(connection, secret, exchange.now)
        session = live or browser_session.find_half(connection, secret, exchange.now)
    return None if session is None or secret is None else (session, secret)


def _asking(exchange: Exchange, waiting: Parked | None, session: BrowserSession, secret: str) -> Asking:
    return Asking(session, secret, entrance.visit(exchange, waiting), exchange.field(LINK) or None)


def _instead(exchange: Exchange, waiting: Parked | None, why: Permission | LinkProblem) -> Response:
    """The page of what is missing."""
    if why is Permission.LOG_IN:
        if waiting is not None:
            return parked.back_to_hub(exchange, waiting)
        return exchange.to(parked.LOGIN, **{onwards.NEXT: "add-passkey"})
    path = _TO_PROVE if why is Permission.PROVE else _TO_ENROL
    return exchange.to(path, **({} if waiting is None else {parked.HANDLE: waiting.handle}))


def _onto(response: Response) -> Response:
    """The same answer for a script: it is told where to go, and takes the cookies along."""
    location = response.headers.pop("Location")
    response.set_data(_encoded({"location": location}))
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
