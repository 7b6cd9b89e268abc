"""A browser that brings no waiting request: what binds its forms to it, and how they are recognised.

OWASP ASVS 5.0 §3.5.1. The cookie is random and stands for nobody; it goes when the browser closes. A token
serves the one page it was made for: that of a harmless form opens no other.
"""

from flask import Response

from idp.db.browser_session import BrowserSession
from idp.web import browser
from idp.web.exchange import Exchange
from idp.web.parked import Forged


def csrf_token(exchange: Exchange, session: BrowserSession | None = None, *, page: str | None = None) -> str:
    """The token of a form that is posted to this very address, or for `page`; `keep` answers with its page.

    One that speaks for the person of a `session` ends with it, as that of a waiting request does.
    """
    return browser.csrf_token(exchange.provider, _binding(exchange, session, page))


def keep(exchange: Exchange, response: Response) -> Response:
    """The page of a form, with the cookie the form is bound to if the browser has none."""
    if exchange.form_secret != exchange.cookie(browser.FORM):
        browser.write(exchange.provider, response, browser.FORM, exchange.form_secret)
    return response


def submitted(exchange: Exchange, session: BrowserSession | None = None, *, page: str | None = None) -> None:
    """Make sure that a posted form is our own, made for this page in this browser. Raises `Forged`."""
    if browser.is_from_another_site(exchange.provider, exchange.request):
        raise Forged
    presented = exchange.field(browser.CSRF_FIELD)
    # A browser without the cookie is compared with a new secret, which no form can know.
    if not browser.is_csrf_token(exchange.provider, _binding(exchange, session, page), presented):
        raise Forged


def _binding(exchange: Exchange, session: BrowserSession | None, page: str | None) -> str:
    of_page = f"{exchange.form_secret} {page or exchange.path}"
    return of_page if session is None else f"{of_page} {session.sid}"
