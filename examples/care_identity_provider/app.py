"""The stand-in's pages, and the endpoints of an OpenID Provider.

/authorize      an application sends a browser here     /sign-in       what the person chose (POST)
/               who is signed in                        /end-session   ends that, and tells it (POST)
/token, /userinfo, /jwks.json, /.well-known/openid-configuration
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined

from care_identity_provider.flow import (
    Asked,
    Refused,
    WrongApplication,
    answer,
    check_application,
    understand,
)
from care_identity_provider.memory import SESSION_SECONDS, TOKEN_SECONDS, Granted, Memory, Session, Waiting
from care_identity_provider.methods import ACR_VALUES, METHODS
from care_identity_provider.settings import Settings
from care_identity_provider.tokens import ALGORITHMS, Application, Signer

BROWSER, SESSION = "care_identity_browser", "care_identity_session"
MACHINES = frozenset({"discovery", "jwks", "token", "userinfo", "healthz"})


def create_app(settings: Settings) -> Flask:
    """Return the stand-in as WSGI."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.jinja_env.undefined = StrictUndefined
    memory, signer = Memory(), Signer(settings)
    application = Application(settings, memory)
    _guard(app, settings)
    _add_documents(app, settings, signer)
    _add_authorization(app, settings, memory)
    _add_choice(app, settings, memory)
    _add_token(app, memory, signer, application)
    _add_session(app, memory, signer, application)
    return app


def _guard(app: Flask, settings: Settings) -> None:
    own = urlsplit(settings.base_url)
    # No form-action: browsers hold every redirect after a form to it, and those go on to applications that
    # only the identity provider knows.
    policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"

    @app.before_request
    def one_address() -> ResponseReturnValue | None:
        if request.host == own.netloc or request.endpoint in MACHINES:
            return None
        return redirect(settings.base_url + request.full_path.rstrip("?"), HTTPStatus.PERMANENT_REDIRECT)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(WrongApplication)
    def wrong_application(error: WrongApplication) -> ResponseReturnValue:
        return render_template("problem.html", text=str(error)), HTTPStatus.BAD_REQUEST

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok", mimetype="text/plain")


def _add_documents(app: Flask, settings: Settings, signer: Signer) -> None:
    us = settings.base_url

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(
            {
                "issuer": us,
                "authorization_endpoint": f"{us}/authorize",
                "token_endpoint": f"{us}/token",
                "userinfo_endpoint": f"{us}/userinfo",
                "jwks_uri": f"{us}/jwks.json",
                "end_session_endpoint": f"{us}/",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid", "profile", "nhsperson"],
                "acr_values_supported": ACR_VALUES,
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            }
        )

    @app.get("/jwks.json")
    def jwks() -> Response:
        return jsonify(signer.jwks)


def _add_authorization(app: Flask, settings: Settings, memory: Memory) -> None:
    @app.get("/authorize")
    def authorize() -> ResponseReturnValue:
        given = request.args.to_dict()
        check_application(given, settings)
        try:
            asked = understand(
                given, is_repetitive=len(given) < sum(1 for _ in request.args.items(multi=True))
            )
        except Refused as error:
            said = {"error": error.error, "error_description": error.description}
            address = answer(settings.redirect_uri, given.get("state"), settings.base_url, **said)
            return redirect(address, HTTPStatus.SEE_OTHER)
        session = memory.sessions.find(request.cookies.get(SESSION))
        if session is not None and _will_do(asked, session):
            return _back(settings, asked, code=memory.codes.put(Granted(asked, session)))
        if "none" in asked.prompt:
            return _back(settings, asked, error="login_required")
        browser = request.cookies.get(BROWSER) or secrets.token_urlsafe(32)
        page = render_template(
            "sign_in.html",
            waiting=memory.waiting.put(Waiting(asked, browser)),
            application=urlsplit(settings.redirect_uri).netloc,
            asked=asked.acr_values,
            people=settings.people,
            methods=METHODS.values(),
        )
        response = Response(page)
        _set_cookie(response, settings, BROWSER, browser)
        return response


