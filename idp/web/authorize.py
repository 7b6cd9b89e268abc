"""The hub: start an authorization request, resume one that waited, answer it.

RFC 6749 §4.1, OpenID Connect Core §3.1.2. Gather the standing, ask the policy for the next step, act on it:
no other module decides what comes next. A request that needs no person is answered at once and never stored.
"""

from flask import Response

from idp.accounts import browser_session, standing
from idp.accounts.standing import Asking
from idp.db import authorization_request
from idp.db.authorization_request import AuthorizationRequest as Row
from idp.db.browser_session import BrowserSession
from idp.policy import redirect_uri
from idp.policy.authentication import Authentication
from idp.policy.journey import Standing, Step, next_step
from idp.policy.prompt import Prompt
from idp.policy.refusal import Refused
from idp.protocol.authorization_request import NOT_SUPPORTED, PARAMETERS, AuthorizationRequest
from idp.protocol.response import AuthorizationResponse, ResponseMode
from idp.web import browser, parked
from idp.web.exchange import Exchange
from idp.web.parked import Gone

PAGE_OF = {
    Step.LOGIN: "/login",
    Step.SELECT_ACCOUNT: "/select-account",
    Step.CONSENT: "/consent",
}


def start(exchange: Exchange) -> Response:
    """GET /authorize."""
    with exchange.provider.database.turn():
        return _start(exchange)


def _start(exchange: Exchange) -> Response:
    request = exchange.provider.server.validate(exchange.query)
    facts, session = gather(exchange, request, None)
    step = next_step(request.asked, facts, exchange.now)
    if isinstance(step, Refused):
        return answer(exchange, request, request.refused(exchange.provider.issuer, step))
    if step is Step.ISSUE_CODE and facts.authentication is not None and session is not None:
        return _single_sign_on(exchange, request, facts.authentication, session)
    handle, secret = parked.park(exchange, request)
    response = exchange.to(PAGE_OF[step], **{parked.HANDLE: handle})
    browser.write(
        exchange.provider,
        response,
        browser.transaction_cookie(handle),
        secret,
        exchange.provider.lifetimes.transaction,
    )
    return response


def start_posted(exchange: Exchange) -> Response:
    """POST /authorize: the same as a GET, which is also the only way a browser sends its session along."""
    return exchange.again_as_get((*PARAMETERS, *NOT_SUPPORTED))


def resume(exchange: Exchange, handle: str) -> Response:
    """GET /authorize/<handle>: go on after a page."""
    waiting = parked.find(exchange, handle)
    request = waiting.request
    facts, _ = gather(exchange, request, waiting.row)
    step = next_step(request.asked, facts, exchange.now)
    if isinstance(step, Refused):
        response = request.refused(exchange.provider.issuer, step)
        return complete(exchange, waiting, response)
    if step is Step.ISSUE_CODE and facts.authentication is not None:
        return _issue(exchange, waiting, facts.authentication)
    return exchange.to(PAGE_OF[step], **{parked.HANDLE: handle})


def gather(
    exchange: Exchange, request: AuthorizationRequest, row: Row | None
) -> tuple[Standing, BrowserSession | None]:
    """The facts the journey decides on, and the session they rest on."""
    client = request.client
    asking = Asking(
        client_id=client.client_id,
        first_party=client.metadata.first_party,
        scope=request.asked.scope,
        sub_of=lambda authentication: exchange.provider.server.subject(client, authentication),
    )
    with exchange.provider.database.read() as connection:
        return standing.gather(connection, asking, exchange.cookie(browser.SESSION), row, exchange.now)


def complete(exchange: Exchange, waiting: parked.Parked, response: AuthorizationResponse) -> Response:
    """Answer a waiting request without a code, once. Raises `Gone` when it was answered meanwhile."""
    with exchange.provider.database.write_once() as connection:
        is_first = authorization_request.complete(connection, waiting.row.digest, exchange.now)
    if not is_first:
        raise Gone("request_answered", waiting.row.client_id)
    return _leave(exchange, waiting, response)


def answer(exchange: Exchange, request: AuthorizationRequest, response: AuthorizationResponse) -> Response:
    """Send an answer to the client's redirect URI, in the mode it asked for."""
    return send(exchange, response, request.client.metadata.client_name)


def send(exchange: Exchange, response: AuthorizationResponse, client_name: str | None) -> Response:
    """The same, when all that is known of the request is where its answer goes."""
    if response.mode is not ResponseMode.FORM_POST:
        return exchange.redirect(response.location)
    return exchange.page(
        "form_post.html",
        form_action=(redirect_uri.origin(response.redirect_uri),),
        in_languages=False,
        redirect_uri=response.redirect_uri,
        fields=response.parameters,
        client_name=client_name,
    )


def _single_sign_on(
    exchange: Exchange, request: AuthorizationRequest, authentication: Authentication, session: BrowserSession
) -> Response:
    provider = exchange.provider
    # A silent check is the application's doing, not a sign that anyone is there.
    if Prompt.NONE not in request.asked.prompt:
        browser_session.keep_alive(provider.database, session, provider.lifetimes, exchange.now)
    with provider.database.write_once() as connection:
        response = provider.server.issue_code(connection, request, authentication)
    return answer(exchange, request, response)


def _issue(exchange: Exchange, waiting: parked.Parked, authentication: Authentication) -> Response:
    with exchange.provider.database.write() as connection:
        if not authorization_request.complete(connection, waiting.row.digest, exchange.now):
            raise Gone("request_answered", waiting.row.client_id)
        response = exchange.provider.server.issue_code(connection, waiting.request, authentication)
    return _leave(exchange, waiting, response)


def _leave(exchange: Exchange, waiting: parked.Parked, response: AuthorizationResponse) -> Response:
    sent = answer(exchange, waiting.request, response)
    browser.forget(exchange.provider, sent, browser.transaction_cookie(waiting.handle))
    return sent
