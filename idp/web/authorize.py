"""The hub: start an authorization request, resume one that waited, answer it.

RFC 6749 §4.1, OpenID Connect Core §3.1.2. Gather the standing, ask the policy for the next step, act on it:
no other module decides what comes next. A request that needs no person is answered at once and never stored.
"""

from datetime import datetime

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
from idp.provider import Provider
from idp.web import browser, parked
from idp.web.exchange import Exchange
from idp.web.parked import Gone

PAGE_OF = {
    Step.LOGIN: "/login",
    Step.SECOND_FACTOR: "/mfa",
    Step.ENROL_FACTOR: "/mfa/enrol",
    Step.CHANGE_PASSWORD: "/change-password",
    Step.SELECT_ACCOUNT: "/select-account",
    Step.CONSENT: "/consent",
}


def start(exchange: Exchange) -> Response:
    """GET /authorize."""
    provider = exchange.provider
    request = provider.server.validate(exchange.query)
    outcome = decide(provider, request, exchange.cookie(browser.SESSION), exchange.now)
    if isinstance(outcome, AuthorizationResponse):
        return answer(exchange, request, outcome)
    handle, secret = parked.park(exchange, request)
    response = exchange.to(PAGE_OF[outcome], **{parked.HANDLE: handle})
    cookie = browser.transaction_cookie(handle)
    browser.write(provider, response, cookie, secret, provider.lifetimes.transaction)
    return response


def decide(
    provider: Provider, request: AuthorizationRequest, session_secret: str | None, now: datetime
) -> AuthorizationResponse | Step:
    """Answer the request when nobody has to do anything first; else the step that comes first."""
    facts, session = gather(provider, request, session_secret, None, now)
    step = next_step(request.asked, facts, now)
    if isinstance(step, Refused):
        return request.refused(provider.issuer, step)
    if step is not Step.ISSUE_CODE or facts.authentication is None or session is None:
        return step
    # A silent check is the application's doing, not a sign that anyone is there.
    if Prompt.NONE not in request.asked.prompt:
        browser_session.keep_alive(provider.database, session, provider.lifetimes, now)
    with provider.database.write_once() as connection:
        return provider.server.issue_code(connection, request, facts.authentication)


def start_posted(exchange: Exchange) -> Response:
    """POST /authorize: the same as a GET, which is also the only way a browser sends its session along."""
    return exchange.again_as_get((*PARAMETERS, *NOT_SUPPORTED))


def resume(exchange: Exchange, handle: str) -> Response:
    """GET /authorize/<handle>: go on after a page."""
    waiting = parked.find(exchange, handle)
    request = waiting.request
    secret = exchange.cookie(browser.SESSION)
    facts, _ = gather(exchange.provider, request, secret, waiting.row, exchange.now)
    step = next_step(request.asked, facts, exchange.now)
    if isinstance(step, Refused):
        response = request.refused(exchange.provider.issuer, step)
        return complete(exchange, waiting, response)
    if step is Step.ISSUE_CODE and facts.authentication is not None:
        return _issue(exchange, waiting, facts.authentication)
    return exchange.to(PAGE_OF[step], **{parked.HANDLE: handle})


def gather(
    provider: Provider,
    request: AuthorizationRequest,
    session_secret: str | None,
    row: Row | None,
    now: datetime,
) -> tuple[Standing, BrowserSession | None]:
    """The facts the journey decides on, and the session they rest on."""
    client = request.client
    asking = Asking(
        client_id=client.client_id,
        first_party=client.metadata.first_party,
        scope=request.asked.scope,
        assurance=request.asked.assurance,
        sub_of=lambda authentication: provider.server.subject(client, authentication),
    )
    with provider.database.read() as connection:
        return standing.gather(connection, asking, session_secret, row, now)


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
