"""Your applications: where a person lands who came here without one."""

from flask import Response

from idp.accounts import browser_session
from idp.db import account
from idp.web import browser, entrance, onwards
from idp.web.exchange import Exchange


def show(exchange: Exchange) -> Response:
    """GET /. Who has to prove a second factor first, or to choose a new password, is taken there."""
    secret = exchange.cookie(browser.SESSION)
    with exchange.provider.database.read() as connection:
        session = browser_session.find(connection, secret, exchange.now)
        half = browser_session.find_half(connection, secret, exchange.now) if session is None else None
        due = browser_session.find_due(connection, secret, exchange.now) if session is None else None
        profile = None if session is None else account.find_profile(connection, session.account_id)
    if half is not None:
        return exchange.to(entrance.SECOND_FACTOR)
    if due is not None:
        return exchange.to(onwards.CHANGE_PASSWORD)
    return exchange.page(
        "home.html",
        service_desk=None if profile is None else profile.service_desk,
        username=None if profile is None else profile.username,
        name=None if profile is None else profile.name,
        applications=_applications(exchange),
    )


def _applications(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """The employer's own applications that say where they begin, by name."""
    own = (
        client.metadata for client in exchange.provider.server.clients.every() if client.metadata.first_party
    )
    begin = ((each.client_name, each.client_uri or each.initiate_login_uri) for each in own)
    return tuple(sorted((name, uri) for name, uri in begin if uri is not None))
