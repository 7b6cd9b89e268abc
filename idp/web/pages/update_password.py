"""Update Password: choose a password with the link from an email, to activate an account or to reset it.

Opening the page changes nothing, as often as it happens: mail scanners open links, too. Submitting it does
all at once or nothing. Nobody is signed in by it (OWASP ASVS 5.0 §6.4.3): the way back is the login page.
"""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response

from idp.accounts.attempt import AccountThrottled
from idp.accounts.link import PASSWORD_PURPOSES, Link, LinkProblem
from idp.accounts.password import NotAccepted, OtherUsername, Updated
from idp.db import account
from idp.db.account import Profile
from idp.db.link import Purpose
from idp.policy.recovery import Kind
from idp.web import browser, errors, new_password, notice, parked, unusable_link, visitor
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.new_password import Wrong
from idp.web.notice import Notice

PATH = "/update-password"
LINK = "link"

_NO_USERNAME = N_("Enter your username")
_OTHER_USERNAME = N_("Enter the username that is in the email with this link")


@dataclass(frozen=True, slots=True)
class _Opened:
    """The link in hand: its token, whose it is, and the waiting request that it carries along."""

    token: str
    request: str | None
    link: Link
    profile: Profile

    @property
    def action(self) -> str:
        """The address of the page: the language toggle opens it again, also after a form."""
        carried = {} if self.request is None else {parked.HANDLE: self.request}
        return f"{PATH}?{urlencode({LINK: self.token, **carried})}"


@dataclass(frozen=True, slots=True)
class _Typed:
    username: str
    password: str
    confirm_password: str

    @property
    def wrong(self) -> list[Wrong]:
        nobody = [] if self.username.strip() else [new_password.wrong("username", _NO_USERNAME)]
        return nobody + new_password.typed_wrong(self.password, self.confirm_password)


def show(exchange: Exchange) -> Response:
    """GET /update-password."""
    request = parked.handle_in(exchange.asked(parked.HANDLE))
    opened = _open(exchange, exchange.asked(LINK), request)
    if isinstance(opened, LinkProblem):
        return unusable_link.page(exchange, opened, Kind.FORGOTTEN, request)
    return _page(exchange, opened, username="", wrong=[])


def submit(exchange: Exchange) -> Response:
    """POST /update-password. Raises `hashing.Busy` when too many people wait for their turn."""
    visitor.submitted(exchange)
    request = parked.handle_in(exchange.field(parked.HANDLE))
    opened = _open(exchange, exchange.field(LINK), request)
    if isinstance(opened, LinkProblem):
        return unusable_link.page(exchange, opened, Kind.FORGOTTEN, request)
    typed = _Typed(exchange.field("username"), exchange.field("password"), exchange.field("confirm_password"))
    if typed.wrong:
        return _not_yet(exchange, opened, typed, typed.wrong)
    return _tell(exchange, opened, typed)


def _tell(exchange: Exchange, opened: _Opened, typed: _Typed) -> Response:
    passwords = exchange.provider.passwords
    match passwords.update(opened.token, typed.username, typed.password, address=exchange.address):
        case Updated():
            return _updated(exchange, opened)
        case OtherUsername():
            return _not_yet(exchange, opened, typed, [new_password.wrong("username", _OTHER_USERNAME)])
        case NotAccepted(failures):
            rules = passwords.rules(opened.link.account_id)
            wrong = new_password.refused(failures, rules.profile)
            return _page(exchange, opened, username=typed.username, wrong=wrong)
        case LinkProblem() as problem:
            return unusable_link.page(exchange, problem, Kind.FORGOTTEN, opened.request)
        case AccountThrottled(retry_after):
            return errors.account_throttled(exchange, retry_after)


def _open(exchange: Exchange, token: str, request: str | None) -> _Opened | LinkProblem:
    provider = exchange.provider
    with provider.database.read() as connection:
        link = provider.links.find(connection, token, PASSWORD_PURPOSES, exchange.now)
        if isinstance(link, LinkProblem):
            return link
        profile = account.get_profile(connection, link.account_id)
        found = account.get(connection, link.account_id)
    # What is closed has no link.
    if found.is_closed(exchange.now):
        return LinkProblem.UNKNOWN
    return _Opened(token, request, link, profile)


def _updated(exchange: Exchange, opened: _Opened) -> Response:
    provider = exchange.provider
    activated = opened.link.purpose is Purpose.ACTIVATE
    response = exchange.to(parked.login_path(exchange, opened.request))
    notice.put(provider, response, Notice.ACCOUNT_ACTIVATED if activated else Notice.PASSWORD_UPDATED)
    # The login page goes on in the language of this one.
    language = exchange.language(opened.profile.language)
    browser.write(provider, response, browser.LANGUAGE, language.value)
    return response


def _not_yet(exchange: Exchange, opened: _Opened, typed: _Typed, wrong: list[Wrong]) -> Response:
    """Tell what the password will be refused for together with what kept us from trying it."""
    rules = exchange.provider.passwords.rules(opened.link.account_id)
    refused = new_password.refused_so_far(exchange.provider, rules, typed.password)
    return _page(exchange, opened, username=typed.username, wrong=new_password.in_order([*wrong, *refused]))


def _page(exchange: Exchange, opened: _Opened, *, username: str, wrong: list[Wrong]) -> Response:
    rules = exchange.provider.passwords.rules(opened.link.account_id)
    page = exchange.page(
        "update_password.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        # The email was in this language: the page it leads to speaks it as well.
        ui_locales=opened.profile.language,
        service_desk=opened.profile.service_desk,
        action=opened.action,
        csrf_token=visitor.csrf_token(exchange),
        link=opened.token,
        request=opened.request,
        username=username,
        activates=opened.link.purpose is Purpose.ACTIVATE,
        wrong=wrong,
        choice=new_password.choice(exchange.provider, rules),
    )
    return visitor.keep(exchange, page)
