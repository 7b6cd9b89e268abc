"""Choose an account: go on as who is signed in, or as someone else (OpenID Connect Core §3.1.2.1)."""

from flask import Response

from idp.accounts import browser_session
from idp.db import account, authorization_request
from idp.web import browser, parked
from idp.web.exchange import Exchange

PATH = "/select-account"


def show(exchange: Exchange) -> Response:
    """GET /select-account."""
    waiting = parked.find(exchange)
    with exchange.provider.database.read() as connection:
        session = browser_session.find(connection, exchange.cookie(browser.SESSION), exchange.now)
        profile = None if session is None else account.find_profile(connection, session.account_id)
    if profile is None:
        return parked.back_to_hub(exchange, waiting)
    return exchange.page(
        "select_account.html",
        form_action=waiting.form_action,
        ui_locales=waiting.request.ui_locales,
        service_desk=profile.service_desk,
        action=parked.action(waiting, PATH),
        csrf_token=parked.csrf_token(exchange, waiting, session),
        username=profile.username,
        name=profile.name,
        employer_name=profile.employer_name,
        client_name=waiting.request.client.metadata.client_name,
    )


def submit(exchange: Exchange) -> Response:
    """POST /select-account."""
    with exchange.provider.database.read() as connection:
        session = browser_session.find(connection, exchange.cookie(browser.SESSION), exchange.now)
    waiting = parked.submitted(exchange, session)
    if exchange.field("choice") == "other":
        return exchange.to("/login", **{parked.HANDLE: waiting.handle})
    if exchange.field("choice") == "continue" and session is not None:
        with exchange.provider.database.write_once() as connection:
            authorization_request.selected(connection, waiting.row.digest, session.sid)
    return parked.back_to_hub(exchange, waiting)
