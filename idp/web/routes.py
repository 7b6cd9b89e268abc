"""Every URL of the product, in the order in which a person, and then a program, meets them."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from flask.sessions import NullSession, SessionInterface
from werkzeug.urls import iri_to_uri

from idp.provider import Provider
from idp.web import authorize, endpoints, errors, health, metrics
from idp.web.endpoints import Endpoint, Endpoints
from idp.web.exchange import Exchange
from idp.web.pages import (
    account,
    account_factors,
    care_identity,
    change_password,
    consent,
    files,
    forgotten,
    home,
    login,
    logout,
    mfa,
    mfa_enrol,
    outbox,
    passkey,
    recovery_codes,
    select_account,
    smartcard,
    unlock,
    unlock_account,
    update_password,
)
from idp.web.pages import request as request_page
from idp.web.parameters import LARGEST_BODY
from idp.web.rendering import Rendering

View = Callable[..., Response]

PAGES: tuple[tuple[str, str, View], ...] = (
    ("GET", "/", home.show),
    ("GET", "/authorize", authorize.start),
    ("POST", "/authorize", authorize.start_posted),
    ("GET", "/authorize/<handle>", authorize.resume),
    ("GET", "/login", login.show),
    ("POST", "/login", login.submit),
    ("POST", "/passkey/options", passkey.sign_in_options),
    ("POST", "/passkey/verify", passkey.sign_in),
    ("POST", "/passkey/mfa/options", passkey.step_up_options),
    ("POST", "/passkey/mfa/verify", passkey.step_up),
    ("GET", "/passkey/add", passkey.show_add),
    ("POST", "/passkey/register/options", passkey.register_options),
    ("POST", "/passkey/register", passkey.register),
    ("GET", "/smartcard", smartcard.start),
    ("GET", "/smartcard/check", smartcard.check),
    ("GET", "/smartcard/return", smartcard.come_back),
    ("GET", "/care-identity", care_identity.start),
    ("GET", "/care-identity/return", care_identity.come_back),
    ("GET", "/forgotten", forgotten.show),
    ("POST", "/forgotten", forgotten.submit),
    ("GET", "/forgotten/confirmation", forgotten.show_confirmation),
    ("POST", "/forgotten/confirmation", forgotten.submit_confirmation),
    ("GET", "/request", request_page.show),
    ("POST", "/request", request_page.submit),
    ("GET", "/request/confirmation", request_page.show_confirmation),
    ("POST", "/request/confirmation", request_page.submit_confirmation),
    ("GET", "/unlock", unlock.show),
    ("POST", "/unlock", unlock.submit),
    ("GET", "/unlock/confirmation", unlock.show_confirmation),
    ("POST", "/unlock/confirmation", unlock.submit_confirmation),
    ("GET", "/unlock-account", unlock_account.show),
    ("POST", "/unlock-account", unlock_account.submit),
    ("GET", "/update-password", update_password.show),
    ("POST", "/update-password", update_password.submit),
    ("GET", "/change-password", change_password.show),
    ("POST", "/change-password", change_password.submit),
    ("GET", "/mfa", mfa.show),
    ("POST", "/mfa", mfa.submit),
    ("GET", "/mfa/enrol", mfa_enrol.show),
    ("POST", "/mfa/enrol", mfa_enrol.submit),
    ("GET", "/mfa/recovery-codes", recovery_codes.show),
    ("POST", "/mfa/recovery-codes", recovery_codes.submit),
    ("GET", "/select-account", select_account.show),
    ("POST", "/select-account", select_account.submit),
    ("GET", "/consent", consent.show),
    ("POST", "/consent", consent.submit),
    ("GET", "/account", account.show),
    ("POST", "/account/session", account.end_session),
    ("POST", "/account/sessions", account.end_other_sessions),
    ("POST", "/account/trusted-device", account.revoke_device),
    ("POST", "/account/consent", account.withdraw_consent),
    ("POST", "/account/language", account.set_language),
    ("POST", "/account/factor/name", account_factors.rename),
    ("POST", "/account/factor/removal", account_factors.remove),
    ("GET", "/account/activity", account.show_activity),
    ("POST", "/account/activity", account.disown),
    ("GET", "/logout", logout.show),
    ("POST", "/logout", logout.submit),
    ("GET", "/signed-out", logout.signed_out),
    ("GET", "/static/<path:name>", files.show),
    ("GET", "/healthz", health.healthz),
    ("GET", "/readyz", health.readyz),
    ("GET", "/metrics", metrics.show),
)

# Only where an outbox folder is set: a demo, never production.
MAILBOX: tuple[tuple[str, str, View], ...] = (
    ("GET", "/dev/outbox", outbox.show),
    ("GET", "/dev/outbox/<name>", outbox.show_message),
)

_HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})

ENDPOINTS = {
    "/.well-known/openid-configuration": Endpoint(endpoints.metadata, ("GET", "HEAD"), cors="*"),
    "/.well-known/oauth-authorization-server": Endpoint(endpoints.metadata, ("GET", "HEAD"), cors="*"),
    "/jwks.json": Endpoint(endpoints.jwks, ("GET", "HEAD"), cors="*"),
    "/token": Endpoint(endpoints.token, ("POST",), cors="registered"),
    "/userinfo": Endpoint(endpoints.userinfo, ("GET", "POST"), cors="registered"),
    "/introspect": Endpoint(endpoints.introspect, ("POST",), cors=None),
    "/revoke": Endpoint(endpoints.revoke, ("POST",), cors="registered"),
    "/care-identity/jwks.json": Endpoint(endpoints.care_identity_jwks, ("GET", "HEAD"), cors=None),
    "/care-identity/logout": Endpoint(endpoints.care_identity_logout, ("POST",), cors=None, asks_others=True),
}


class _NoSession(SessionInterface):
    """Flask's own session is not used: ours are rows."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Any) -> NullSession:  # noqa: ANN401, ARG002 - Flask's signature
        """The same empty one for everybody."""
        return self._none

    def save_session(self, app: Flask, session: Any, response: Any) -> None:  # noqa: ANN401 - the same
        """Nothing to save."""


def install(app: Flask, provider: Provider, rendering: Rendering) -> None:
    """Make the Flask application serve this provider."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY
    app.session_interface = _NoSession()
    # Werkzeug would answer `//login` with a redirect of its own, to whatever the Host header says.
    app.url_map.merge_slashes = False

    def exchange() -> Exchange:
        return Exchange(request._get_current_object(), provider, rendering)  # type: ignore[attr-defined]  # noqa: SLF001

    for method, path, view in (*PAGES, *(MAILBOX if provider.outbox else ())):
        app.add_url_rule(
            path,
            f"{method} {path}",
            lambda view=view, **values: view(exchange(), **values),
            methods=[method],
            provide_automatic_options=False,
        )
    if not provider.is_https:
        app.before_request(lambda: _to_the_issuer(exchange()))
    app.register_error_handler(Exception, lambda error: errors.of_exception(exchange(), error))
    app.wsgi_app = Endpoints(provider, ENDPOINTS, app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents


def _to_the_issuer(exchange: Exchange) -> Response | None:
    """Send a browser that came by number on by name: cookies, and passkeys too, are for one name alone."""
    request, issuer = exchange.request, exchange.provider.issuer
    here = f"http://{request.host}"
    by_number = {issuer.replace("//localhost", f"//{number}") for number in ("127.0.0.1", "[::1]")}
    if request.method != "GET" or request.path in _HEALTH or here == issuer or here not in by_number:
        return None
    return exchange.redirect(issuer + iri_to_uri(request.url).removeprefix(here))
