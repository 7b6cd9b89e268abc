"""The pages of an example application.

/            the application's own page, or the way to sign in
/sign-in     off to the identity provider         /callback     back from it
/sign-out    ends both sessions (POST)            /signed-out   back from that
/tokens      the token inspector                  /refresh, /userinfo (POST)
/start       sign-in begun elsewhere (`initiate_login_uri`, OpenID Connect Core §4)
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

from flask import Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from relying_party import hops, inspector
from relying_party.application import Application
from relying_party.browser import guard, new_form_token
from relying_party.refusal import Refused, advice
from relying_party.session import ServerSessions, current
from relying_party.settings import Settings
from relying_party.sign_in import ASSURANCES, IdentityProvider, SignedIn

FOLDER = Path(__file__).resolve().parent.parent
RETURN_TO = frozenset({"/", "/tokens"})
# What a sign-in link may pass on to the provider, and how it must look.
OPTIONS = {
    "login_hint": re.compile(r"\S{1,100}"),
    "max_age": re.compile(r"[0-9]{1,6}"),
    "prompt": re.compile(r"[a-z_ ]{1,40}"),
    "ui_locales": re.compile(r"[A-Za-z0-9 -]{1,40}"),
}
ENDED = frozenset({"invalid_grant", "invalid_token"})

log = logging.getLogger("relying_party")


def create_app(application: Application, settings: Settings) -> Flask:
    """Return the application as WSGI."""
    app = Flask("relying_party", root_path=str(FOLDER), static_folder="static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.jinja_env.undefined = StrictUndefined
    app.session_interface = ServerSessions(
        cookie=application.cookie, secure=settings.base_url.startswith("https:")
    )
    guard(app, settings)
    provider = IdentityProvider(app, settings)
    _add_pages(app, application, settings, provider)
    _add_sign_in(app, settings, provider)
    _add_token_actions(app, provider)
    _add_sign_out(app, provider)
    _add_errors(app)
    return app


def _signed_in() -> SignedIn | None:
    return cast("SignedIn | None", session.get("signed_in"))


def _must_be_signed_in() -> SignedIn:
    signed_in = _signed_in()
    if signed_in is None:
        raise Refused("wrong_page", "nobody is signed in here any more")
    return signed_in


def _add_pages(app: Flask, application: Application, settings: Settings, provider: IdentityProvider) -> None:
    @app.context_processor
    def on_every_page() -> dict[str, object]:
        signed_in = _signed_in()
        return {
            "application": application,
            "settings": settings,
            "claims": signed_in.claims if signed_in else None,
            "notice": session.pop("notice", None) if "notice" in session else None,
        }

    @app.get("/")
    def home() -> str:
        signed_in = _signed_in()
        if signed_in is None:
            return render_template("home.html")
        today = datetime.now(UTC).date()
        return render_template(application.template, **application.content(signed_in.claims, today))

    @app.get("/tokens")
    def tokens() -> ResponseReturnValue:
        signed_in = _signed_in()
        if signed_in is None:
            return redirect(url_for("sign_in", return_to="/tokens"))
        keys = provider.keys()
        return render_template(
            "tokens.html",
            id_token=inspector.opened(signed_in.id_token, keys),
            access_token=inspector.opened(signed_in.access_token, keys),
            refresh_token=inspector.fingerprint(signed_in.refresh_token),
            expires=inspector.moment(signed_in.expires_at),
            checks=inspector.checks(signed_in, settings),
            hops=hops.recorded(),
        )

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return "ok\n", {"Content-Type": "text/plain; charset=utf-8"}


def _add_sign_in(app: Flask, settings: Settings, provider: IdentityProvider) -> None:
    @app.get("/sign-in")
    def sign_in() -> ResponseReturnValue:
        return _begin(provider, request.args.get("return_to", "/"), request.args)

    @app.get("/callback")
    def callback() -> ResponseReturnValue:
        signed_in = provider.finish(request.args, request.url)
        current().renew()
        session["signed_in"] = signed_in
        new_form_token()
        log.info("signed in sub=%s", signed_in.claims["sub"])
        return redirect(session.pop("return_to", "/"), HTTPStatus.SEE_OTHER)

    @app.route("/start", methods=["GET", "POST"])
    def start() -> ResponseReturnValue:
        if request.method == "POST":
            # Our cookie does not come along with another site's POST; with a GET it does.
            query = urlencode(request.form.to_dict())
            return redirect(f"{url_for('start')}?{query}", HTTPStatus.SEE_OTHER)
        if request.args.get("iss", "").rstrip("/") != settings.issuer:
            raise Refused("iss_mismatch", f"asked to sign in at {request.args.get('iss', 'no provider')}")
        target = request.args.get("target_link_uri", "").removeprefix(settings.base_url)
        return _begin(provider, target, {"login_hint": request.args.get("login_hint", "")})


def _begin(provider: IdentityProvider, return_to: str, options: Mapping[str, str]) -> ResponseReturnValue:
    # Only to pages of our own: a free choice would make this an open redirect.
    session["return_to"] = return_to if return_to in RETURN_TO else "/"
    known = {name: options[name] for name in OPTIONS if OPTIONS[name].fullmatch(options.get(name, ""))}
    return provider.start(known, ASSURANCES.get(options.get("assurance", ""), ()))


def _add_token_actions(app: Flask, provider: IdentityProvider) -> None:
    @app.post("/refresh")
    def refresh() -> ResponseReturnValue:
        with current().lock:
            before = _must_be_signed_in()
            after = session["signed_in"] = provider.refresh(before)
        session["notice"] = (
            f"The refresh token {inspector.fingerprint(before.refresh_token)} was swapped for "
            f"{inspector.fingerprint(after.refresh_token)}. "
            f"The new access token is good until {inspector.moment(after.expires_at)}."
        )
        return redirect(url_for("tokens"), HTTPStatus.SEE_OTHER)

    @app.post("/userinfo")
    def userinfo() -> ResponseReturnValue:
        with current().lock:
            signed_in = _must_be_signed_in()
            if signed_in.refresh_token and signed_in.must_renew(time.time()):
                signed_in = session["signed_in"] = provider.refresh(signed_in)
            session["signed_in"] = provider.ask_userinfo(signed_in)
        session["notice"] = "UserInfo answered. Its answer is the last of the hops below."
        return redirect(url_for("tokens"), HTTPStatus.SEE_OTHER)


def _add_sign_out(app: Flask, provider: IdentityProvider) -> None:
    @app.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        signed_in = _must_be_signed_in()
        # Ours ends first: it must end even if the provider cannot be reached.
        session.clear()
        current().renew()
        return provider.sign_out(signed_in)

    @app.get("/signed-out")
    def signed_out() -> str:
        return render_template("signed_out.html", finished=provider.signed_out())


def _add_errors(app: Flask) -> None:
    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        log.warning("refused error=%r description=%r", error.error, error.description)
        if error.error in ENDED:
            session.pop("signed_in", None)
        status = HTTPStatus.BAD_GATEWAY if error.error == "provider_unreachable" else HTTPStatus.BAD_REQUEST
        return render_template("problem.html", advice=advice(error.error), error=error), status

    @app.errorhandler(HTTPException)
    def not_here(error: HTTPException) -> ResponseReturnValue:
        return render_template("error.html", title=error.name, text=error.description), error.code or 500
