"""From outcome or exception to page: what happened in a plain sentence, what to do, and a reference.

Nothing here ever redirects to an address that was not validated. The person gets a sentence, the log the
cause, and `idp explain` the difference between what came and what is registered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from idp.db import Unavailable
from idp.protocol.errors import AuthorizationRefused, NotAnswerable
from idp.protocol.response import AuthorizationResponse
from idp.services import logs
from idp.services.hashing import Busy
from idp.web import authorize, trace
from idp.web.exchange import Exchange, Malformed
from idp.web.language import N_
from idp.web.parked import Forged, Gone, Throttled

_log = logs.get()
_RETRY_AFTER = 5


@dataclass(frozen=True, slots=True)
class _Words:
    status: HTTPStatus
    title: str
    sentence: str
    remedy: str


_NOT_SET_UP = N_("This application is not set up correctly")
_TELL_THEM = N_(
    "Nothing was sent to the application. Tell its support team, and give them the reference below."
)
_START_AGAIN = N_("Go back to the application you want to use and log in from there.")
_NO_SIGN_OUT = N_("We could not sign you out for this application")
_SIGN_OUT_HERE = N_("You can sign out from your applications page, or close your browser.")

_BAD = HTTPStatus.BAD_REQUEST
WORDS = {
    "client_missing": _Words(
        _BAD, _NOT_SET_UP, N_("Its request does not say which application it comes from."), _TELL_THEM
    ),
    "client_repeated": _Words(
        _BAD, _NOT_SET_UP, N_("Its request names more than one application."), _TELL_THEM
    ),
    "client_unknown": _Words(
        _BAD, _NOT_SET_UP, N_("The application that sent you here is not registered with us."), _TELL_THEM
    ),
    "client_disabled": _Words(
        HTTPStatus.FORBIDDEN,
        N_("This application is switched off"),
        N_("An administrator has stopped this application from using our login page."),
        N_("If you need it for your work, contact your service desk."),
    ),
    "redirect_uri_missing": _Words(
        _BAD, _NOT_SET_UP, N_("Its request does not say where to return you to."), _TELL_THEM
    ),
    "redirect_uri_repeated": _Words(
        _BAD, _NOT_SET_UP, N_("Its request names more than one address to return you to."), _TELL_THEM
    ),
    "redirect_uri_unregistered": _Words(
        _BAD,
        _NOT_SET_UP,
        N_("It asks us to return you to an address that is not registered for it."),
        _TELL_THEM,
    ),
    "malformed": _Words(
        _BAD,
        N_("We could not read this request"),
        N_("Part of the address or form is damaged."),
        _START_AGAIN,
    ),
    "request_missing": _Words(
        _BAD,
        N_("Start from your application"),
        N_("This page is part of logging in to an application, and we cannot tell which one."),
        _START_AGAIN,
    ),
    "request_unknown": _Words(
        _BAD,
        N_("This login page is no longer available"),
        N_("It was opened too long ago, or its address is not complete."),
        _START_AGAIN,
    ),
    "request_expired": _Words(
        _BAD,
        N_("This login page has expired"),
        N_("For your security a login page works for 30 minutes. Nothing was changed."),
        _START_AGAIN,
    ),
    "request_answered": _Words(
        _BAD,
        N_("You have already used this login page"),
        N_("Each login page works once, and this one has taken you to your application."),
        N_("Go to your application. If it asks you to log in, start from there."),
    ),
    "request_of_another_browser": _Words(
        _BAD,
        N_("This login page belongs to another browser"),
        N_("It was opened in another browser or window, or your browser does not keep cookies."),
        N_("Allow cookies for this site, then go back to your application and log in from there."),
    ),
    "forged": _Words(
        HTTPStatus.FORBIDDEN,
        N_("We could not accept this form"),
        N_("It may have been open for too long, or it did not come from our own page. Nothing was changed."),
        N_("Go back, reload the page and try again."),
    ),
    "logout_repeated": _Words(_BAD, _NO_SIGN_OUT, N_("Its request says one thing twice."), _SIGN_OUT_HERE),
    "logout_too_long": _Words(_BAD, _NO_SIGN_OUT, N_("Its request is too long."), _SIGN_OUT_HERE),
    "logout_hint": _Words(
        _BAD,
        _NO_SIGN_OUT,
        N_("It did not prove that it is the application you logged in to."),
        _SIGN_OUT_HERE,
    ),
    "logout_return": _Words(
        _BAD,
        _NO_SIGN_OUT,
        N_("It asks us to return you to an address that is not registered for it."),
        _SIGN_OUT_HERE,
    ),
    "address_throttled": _Words(
        HTTPStatus.TOO_MANY_REQUESTS,
        N_("Too many tries from this network"),
        N_("There have been too many failed logins from the network you are using."),
        N_("Wait a few minutes and try again. If it goes on, contact your service desk."),
    ),
    "account_throttled": _Words(
        HTTPStatus.TOO_MANY_REQUESTS,
        N_("Too many new passwords have been tried"),
        N_(
            "So many new passwords have been tried for your account that you have to wait. Your password has "
            "not been changed."
        ),
        N_("Wait a few minutes and try again. If it goes on, contact your service desk."),
    ),
    "recovery_throttled": _Words(
        HTTPStatus.TOO_MANY_REQUESTS,
        N_("Too many requests from this network"),
        N_("Login details have been asked for too often from the network you are using. Nothing was sent."),
        N_("Wait a few minutes and try again. If it goes on, contact your service desk."),
    ),
    "recovery_busy": _Words(
        HTTPStatus.SERVICE_UNAVAILABLE,
        N_("Very many people are asking for login details at the moment"),
        N_("We could not deal with your request now. Nothing was sent."),
        N_("Try again later. If it is urgent, contact your service desk."),
    ),
    "not_found": _Words(
        HTTPStatus.NOT_FOUND,
        N_("Page not found"),
        N_("There is no page at this address."),
        N_("Check the address, or go to your applications."),
    ),
    "method_not_allowed": _Words(
        HTTPStatus.METHOD_NOT_ALLOWED,
        N_("This page cannot be used that way"),
        N_("The address exists, but not for this kind of request."),
        _START_AGAIN,
    ),
    "too_large": _Words(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        N_("That was too much to send"),
        N_("The form you sent is larger than we accept. Nothing was changed."),
        N_("Go back and send less."),
    ),
    "failed": _Words(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        N_("Sorry, something went wrong"),
        N_("A fault on our side stopped your request. Nothing was changed."),
        N_("Try again later. If it goes on, give the reference below to your service desk."),
    ),
}

_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def page(
    exchange: Exchange,
    problem: str,
    *,
    client_id: str | None = None,
    detail: Mapping[str, object] | None = None,
    retry_after: int | None = None,
) -> Response:
    """The error page for a problem, with a reference under which `idp explain` tells more."""
    words = WORDS[problem]
    reference = trace.record(
        exchange.provider, request=exchange.what, problem=problem, client_id=client_id, detail=detail
    )
    name, uri = _way_on(exchange, client_id)
    response = exchange.page(
        "error.html",
        status=words.status,
        reference=reference,
        title=words.title,
        sentence=words.sentence,
        remedy=words.remedy,
        continue_uri=uri,
        continue_name=name,
    )
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def throttled(exchange: Exchange, retry_after: int) -> Response:
    """429: the address has asked for too much."""
    return page(exchange, "address_throttled", retry_after=retry_after)


def account_throttled(exchange: Exchange, retry_after: int) -> Response:
    """429: too many new passwords were tried for one account."""
    return page(exchange, "account_throttled", retry_after=retry_after)


def busy(exchange: Exchange, retry_after: int) -> Response:
    """503: not now."""
    response = exchange.page("busy.html", status=HTTPStatus.SERVICE_UNAVAILABLE, retry_after=retry_after)
    response.headers["Retry-After"] = str(retry_after)
    return response


def of_exception(exchange: Exchange, error: Exception) -> Response:
    """The answer to whatever a view raised; every transaction has been undone by now."""
    match error:
        case AuthorizationRefused():
            return _tell_client(exchange, error)
        case Throttled():
            return throttled(exchange, error.retry_after)
        case Busy():
            return busy(exchange, error.retry_after)
        case Unavailable():
            _log.error("database_unavailable", request=exchange.what, cause=str(error))
            return busy(exchange, _RETRY_AFTER)
        case _:
            problem, client_id, detail = _explained(exchange, error)
            response = page(exchange, problem, client_id=client_id, detail=detail)
            if isinstance(error, MethodNotAllowed) and error.valid_methods:
                response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
            return response


def _explained(exchange: Exchange, error: Exception) -> tuple[str, str | None, Mapping[str, object]]:
    match error:
        case NotAnswerable():
            return error.problem, error.client_id, error.explained
        case Gone():
            return error.problem, error.client_id, {}
        case Forged():
            return "forged", None, {}
        case Malformed():
            return "malformed", None, {"cause": error.refused.description}
        case HTTPException():
            return _OF_STATUS.get(error.code or 500, "malformed"), None, {}
    _log.error("unexpected", request=exchange.what, exc_info=error)
    return "failed", None, {"cause": type(error).__name__}


def _tell_client(exchange: Exchange, error: AuthorizationRefused) -> Response:
    """The client learns what is wrong, and under which reference its operator may ask us."""
    refusal = error.refusal
    reference = trace.record(
        exchange.provider,
        request=exchange.what,
        problem=refusal.error or "invalid_request",
        client_id=error.client_id,
        detail={"cause": refusal.said, **refusal.explained},
    )
    described = (
        (name, f"{value} (reference {reference})" if name == "error_description" else value)
        for name, value in error.response.parameters
    )
    response = AuthorizationResponse(error.response.redirect_uri, error.response.mode, tuple(described))
    return authorize.send(exchange, response, None)


def _way_on(exchange: Exchange, client_id: str | None) -> tuple[str | None, str | None]:
    """Where to start again: the application, when it is registered and says where it begins."""
    home = f"{exchange.provider.issuer}/"
    try:
        client = exchange.provider.server.clients.find(client_id)
    except Unavailable:
        return None, home
    if client is None:
        return None, home
    metadata = client.metadata
    uri = metadata.initiate_login_uri or metadata.client_uri
    return (metadata.client_name, uri) if uri is not None else (None, home)
