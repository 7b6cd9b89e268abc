"""What every page where somebody proves a factor needs: from where they come, and what their browser gets."""

from flask import Response

from idp.accounts import browser_session
from idp.accounts.entry import Entered, Visit
from idp.web import browser, parked
from idp.web.exchange import Exchange
from idp.web.onwards import asked
from idp.web.parked import Parked

SECOND_FACTOR = "/mfa"


def visit(exchange: Exchange, waiting: Parked | None) -> Visit:
    """From where somebody signs in, for a waiting request if there is one, under a new reference."""
    provider = exchange.provider
    with provider.database.read() as connection:
        current = browser_session.find_unended(connection, exchange.cookie(browser.SESSION))
    return Visit(
        address=exchange.address,
        user_agent=exchange.request.headers.get("User-Agent"),
        known_device=exchange.cookie(browser.KNOWN_DEVICE),
        trusted_device=exchange.cookie(browser.TRUSTED_DEVICE),
        current=current,
        request_digest=None if waiting is None else waiting.row.digest,
        is_trusted_network=parked.is_shared(exchange),
        reference=provider.randomness.reference(),
    )


def let_in(exchange: Exchange, waiting: Parked | None, entered: Entered, *, onwards: str = "/") -> Response:
    """Give the browser its session, and go on: to the hub, to a second factor that is due, or `onwards`."""
    provider = exchange.provider
    response = _next(exchange, waiting, entered, onwards)
    # No Max-Age: on a shared workstation the session goes with the browser.
    browser.write(provider, response, browser.SESSION, entered.session.secret)
    if entered.known_device is not None:
        browser.write(
            provider, response, browser.KNOWN_DEVICE, entered.known_device, provider.lifetimes.known_device
        )
    return response


def _next(exchange: Exchange, waiting: Parked | None, entered: Entered, onwards: str) -> Response:
    if waiting is not None:
        return parked.back_to_hub(exchange, waiting)
    return exchange.to(f"{SECOND_FACTOR}{asked(exchange).query}" if entered.is_half else onwards)
