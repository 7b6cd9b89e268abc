"""Unlock my account: what the link in an unlock mail opens.

Opening it does nothing, because mail scanners open links too; the button does. The password stays as it is.
"""

from urllib.parse import urlencode

from flask import Response

from idp.accounts.link import UNLOCK_PURPOSES, LinkProblem
from idp.accounts.recovery import Unlocked
from idp.db import account
from idp.policy.recovery import Kind
from idp.web import notice, parked, unusable_link, visitor
from idp.web.exchange import Exchange
from idp.web.notice import Notice

PATH = "/unlock-account"
LINK = "link"


def show(exchange: Exchange) -> Response:
    """GET /unlock-account."""
    token, handle = exchange.asked(LINK), parked.handle_in(exchange.asked(parked.HANDLE))
    provider = exchange.provider
    with provider.database.read() as connection:
        link = provider.links.find(connection, token, UNLOCK_PURPOSES, exchange.now)
        if isinstance(link, LinkProblem):
            return unusable_link.page(exchange, link, Kind.UNLOCK, handle)
        profile = account.get_profile(connection, link.account_id)
    carried = {} if handle is None else {parked.HANDLE: handle}
    page = exchange.page(
        "unlock_account.html",
        # The email was in this language: the page it leads to speaks it as well.
        ui_locales=profile.language,
        service_desk=profile.service_desk,
        # With the link, so that the language toggle opens the page again, also after the form.
        action=f"{PATH}?{urlencode({LINK: token, **carried})}",
        csrf_token=visitor.csrf_token(exchange),
        link=token,
        request=handle or "",
    )
    return visitor.keep(exchange, page)


def submit(exchange: Exchange) -> Response:
    """POST /unlock-account."""
    visitor.submitted(exchange)
    handle = parked.handle_in(exchange.field(parked.HANDLE))
    match exchange.provider.recovery.unlock(exchange.field(LINK), address=exchange.address):
        case Unlocked():
            response = exchange.to(parked.login_path(exchange, handle))
            notice.put(exchange.provider, response, Notice.ACCOUNT_UNLOCKED)
            return response
        case LinkProblem() as problem:
            return unusable_link.page(exchange, problem, Kind.UNLOCK, handle)
