"""The endpoints that programs call: token, userinfo, introspection, revocation, keys and metadata.

Plain WSGI in front of Flask: they need no templates and no language, and they are what a busy day is made
of. So is single sign-on, which is answered here too when it needs no page. Each is a few lines; the protocol
does the work. CORS (Fetch Standard §3.2) is answered only where an application in a browser needs it, never
with credentials.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeAlias

from idp.accounts.care_identity import SignedOut
from idp.db import Unavailable
from idp.policy.refusal import Refused
from idp.protocol import discovery
from idp.protocol.keyring import KeyMissing
from idp.protocol.request import ProtocolRequest
from idp.protocol.response import Answer, AuthorizationResponse, ResponseMode
from idp.provider import Provider
from idp.services import logs
from idp.web import authorize, browser, headers, parameters, trace
from idp.web.address import client_address
from idp.web.parameters import LARGEST_BODY, Parameters

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_FORM = "application/x-www-form-urlencoded"
_RETRY_AFTER = 5
_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
    ("Access-Control-Max-Age", "600"),
)
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

_log = logs.get()


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers, with which methods, and which origins may read the answer in a browser.

    Who `asks_others` to answer may have to wait for them, and nobody here must wait for that.
    """

    reply: Callable[["Endpoints", Environ], Reply]
    methods: tuple[str, ...]
    cors: str | None  # "*", "registered", or None
    asks_others: bool = False


