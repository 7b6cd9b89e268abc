"""Log in with your credentials: the central login page.

Most people come with a waiting request of an application. Who comes without one, from a bookmark or from a
link in an email, logs in to the provider itself: the same page, the same checks, the same limits.
"""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Response

from idp.accounts.attempt import AddressThrottled
from idp.accounts.entry import Entered
from idp.accounts.sign_in import Credentials, Failed
from idp.web import entrance, errors, onwards, parked, passkey, visitor
from idp.web.exchange import Exchange
from idp.web.parked import Parked


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """What a person logs in for: the `waiting` request of an application, or a page of our own, `path`."""

    waiting: Parked | None = None
    path: str = onwards.HOME
    query: str = ""
    login_hint: str | None = None
    ui_locales: str | None = None
    client_name: str | None = None
    form_action: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Typed:
    username: str
    password: str

    @property
    def blank(self) -> tuple[str, ...]:
        values = (("username", self.username.strip()), ("password", self.password))
        return tuple(name for name, value in values if not value)


def show(exchange: Exchange) -> Response:
    """GET /login."""
    is_asked = parked.HANDLE in exchange.query
    errand = _of_application(parked.find(exchange)) if is_asked else _own(exchange)
    return _page(exchange, errand, username=errand.login_hint or "")


def submit(exchange: Exchange) -> Response:
    """POST /login. Raises `hashing.Busy` when too many people wait for their turn."""
    errand = _submitted(exchange)
    typed = _Typed(exchange.field("username"), exchange.field("password"))
    if typed.blank:
        return _page(exchange, errand, username=typed.username, blank=typed.blank)
    credentials = _credentials(exchange, errand, typed)
    match exchange.provider.sign_in.with_password(credentials):
        case Entered() as entered:
            return entrance.let_in(exchange, errand.waiting, entered, onwards=errand.path)
        case Failed():
            return _page(exchange, errand, username=typed.username, failed_as=credentials.visit.reference)
        case AddressThrottled(retry_after):
            return errors.throttled(exchange, retry_after)


def _submitted(exchange: Exchange) -> _Errand:
    if parked.HANDLE in exchange.query:
        return _of_application(parked.submitted(exchange))
    visitor.submitted(exchange)
    return _own(exchange)


def _of_application(waiting: Parked) -> _Errand:
    request = waiting.request
    return _Errand(
        waiting=waiting,
        query=f"?{parked.HANDLE}={waiting.handle}",
        login_hint=request.login_hint,
        ui_locales=request.ui_locales,
        client_name=request.client.metadata.client_name,
        form_action=waiting.form_action,
    )


def _own(exchange: Exchange) -> _Errand:
    asked = onwards.asked(exchange)
    return _Errand(path=asked.path, query=asked.query)


def _credentials(exchange: Exchange, errand: _Errand, typed: _Typed) -> Credentials:
    visit = entrance.visit(exchange, errand.waiting)
    return Credentials(typed.username, typed.password, visit, parked.limits(exchange))


def _page(
    exchange: Exchange,
    errand: _Errand,
    *,
    username: str,
    failed_as: str | None = None,
    blank: tuple[str, ...] = (),
) -> Response:
    waiting = errand.waiting
    smartcard, care_identity = _card_ways(exchange)
    token = visitor.csrf_token(exchange) if waiting is None else parked.csrf_token(exchange, waiting)
    page = exchange.page(
        "login.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if failed_as or blank else HTTPStatus.OK,
        form_action=errand.form_action,
        ui_locales=errand.ui_locales,
        reference=failed_as,
        action=f"{parked.LOGIN}{errand.query}",
        csrf_token=token,
        username=username,
        failed=failed_as is not None,
        blank=blank,
        client_name=errand.client_name,
        recovery_query="" if waiting is None else errand.query,
        smartcard=smartcard,
        care_identity=care_identity,
        passkey=passkey.to_sign_in(exchange, waiting, errand.query),
    )
    return visitor.keep(exchange, page) if waiting is None else page


def _card_ways(exchange: Exchange) -> tuple[str | None, str | None]:
    """Where the buttons of the smartcard panel lead; the first one has the guidance's own words."""
    provider = exchange.provider
    certificate = None if provider.smartcard_origin is None else "/smartcard"
    care_identity = None if provider.care_identity is None else "/care-identity"
    return (certificate, care_identity) if certificate else (care_identity, None)
