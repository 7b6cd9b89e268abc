"""Log in with your credentials: the central login page."""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Response

from idp.accounts import browser_session
from idp.accounts.attempt import AddressThrottled
from idp.accounts.sign_in import Credentials, Failed, MustChangePassword, SignedIn
from idp.web import browser, errors, parked
from idp.web.exchange import Exchange
from idp.web.parked import Parked

PATH = "/login"


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
    waiting = parked.find(exchange)
    return _page(exchange, waiting, username=waiting.request.login_hint or "")


def submit(exchange: Exchange) -> Response:
    """POST /login. Raises `hashing.Busy` when too many people wait for their turn."""
    waiting = parked.submitted(exchange)
    typed = _Typed(exchange.field("username"), exchange.field("password"))
    if typed.blank:
        return _page(exchange, waiting, username=typed.username, blank=typed.blank)
    credentials = _credentials(exchange, waiting, typed)
    match exchange.provider.sign_in.with_password(credentials):
        case SignedIn() as signed_in:
            return _signed_in(exchange, waiting, signed_in)
        case Failed():
            return _page(exchange, waiting, username=typed.username, failed_as=credentials.reference)
        case MustChangePassword():
            return errors.page(exchange, "password_change_due", client_id=waiting.row.client_id)
        case AddressThrottled(retry_after):
            return errors.throttled(exchange, retry_after)


def _credentials(exchange: Exchange, waiting: Parked, typed: _Typed) -> Credentials:
    provider = exchange.provider
    with provider.database.read() as connection:
        current = browser_session.find_unended(connection, exchange.cookie(browser.SESSION))
    return Credentials(
        username=typed.username,
        password=typed.password,
        address=exchange.address,
        user_agent=exchange.request.headers.get("User-Agent"),
        known_device=exchange.cookie(browser.KNOWN_DEVICE),
        current=current,
        request_digest=waiting.row.digest,
        limits=parked.limits(exchange),
        reference=provider.randomness.reference(),
    )


def _signed_in(exchange: Exchange, waiting: Parked, signed_in: SignedIn) -> Response:
    provider = exchange.provider
    response = parked.back_to_hub(exchange, waiting)
    # No Max-Age: on a shared workstation the session goes with the browser.
    browser.write(provider, response, browser.SESSION, signed_in.session.secret)
    browser.write(
        provider,
        response,
        browser.KNOWN_DEVICE,
        signed_in.known_device,
        provider.lifetimes.known_device,
    )
    return response


def _page(
    exchange: Exchange,
    waiting: Parked,
    *,
    username: str,
    failed_as: str | None = None,
    blank: tuple[str, ...] = (),
) -> Response:
    return exchange.page(
        "login.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if failed_as or blank else HTTPStatus.OK,
        form_action=waiting.form_action,
        ui_locales=waiting.request.ui_locales,
        reference=failed_as,
        action=parked.action(waiting, PATH),
        csrf_token=parked.csrf_token(exchange, waiting),
        username=username,
        failed=failed_as is not None,
        blank=blank,
        client_name=waiting.request.client.metadata.client_name,
        recovery=False,
        smartcard=False,
    )
