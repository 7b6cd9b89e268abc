"""What a page needs to let a browser use passkeys: where to ask, where to answer, and a token for both.

OWASP ASVS 5.0 §3.5.1. The posts come from our script and not from a form, and are protected like one: a token
for this browser, and for one kind of ceremony where no request waits; nothing from other sites.
"""

from dataclasses import dataclass

from idp.db.browser_session import BrowserSession
from idp.web import onwards, parked, visitor
from idp.web.exchange import Exchange
from idp.web.parked import Parked

SIGN_IN = "/passkey/verify"
STEP_UP = "/passkey/mfa/verify"
REGISTER = "/passkey/register"

_OPTIONS = {
    SIGN_IN: "/passkey/options",
    STEP_UP: "/passkey/mfa/options",
    REGISTER: "/passkey/register/options",
}


@dataclass(frozen=True, slots=True)
class Ceremony:
    """One ceremony that a page offers. `link` is the token of a mailed link that it goes on with."""

    options: str
    answer: str
    csrf_token: str
    link: str = ""


def to_sign_in(exchange: Exchange, waiting: Parked | None, query: str) -> Ceremony:
    """Log in, at the login page with this query; without a request, `visitor.keep` the page."""
    return _ceremony(exchange, waiting, SIGN_IN, query)


def to_step_up(exchange: Exchange, waiting: Parked | None, session: BrowserSession) -> Ceremony:
    """Prove a second factor in a session that is half or live; without a request, `visitor.keep` the page."""
    return _ceremony(exchange, waiting, STEP_UP, _query(exchange, waiting), session)


def to_enrol(exchange: Exchange, waiting: Parked | None, session: BrowserSession, link: str = "") -> Ceremony:
    """Make a passkey for the account of a session; without a request, `visitor.keep` the page."""
    return _ceremony(exchange, waiting, REGISTER, _query(exchange, waiting), session, link)


def submitted(exchange: Exchange, answer: str, session: BrowserSession | None = None) -> Parked | None:
    """The waiting request, if there is one, of a post that must come from our own page. Raises `Forged`."""
    if parked.HANDLE in exchange.query:
        return parked.submitted(exchange, session)
    visitor.submitted(exchange, session, page=answer)
    return None


def _ceremony(
    exchange: Exchange,
    waiting: Parked | None,
    answer: str,
    query: str,
    session: BrowserSession | None = None,
    link: str = "",
) -> Ceremony:
    token = (
        visitor.csrf_token(exchange, session, page=answer)
        if waiting is None
        else parked.csrf_token(exchange, waiting, session)
    )
    return Ceremony(f"{_OPTIONS[answer]}{query}", f"{answer}{query}", token, link)


def _query(exchange: Exchange, waiting: Parked | None) -> str:
    return onwards.asked(exchange).query if waiting is None else parked.action(waiting, "")
