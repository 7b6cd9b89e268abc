"""Consent: the person says whether a client may see what it asks for (OpenID Connect Core §3.1.2.4)."""

from flask import Response

from idp.accounts import browser_session, consent
from idp.db import account
from idp.policy.refusal import Refused
from idp.policy.scope import ordered
from idp.web import browser, parked
from idp.web.authorize import complete
from idp.web.exchange import Exchange

PATH = "/consent"

_DENIED = Refused("access_denied", "the person did not allow it")


def show(exchange: Exchange) -> Response:
    """GET /consent."""
    waiting = parked.find(exchange)
    with exchange.provider.database.read() as connection:
        session = browser_session.find(connection, exchange.cookie(browser.SESSION), exchange.now)
        profile = None if session is None else account.find_profile(connection, session.account_id)
    if profile is None:
        return parked.back_to_hub(exchange, waiting)
    metadata = waiting.request.client.metadata
    return exchange.page(
        "consent.html",
        form_action=waiting.form_action,
        ui_locales=waiting.request.ui_locales,
        service_desk=profile.service_desk,
        action=parked.action(waiting, PATH),
        csrf_token=parked.csrf_token(exchange, waiting, session),
        client_name=metadata.client_name,
        client_uri=metadata.client_uri,
        username=profile.username,
        name=profile.name,
        scopes=tuple(ordered(waiting.request.asked.scope).split()),
    )


def submit(exchange: Exchange) -> Response:
    """POST /consent. Anything but a clear yes or no asks again."""
    provider = exchange.provider
    with provider.database.read() as connection:
        session = browser_session.find(connection, exchange.cookie(browser.SESSION), exchange.now)
    waiting = parked.submitted(exchange, session)
    match exchange.field("decision"):
        case "deny":
            return complete(exchange, waiting, waiting.request.refused(provider.issuer, _DENIED))
        case "allow" if session is not None:
            scope = waiting.request.asked.scope
            with provider.database.write() as connection:
                consent.grant(
                    connection, session, waiting.row, scope, address=exchange.address, now=exchange.now
                )
    return parked.back_to_hub(exchange, waiting)
