"""Authorization requests that wait for a person: park one, find it again, in the browser that brought it.

The handle in the address finds the row, the transaction cookie proves the browser: a link that is passed on
opens nothing elsewhere (session fixation).
"""

import hmac
import re
from dataclasses import dataclass

from flask import Response

from idp.accounts.attempt import Limits
from idp.db import Conflict, authorization_request
from idp.db.authorization_request import AuthorizationRequest as Row
from idp.db.browser_session import BrowserSession
from idp.policy import redirect_uri
from idp.policy.rate import SHARED
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import AuthorizationRefused, NotAnswerable
from idp.services.digest import digest
from idp.web import browser
from idp.web.address import is_client_in
from idp.web.exchange import Exchange

HANDLE = "request"
LOGIN = "/login"
_LONGEST = 64
# What a page may carry along and a mail may say: what `randomness.token` makes.
_CARRIED = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Parked:
    """A waiting request, validated again as it stands now. `secret` is the browser's, for its forms."""

    handle: str
    secret: str
    row: Row
    request: AuthorizationRequest

    @property
    def form_action(self) -> tuple[str, ...]:
        """Where the answer to a form may lead; browsers hold the client's own redirects to it, too."""
        metadata = self.request.client.metadata
        uris = (self.request.redirect_uri, metadata.client_uri, metadata.initiate_login_uri)
        return tuple(dict.fromkeys(redirect_uri.origin(uri) for uri in uris if uri is not None))


class Gone(Exception):
    """There is no waiting request to go on with. `problem` says why; `client_id` where to start again."""

    def __init__(self, problem: str, client_id: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.client_id = client_id


class Forged(Exception):
    """A form that this browser was not given, or that another site sent."""


class Throttled(Exception):
    """The address has opened too many login pages; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def limits(exchange: Exchange) -> Limits:
    """What the address may do: more when it is a hospital's, which many people share."""
    own = exchange.provider.limits
    return own.widened(SHARED) if is_shared(exchange) else own


def is_shared(exchange: Exchange) -> bool:
    """Whether the request comes from a trusted network, which many people share."""
    provider = exchange.provider
    return is_client_in(exchange.request.environ, provider.trusted_proxies, provider.trusted_networks)


def park(exchange: Exchange, request: AuthorizationRequest) -> tuple[str, str]:
    """Store the request; its handle and the secret for the browser's cookie. Raises `Throttled`."""
    provider = exchange.provider
    handle, secret = provider.randomness.token(), provider.randomness.token()
    row = Row(
        digest=digest(handle),
        binding_digest=digest(secret),
        client_id=request.client.client_id,
        parameters=dict(request.parameters),
        created_at=exchange.now,
        expires_at=exchange.now + provider.lifetimes.transaction,
        signed_in_sid=None,
        selected_sid=None,
        consented_sid=None,
        completed_at=None,
    )
    try:
        with provider.database.write() as connection:
            throttled = provider.sign_in.attempts.count_login_page(
                connection, exchange.address, limits(exchange), exchange.now
            )
            if throttled is None:
                authorization_request.add(connection, row)
    except Conflict:
        # The client was removed a moment ago, and is still remembered here.
        raise NotAnswerable("client_unknown", row.client_id, {"received": row.client_id}) from None
    if throttled is not None:
        raise Throttled(throttled.retry_after)
    return handle, secret


def find(exchange: Exchange, handle: str | None = None) -> Parked:
    """The request this browser waits with. Raises `Gone`, or what validating it again raises."""
    handle = handle or _only(exchange)
    if not 1 <= len(handle) <= _LONGEST or not handle.isascii():
        raise Gone("request_unknown")
    provider = exchange.provider
    with provider.database.read() as connection:
        row = authorization_request.find(connection, digest(handle))
    secret = exchange.cookie(browser.transaction_cookie(handle))
    if row is None:
        raise Gone("request_unknown")
    if row.completed_at is not None:
        raise Gone("request_answered", row.client_id)
    if row.expires_at <= exchange.now:
        raise Gone("request_expired", row.client_id)
    if secret is None or not hmac.compare_digest(digest(secret), row.binding_digest):
        raise Gone("request_of_another_browser", row.client_id)
    request = provider.server.validate({name: (value,) for name, value in row.parameters.items()})
    return Parked(handle, secret, row, request)


def handle_in(text: str) -> str | None:
    """The handle that a page carries along, if the text looks like one."""
    return text if _CARRIED.fullmatch(text) else None


def find_own(exchange: Exchange, handle: str | None) -> Parked | None:
    """The request with this handle while this browser can go on with it; None for whatever forbids it."""
    if handle is None:
        return None
    try:
        return find(exchange, handle)
    except (Gone, NotAnswerable, AuthorizationRefused):
        return None


def login_path(exchange: Exchange, handle: str | None) -> str:
    """Where one logs in again: for the waiting request if this browser can go on with it, else for none."""
    waiting = find_own(exchange, handle)
    return LOGIN if waiting is None else action(waiting, LOGIN)


def submitted(exchange: Exchange, session: BrowserSession | None = None) -> Parked:
    """The same for a posted form, which must come from our own page in this browser. Raises `Forged` too.

    `session` is the live one, for a page that asked the person of a session.
    """
    if browser.is_from_another_site(exchange.provider, exchange.request):
        raise Forged
    parked = find(exchange)
    presented = exchange.field(browser.CSRF_FIELD)
    if not browser.is_csrf_token(exchange.provider, _binding(parked, session), presented):
        raise Forged
    return parked


def csrf_token(exchange: Exchange, parked: Parked, session: BrowserSession | None = None) -> str:
    """The token of a form about this request.

    One that shows whose `session` it is about ends with it: on a shared workstation a page left open by one
    person must not speak for the next.
    """
    return browser.csrf_token(exchange.provider, _binding(parked, session))


def action(parked: Parked, path: str) -> str:
    """The address of a form that goes on with the request."""
    return f"{path}?{HANDLE}={parked.handle}"


def back_to_hub(exchange: Exchange, parked: Parked) -> Response:
    """Every page ends here: the hub picks what comes next."""
    return exchange.to(f"/authorize/{parked.handle}")


def _binding(parked: Parked, session: BrowserSession | None) -> str:
    return parked.secret if session is None else f"{parked.secret} {session.sid}"


def _only(exchange: Exchange) -> str:
    values = exchange.query.get(HANDLE, ())
    if len(values) != 1:
        raise Gone("request_missing")
    return values[0]