class Endpoints:
    """A WSGI application: its own paths, everything else is the pages'."""

    def __init__(self, provider: Provider, table: Mapping[str, Endpoint], pages: Application) -> None:
        self.provider = provider
        self._table = table
        self._pages = pages

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        endpoint = self._table.get(environ["PATH_INFO"])
        reply = self._single_sign_on(environ) if endpoint is None else self._reply(endpoint, environ)
        if reply is None:
            return self._pages(environ, start_response)
        # RFC 9110 §8.6: a 204 says nothing of a length.
        has_length = reply.status != HTTPStatus.NO_CONTENT
        length = [("Content-Length", str(len(reply.body)))] if has_length else []
        start_response(_STATUS[reply.status], [*reply.headers, *length])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]

    def _single_sign_on(self, environ: Environ) -> Reply | None:
        """Answer an authorization request that needs no page; None leaves everything else to the pages."""
        cookies = environ.get("HTTP_COOKIE")
        if cookies is None or environ["PATH_INFO"] != "/authorize" or environ["REQUEST_METHOD"] != "GET":
            return None
        provider = self.provider
        secret = browser.read_header(provider, cookies, browser.SESSION)
        # As bytes, so that what is not ASCII is refused here as it is by the page.
        query = parameters.parse(environ.get("QUERY_STRING", "").encode("latin-1"))
        if secret is None or isinstance(query, Refused):
            return None
        try:
            with provider.database.turn():
                request = provider.server.validate(query)
                if request.response_mode is ResponseMode.FORM_POST:
                    return None
                outcome = authorize.decide(provider, request, secret, provider.now())
        except Exception:  # noqa: BLE001 - the page meets it again, and says what is wrong
            return None
        if not isinstance(outcome, AuthorizationResponse):
            return None
        return Reply(HTTPStatus.SEE_OTHER, b"", [*self._redirect_headers, ("Location", outcome.location)])

    @cached_property
    def _redirect_headers(self) -> list[tuple[str, str]]:
        https = self.provider.is_https
        return [*headers.api_headers(https=https), ("Content-Type", "text/plain; charset=utf-8")]

    @cached_property
    def api_headers(self) -> list[tuple[str, str]]:
        """The headers of every JSON answer for one caller."""
        https = self.provider.is_https
        return [*headers.api_headers(https=https), ("Content-Type", "application/json")]

    @cached_property
    def public_headers(self) -> list[tuple[str, str]]:
        """The headers of keys and metadata, which caches may keep."""
        max_age = int(self.provider.lifetimes.jwks_max_age.total_seconds())
        cacheable = headers.cacheable_headers(max_age, https=self.provider.is_https)
        return [*cacheable, ("Content-Type", "application/json")]

    @cached_property
    def metadata(self) -> bytes:
        """The discovery document."""
        return _json(discovery.document(self.provider.issuer))

    def as_reply(self, environ: Environ, answer: Answer) -> Reply:
        """The protocol's answer as HTTP; an error gets a reference, under which `idp explain` tells more."""
        body = dict(answer.body)
        if answer.status >= HTTPStatus.BAD_REQUEST and "error" in body:
            reference = trace.record(
                self.provider,
                request=f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}",
                problem=str(body["error"]),
                client_id=answer.client_id,
                detail={"cause": body.get("error_description", ""), **answer.explained},
            )
            body["error_description"] = f"{body.get('error_description', '')} (reference {reference})".strip()
        own = [header for header in answer.headers if header[0] == "WWW-Authenticate"]
        return Reply(answer.status, _json(body), [*self.api_headers, *own])

    def _reply(self, endpoint: Endpoint, environ: Environ) -> Reply:
        cors: list[tuple[str, str]] = []
        try:
            # Before anything is spent: a token must not be lost because it could not be said who may read it.
            cors = self._cors(endpoint, environ)
            with nullcontext() if endpoint.asks_others else self.provider.database.turn():
                reply = self._answered(endpoint, environ)
        except (Unavailable, KeyMissing) as error:
            _log.error("unavailable", request=environ["PATH_INFO"], cause=str(error))
            reply = self._temporarily_unavailable()
        except Exception:  # noqa: BLE001 - the last line: a bug is logged, and answered without detail
            _log.exception("unexpected", request=environ["PATH_INFO"])
            # Nothing that could fail as well: not even the trace of it.
            body = _json({"error": "server_error", "error_description": "a fault on our side"})
            reply = Reply(HTTPStatus.INTERNAL_SERVER_ERROR, body, list(self.api_headers))
        if not cors:
            return reply
        # What another origin may read, its policy must let it load.
        kept = [header for header in reply.headers if header[0] != "Cross-Origin-Resource-Policy"]
        return replace(reply, headers=[*kept, *cors])

    def _answered(self, endpoint: Endpoint, environ: Environ) -> Reply:
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            common = headers.api_headers(https=self.provider.is_https)
            return Reply(HTTPStatus.NO_CONTENT, b"", [*common, *(_PREFLIGHT if endpoint.cors else ())])
        if method not in endpoint.methods:
            allowed = ", ".join(endpoint.methods)
            answer = _error(HTTPStatus.METHOD_NOT_ALLOWED, "invalid_request", f"use {allowed}")
            reply = self.as_reply(environ, answer)
            return replace(reply, headers=[*reply.headers, ("Allow", allowed)])
        return endpoint.reply(self, environ)

    def _temporarily_unavailable(self) -> Reply:
        body = _json({"error": "temporarily_unavailable", "error_description": "try again in a moment"})
        return Reply(
            HTTPStatus.SERVICE_UNAVAILABLE, body, [*self.api_headers, ("Retry-After", str(_RETRY_AFTER))]
        )

    def _cors(self, endpoint: Endpoint, environ: Environ) -> list[tuple[str, str]]:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or endpoint.cors is None:
            return []
        readable = ("Cross-Origin-Resource-Policy", "cross-origin")
        if endpoint.cors == "*":
            return [readable, ("Access-Control-Allow-Origin", "*")]
        if origin not in self.provider.server.clients.browser_origins():
            return [readable, ("Vary", "Origin")]
        return [
            readable,
            ("Access-Control-Allow-Origin", origin),
            ("Vary", "Origin"),
            ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After"),
        ]


def token(endpoints: Endpoints, environ: Environ) -> Reply:
    """POST /token."""
    return _posted(endpoints, environ, endpoints.provider.server.token)


def revoke(endpoints: Endpoints, environ: Environ) -> Reply:
    """POST /revoke."""
    return _posted(endpoints, environ, endpoints.provider.server.revoke)


def introspect(endpoints: Endpoints, environ: Environ) -> Reply:
    """POST /introspect."""
    return _posted(endpoints, environ, endpoints.provider.server.introspect)


