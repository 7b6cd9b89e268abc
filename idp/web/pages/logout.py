"""Sign out (OpenID Connect RP-Initiated Logout §2).

A relying party that proves with an ID Token of ours that it means the session in this browser signs out at
once; for anything else the person is asked.
"""

from urllib.parse import urlencode

from flask import Response

from idp.accounts import browser_session
from idp.db.browser_session import BrowserSession
from idp.policy import redirect_uri
from idp.protocol.rp_logout import PARAMETERS, LogoutRefused, LogoutRequest
from idp.web import browser, errors
from idp.web.exchange import Exchange
from idp.web.parked import Forged

PATH = "/logout"


def show(exchange: Exchange) -> Response:
    """GET /logout."""
    asked = exchange.provider.server.validate_logout(exchange.query)
    if isinstance(asked, LogoutRefused):
        return errors.page(exchange, asked.problem, client_id=asked.client_id, detail=asked.explained)
    with exchange.provider.database.read() as connection:
        session = browser_session.find_unended(connection, exchange.cookie(browser.SESSION))
        live = browser_session.find(connection, exchange.cookie(browser.SESSION), exchange.now)
    if session is None:
        return _signed_out(exchange, asked)
    # A session that has run out needs no question, but an end: applications still refresh on it.
    if live is None or _is_hinted(exchange, asked, session):
        return _end(exchange, asked, session)
    return exchange.page(
        "logout.html",
        form_action=_form_action(asked),
        ui_locales=asked.parameters.get("ui_locales"),
        action=PATH,
        csrf_token=browser.csrf_token(exchange.provider, exchange.cookie(browser.SESSION) or ""),
        client_name=None if asked.client is None else asked.client.metadata.client_name,
        fields=tuple(asked.parameters.items()),
    )


def submit(exchange: Exchange) -> Response:
    """POST /logout: our own question answered, or a relying party that sends its request in a form."""
    if not exchange.field("decision"):
        # A form of another site carries no session cookie along; the GET it becomes does.
        return exchange.again_as_get(PARAMETERS)
    secret = exchange.cookie(browser.SESSION) or ""
    is_ours = browser.is_csrf_token(exchange.provider, secret, exchange.field(browser.CSRF_FIELD))
    if browser.is_from_another_site(exchange.provider, exchange.request) or not is_ours:
        raise Forged
    asked = exchange.provider.server.validate_logout(exchange.form)
    if isinstance(asked, LogoutRefused):
        return errors.page(exchange, asked.problem, client_id=asked.client_id, detail=asked.explained)
    if exchange.field("decision") != "sign_out":
        return exchange.to("/")
    with exchange.provider.database.read() as connection:
        session = browser_session.find_unended(connection, secret)
    return _signed_out(exchange, asked) if session is None else _end(exchange, asked, session)


def signed_out(exchange: Exchange) -> Response:
    """GET /signed-out: where a sign-out that names no relying party ends."""
    if exchange.cookie(browser.SESSION) is not None:
        # Typed by hand, perhaps: the page must not say what is not so.
        return exchange.to(PATH)
    return exchange.page("signed_out.html", signed_out=True, continue_uri=None, client_name=None)


def _form_action(asked: LogoutRequest) -> tuple[str, ...]:
    """Where the answer to our question may lead."""
    registered = asked.parameters.get("post_logout_redirect_uri")
    return () if registered is None else (redirect_uri.origin(registered),)


def _is_hinted(exchange: Exchange, asked: LogoutRequest, session: BrowserSession) -> bool:
    if asked.client is None:
        return False
    return asked.hinted_sid == exchange.provider.server.session_id(asked.client, session.sid)


def _end(exchange: Exchange, asked: LogoutRequest, session: BrowserSession) -> Response:
    client_id = None if asked.client is None else asked.client.client_id
    with exchange.provider.database.write() as connection:
        browser_session.end(
            connection, session, address=exchange.address, client_id=client_id, now=exchange.now
        )
    return _signed_out(exchange, asked)


def _signed_out(exchange: Exchange, asked: LogoutRequest) -> Response:
    locales = asked.parameters.get("ui_locales")
    language = f"?{urlencode({browser.LANGUAGE: exchange.language(locales).value})}" if locales else ""
    location = asked.return_to or f"{exchange.provider.issuer}/signed-out{language}"
    response = exchange.redirect(location)
    browser.forget(exchange.provider, response, browser.SESSION)
    return response
