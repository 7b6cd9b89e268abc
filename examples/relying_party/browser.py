"""Keep the browser's side safe: headers, forged posts, and one address only.

No page of the examples needs a script, so none may run. Forms may go to ourselves and, because browsers
follow the redirect of a sign-out with the same rule, to the identity provider.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from relying_party.refusal import Refused
from relying_party.session import current
from relying_party.settings import Settings

UNGUARDED = frozenset({"start", "healthz"})  # another site, or a monitor, may ask these


def guard(app: Flask, settings: Settings) -> None:
    """Install the guards on `app`."""
    own = urlsplit(settings.base_url)
    provider = urlsplit(settings.issuer)
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {provider.scheme}://{provider.netloc}"
    )

    @app.before_request
    def one_address() -> ResponseReturnValue | None:
        # http://127.0.0.1 and http://localhost have separate cookies: a sign-in begun on one cannot end on
        # the other.
        if request.host == own.netloc or request.endpoint == "healthz":
            return None
        return redirect(settings.base_url + request.full_path.rstrip("?"), 308)

    @app.before_request
    def no_forged_post() -> None:
        # SameSite does not help: every port of localhost is the same site.
        if request.method != "POST" or request.endpoint in UNGUARDED:
            return
        expected = current().get("csrf_token", "")
        sent = request.form.get("csrf_token", "")
        if not expected or not hmac.compare_digest(expected.encode(), sent.encode()):
            raise Refused("wrong_page", "csrf_token is missing or wrong")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.context_processor
    def form_token() -> dict[str, object]:
        return {"csrf_token": current().get("csrf_token", "")}


def new_form_token() -> None:
    """Give this session the token that its forms must carry."""
    current()["csrf_token"] = secrets.token_urlsafe(32)