def userinfo(endpoints: Endpoints, environ: Environ) -> Reply:
    """GET and POST /userinfo."""
    form: Parameters | Refused = parameters.NONE
    if environ["REQUEST_METHOD"] == "POST" and _is_form(environ):
        form = _body(environ)
    if isinstance(form, Refused):
        return endpoints.as_reply(environ, _error(HTTPStatus.BAD_REQUEST, form.error, form.description))
    tokens = form.get("access_token", ())
    answer = endpoints.provider.server.userinfo(environ.get("HTTP_AUTHORIZATION"), tokens)
    return endpoints.as_reply(environ, answer)


def jwks(endpoints: Endpoints, environ: Environ) -> Reply:  # noqa: ARG001 - one shape for all
    """GET /jwks.json."""
    return Reply(HTTPStatus.OK, endpoints.provider.keyring.jwks(), endpoints.public_headers)


def metadata(endpoints: Endpoints, environ: Environ) -> Reply:  # noqa: ARG001 - the same
    """GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server."""
    return Reply(HTTPStatus.OK, endpoints.metadata, endpoints.public_headers)


def care_identity_jwks(endpoints: Endpoints, environ: Environ) -> Reply:
    """GET /care-identity/jwks.json: the keys that NHS Care Identity knows us by."""
    care_identity = endpoints.provider.care_identity
    if care_identity is None:
        return endpoints.as_reply(environ, _OFF)
    return Reply(HTTPStatus.OK, _json(care_identity.upstream.public_jwks), endpoints.public_headers)


def care_identity_logout(endpoints: Endpoints, environ: Environ) -> Reply:
    """POST /care-identity/logout: NHS Care Identity says who has signed out there.

    OpenID Connect Back-Channel Logout 1.0 §2.8: whatever stands in the way of it is a 400.
    """
    care_identity = endpoints.provider.care_identity
    if care_identity is None:
        return endpoints.as_reply(environ, _OFF)
    form = _body(environ) if _is_form(environ) else Refused("invalid_request", f"send the body as {_FORM}")
    if isinstance(form, Refused):
        return endpoints.as_reply(environ, _error(HTTPStatus.BAD_REQUEST, form.error, form.description))
    tokens = form.get("logout_token", ())
    if len(tokens) != 1:
        wrong = _error(HTTPStatus.BAD_REQUEST, "invalid_request", "send one logout_token")
        return endpoints.as_reply(environ, wrong)
    address = client_address(environ, endpoints.provider.trusted_proxies)
    outcome = care_identity.logged_out(tokens[0], address=address)
    if isinstance(outcome, SignedOut):
        return Reply(HTTPStatus.OK, b"{}", endpoints.api_headers)
    body = {"error": "invalid_request", "error_description": "the logout_token cannot be believed"}
    refused = Answer(HTTPStatus.BAD_REQUEST, body, explained={"reason": outcome.cause or ""})
    return endpoints.as_reply(environ, refused)


def _posted(endpoints: Endpoints, environ: Environ, handle: Callable[[ProtocolRequest], Answer]) -> Reply:
    form = _body(environ) if _is_form(environ) else Refused("invalid_request", f"send the body as {_FORM}")
    if isinstance(form, Refused):
        return endpoints.as_reply(environ, _error(HTTPStatus.BAD_REQUEST, form.error, form.description))
    provider = endpoints.provider
    request = ProtocolRequest(
        "POST",
        environ["PATH_INFO"],
        form,
        environ.get("HTTP_AUTHORIZATION"),
        client_address(environ, provider.trusted_proxies),
    )
    return endpoints.as_reply(environ, handle(request))


def _is_form(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() == _FORM


def _body(environ: Environ) -> Parameters | Refused:
    """The body, read no further than we accept; a chunked one may not say how long it is."""
    length = environ.get("CONTENT_LENGTH")
    if length and (not length.isdecimal() or int(length) > LARGEST_BODY):
        return Refused("invalid_request", f"the body is larger than {LARGEST_BODY} bytes")
    body = environ["wsgi.input"].read(int(length) if length else LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return Refused("invalid_request", f"the body is larger than {LARGEST_BODY} bytes")
    return parameters.parse(body)


def _error(status: int, error: str, description: str) -> Answer:
    return Answer(status, {"error": error, "error_description": description})


_OFF = _error(HTTPStatus.NOT_FOUND, "not_found", "NHS Care Identity is not in use here")


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