def _add_choice(app: Flask, settings: Settings, memory: Memory) -> None:
    @app.post("/sign-in")
    def sign_in() -> ResponseReturnValue:
        waiting = memory.waiting.take(request.form.get("waiting"))
        browser = request.cookies.get(BROWSER, "")
        if waiting is None or not hmac.compare_digest(waiting.browser.encode(), browser.encode()):
            raise WrongApplication("This page is out of date. Go back to the application and start again.")
        if request.form.get("action") != "continue":
            said = {"error": "access_denied", "error_description": "the person cancelled"}
            return _back(settings, waiting.asked, **said)
        number, method = request.form.get("person"), METHODS.get(request.form.get("method", ""))
        person = next((each for each in settings.people if each.nhsid_useruid == number), None)
        if person is None or method is None:
            raise WrongApplication("Choose who you are, and how you prove it. Go back and start again.")
        session = Session(person, method, int(time.time()))
        memory.sessions.take(request.cookies.get(SESSION))
        code = memory.codes.put(Granted(waiting.asked, session))
        response = app.make_response(_back(settings, waiting.asked, code=code))
        _set_cookie(response, settings, SESSION, memory.sessions.put(session))
        return response


def _add_token(app: Flask, memory: Memory, signer: Signer, application: Application) -> None:
    @app.post("/token")
    def token() -> ResponseReturnValue:
        form = request.form.to_dict()
        try:
            application.check(form)
            granted = _redeemed(memory, form)
        except Refused as error:
            status = HTTPStatus.UNAUTHORIZED if error.error == "invalid_client" else HTTPStatus.BAD_REQUEST
            return jsonify({"error": error.error, "error_description": error.description}), status
        access_token = memory.access_tokens.put(granted.session.person)
        return jsonify(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": "openid nhsperson",
                "id_token": signer.id_token(granted, access_token),
            }
        )

    @app.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> ResponseReturnValue:
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        person = memory.access_tokens.find(sent) if scheme.lower() == "bearer" else None
        if person is None:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return jsonify({"error": "invalid_token"}), HTTPStatus.UNAUTHORIZED, challenge
        number = person.nhsid_useruid
        return jsonify({"sub": number, "uid": number, "nhsid_useruid": number, "name": person.name})


def _add_session(app: Flask, memory: Memory, signer: Signer, application: Application) -> None:
    @app.get("/")
    def home() -> str:
        return render_template("home.html", session=memory.sessions.find(request.cookies.get(SESSION)))

    @app.post("/end-session")
    def end_session() -> ResponseReturnValue:
        name = request.cookies.get(SESSION)
        session = memory.sessions.find(name)
        if session is None:
            return redirect(url_for("home"), HTTPStatus.SEE_OTHER)
        if not hmac.compare_digest(request.form.get("form_token", "").encode(), session.form_token.encode()):
            raise WrongApplication("This page is out of date. Go back and try again.")
        memory.sessions.take(name)
        told = application.tell(signer.logout_token(session))
        response = Response(render_template("ended.html", name=session.person.name, told=told))
        response.delete_cookie(SESSION)
        return response


def _back(settings: Settings, asked: Asked, **values: str) -> ResponseReturnValue:
    address = answer(asked.redirect_uri, asked.state, settings.base_url, **values)
    return redirect(address, HTTPStatus.SEE_OTHER)


def _will_do(asked: Asked, session: Session) -> bool:
    """Whether nobody has to be asked: a session from before is recent enough, and strong enough."""
    age = time.time() - session.auth_time
    return (
        "login" not in asked.prompt
        and (asked.max_age is None or age < asked.max_age)
        and session.method.is_enough(asked.acr_values)
    )


def _redeemed(memory: Memory, form: dict[str, str]) -> Granted:
    if form.get("grant_type") != "authorization_code":
        raise Refused("unsupported_grant_type", "grant_type must be authorization_code")
    granted = memory.codes.take(form.get("code"))
    if granted is None or form.get("redirect_uri") != granted.asked.redirect_uri:
        raise Refused("invalid_grant", "the code is not good, or not any more")
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=")
    if not hmac.compare_digest(challenge, granted.asked.code_challenge.encode()):
        raise Refused("invalid_grant", "code_verifier does not fit code_challenge")
    return granted


def _set_cookie(response: Response, settings: Settings, name: str, value: str) -> None:
    is_secure = settings.base_url.startswith("https:")
    response.set_cookie(name, value, max_age=SESSION_SECONDS, httponly=True, samesite="Lax", secure=is_secure)
