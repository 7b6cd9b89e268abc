"""A small OpenID provider that can be told to misbehave: a real HTTP server with real keys.

It knows one person and asks for no password. `change_*` edit what it is about to send.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

SUB = "4f3a0b1e-7a2c-4b8e-9a53-2f0e5d6c7b81"
PERSON = {
    "sub": SUB,
    "name": "Siân O'Connor",
    "given_name": "Siân",
    "family_name": "O'Connor",
    "email": "sian.oconnor@nhsbt.example",
    "email_verified": True,
    "esr_username": "918SOCONNOR01",
    "esr_employer": {"code": "918", "name": "NHS Blood and Transplant", "ods_code": "T1460"},
    "esr_roles": ["Staff Nurse"],
}
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"})


def unchanged(_document: dict[str, Any]) -> None:
    """Send the document as it is."""


class FakeProvider:
    """One provider with one client, and everything it has seen."""

    def __init__(self) -> None:
        self.client_id = "self-service"
        self.client_secret = "s3cret-of-the-example"
        self.signing_key = RSA
        self.auth_time = int(time.time()) - 5
        self.change_discovery: Callable[[dict[str, Any]], None] = unchanged
        self.change_redirect: Callable[[dict[str, Any]], None] = unchanged
        self.change_id_token: Callable[[dict[str, Any]], None] = unchanged
        self.change_token_response: Callable[[dict[str, Any]], None] = unchanged
        self.change_userinfo: Callable[[dict[str, Any]], None] = unchanged
        self.token_status = 200
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.refresh_token = ""
        self._codes: dict[str, dict[str, str]] = {}
        self._nonces: dict[str, str] = {}  # by the refresh token that is live
        self._serial = 0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def authorize(self, url: str) -> str:
        """Answer an authorization request as if the person had signed in: where the browser goes next."""
        asked = dict(parse_qsl(urlsplit(url).query))
        self.requests.append(("/authorize", asked))
        code = self._new("code")
        self._codes[code] = asked
        answer: dict[str, Any] = {"code": code, "state": asked["state"], "iss": self.issuer}
        self.change_redirect(answer)
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def revoke_everything(self) -> None:
        """Accept no refresh token that is out there."""
        self._nonces.clear()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        request = Request(environ)
        routes: dict[str, Callable[[Request], Response]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks.json": self._jwks,
            "/authorize": lambda request: _go(self.authorize(request.url)),
            "/token": self._token,
            "/userinfo": self._userinfo,
            "/logout": self._logout,
        }
        return routes[request.path](request)(environ, start_response)

    def _discovery(self, _request: Request) -> Response:
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "jwks_uri": f"{self.issuer}/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.change_discovery(document)
        return _json(document)

    def _jwks(self, _request: Request) -> Response:
        return _json(dict(KeySet([RSA, EC]).as_dict(private=False)))

    def _token(self, request: Request) -> Response:
        form = request.form.to_dict()
        self.requests.append(("/token", form))
        if self.token_status != 200:
            return Response("busy", self.token_status)
        expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _json({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            nonce = self._nonces.pop(form["refresh_token"], None)
            if nonce is None:
                return _json({"error": "invalid_grant", "error_description": "refresh token is spent"}, 400)
        else:
            asked = self._codes.pop(form["code"])
            challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert base64.urlsafe_b64encode(challenge).decode().rstrip("=") == asked["code_challenge"]
            assert form["redirect_uri"] == asked["redirect_uri"]
            nonce = asked["nonce"]
        return _json(self._tokens(nonce))

    def _tokens(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        times = {"iss": self.issuer, "sub": SUB, "iat": now, "exp": now + 300}
        access_token = jwt.encode(
            {"alg": "ES256", "kid": "ec-1", "typ": "at+jwt"},
            {**times, "aud": self.issuer, "client_id": self.client_id, "jti": self._new("jti")},
            EC,
        )
        claims = {**times, "aud": self.client_id, "nonce": nonce, "auth_time": self.auth_time}
        claims |= {"acr": "AAL1_USERPASS", "amr": ["pwd"], "sid": "c3"}
        self.change_id_token(claims)
        id_token = jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, self.signing_key)
        self.refresh_token = self._new("refresh")
        self._nonces[self.refresh_token] = nonce
        response: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": self.refresh_token,
            "id_token": id_token,
            "scope": "openid profile esr",
        }
        self.change_token_response(response)
        return response

    def _userinfo(self, request: Request) -> Response:
        if not request.headers.get("Authorization", "").startswith("Bearer eyJ"):
            return Response("", 401)
        claims: dict[str, Any] = dict(PERSON)
        self.change_userinfo(claims)
        return _json(claims)

    def _logout(self, request: Request) -> Response:
        asked = request.args.to_dict()
        self.requests.append(("/logout", asked))
        return _go(f"{asked['post_logout_redirect_uri']}?{urlencode({'state': asked['state']})}")

    def _new(self, kind: str) -> str:
        self._serial += 1
        return f"{kind}-{self._serial}-{'x' * 32}"


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document), status, mimetype="application/json")


def _go(url: str) -> Response:
    return Response("", 303, {"Location": url})
