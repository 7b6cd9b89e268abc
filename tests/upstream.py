"""An upstream OpenID Provider that can be told to misbehave: a real HTTP server with real keys.

It knows one person and shows no page: `authorize` is the browser. `change_*` edit what it is about to send,
`answers` replaces what it does at a path, and `sign` how it signs. Its clock is the test's.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from idp.services.clock import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Change = Callable[[dict[str, Any]], None]
Sign = Callable[[dict[str, Any]], str]

CLIENT_ID = "999999999999.apps.national"
NUMBER = "656005750104"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"})
NEXT = RSAKey.generate_key(2048, {"kid": "rsa-2", "use": "sig", "alg": "RS256"})
ANY_RSA = RSAKey.import_key(RSA.as_pem(private=True))
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"})


def unchanged(_document: dict[str, Any]) -> None:
    """Send it as it is."""


def replacing(**values: object) -> Change:
    """Send it with other members; None takes one away."""

    def change(document: dict[str, Any]) -> None:
        for name, value in values.items():
            document.pop(name, None)
            if value is not None:
                document[name] = value

    return change


def signing(key: RSAKey | ECKey = RSA, **header: object) -> Sign:
    """Sign with that key; a header's None takes a member away."""
    whole = {"alg": "RS256", "kid": "rsa-1", **header}
    kept = {name: value for name, value in whole.items() if value is not None}

    def sign(claims: dict[str, Any]) -> str:
        return jwt.encode(kept, claims, key, algorithms=[str(kept["alg"])], default_type=None)

    return sign


def unsigned(claims: dict[str, Any]) -> str:
    """What has no signature (RFC 7515 §A.5)."""
    return f"{encoded({'alg': 'none', 'kid': 'rsa-1'})}.{encoded(claims)}."


def encoded(part: object) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def public_key_as_secret(claims: dict[str, Any]) -> str:
    """Signed with HS256, and our public key for a secret: the old confusion of algorithms."""
    message = f"{encoded({'alg': 'HS256', 'kid': 'rsa-1'})}.{encoded(claims)}"
    signature = hmac.digest(RSA.as_pem(private=False), message.encode(), "sha256")
    return f"{message}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


class Upstream:
    """One provider with one client, and everything it was asked."""

    def __init__(self, clock: Clock, *, client_jwks: dict[str, Any] | None = None) -> None:
        self.clock = clock
        self.client_jwks = client_jwks
        self.keys: list[RSAKey | ECKey] = [RSA, EC]
        self.sub = NUMBER
        self.sid = "upstream-sid-1"
        self.acr, self.amr, self.level = "AAL3_ANY", ["N3_SMARTCARD"], "3"
        self.sign: Sign = signing()
        self.change_discovery: Change = unchanged
        self.change_jwks: Change = unchanged
        self.change_redirect: Change = unchanged
        self.change_id_token: Change = unchanged
        self.change_token_response: Change = unchanged
        self.change_userinfo: Change = unchanged
        self.answers: dict[str, Callable[[Request], Response]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._serial = 0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def paths(self) -> list[str]:
        """Where it was asked something, in that order."""
        return [path for path, _ in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody any more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def authorize(self, url: str) -> str:
        """Answer an authorization request as if the person had signed in: where the browser goes next."""
        asked = dict(parse_qsl(urlsplit(url).query))
        self.asked.append(("/authorize", asked))
        code = self._new("code")
        self._codes[code] = asked
        answer: dict[str, Any] = {"code": code, "state": asked["state"], "iss": self.issuer}
        self.change_redirect(answer)
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def logout_token(self, **values: object) -> str:
        """What it posts when the person's session ends there; `None` takes a claim away."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.sub,
            "sid": self.sid,
            "iat": now,
            "exp": now + 120,
            "jti": self._new("jti"),
            "events": {EVENT: {}},
        }
        replacing(**values)(claims)
        return self.sign(claims)

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        self.asked.append((request.path, {**request.args.to_dict(), **request.form.to_dict()}))
        routes: dict[str, Callable[[Request], Response]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks.json": self._jwks,
            "/token": self._token,
            "/userinfo": self._userinfo,
            **self.answers,
        }
        return routes[request.path](request)(environ, start_response)

    def _discovery(self, _request: Request) -> Response:
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.change_discovery(document)
        return answering(document)

    def _jwks(self, _request: Request) -> Response:
        document: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in self.keys]}
        self.change_jwks(document)
        return answering(document)

    def _token(self, request: Request) -> Response:
        form = request.form.to_dict()
        if self.client_jwks is not None:
            keys = KeySet.import_key_set({"keys": self.client_jwks["keys"]})
            assertion = jwt.decode(form["client_assertion"], keys, algorithms=["RS256", "ES256"]).claims
            if assertion["sub"] != CLIENT_ID or assertion["aud"] != f"{self.issuer}/token":
                return answering({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None:
            return answering({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return answering({"error": "invalid_grant"}, 400)
        response = {"access_token": self._new("at"), "token_type": "Bearer", "expires_in": 300}
        response["id_token"] = self.sign(self._id_token(asked["nonce"]))
        self.change_token_response(response)
        return answering(response)

    def _id_token(self, nonce: str) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": self.sub,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "auth_time": now,
            "acr": self.acr,
            "amr": self.amr,
            "authentication_assurance_level": self.level,
            "id_assurance_level": "3",
            "sid": self.sid,
        }
        self.change_id_token(claims)
        return claims

    def _userinfo(self, request: Request) -> Response:
        if not request.headers.get("Authorization", "").startswith("Bearer at-"):
            return answering({"error": "invalid_token"}, 401)
        claims: dict[str, Any] = {"sub": self.sub, "nhsid_useruid": self.sub, "name": "Jane Smith"}
        self.change_userinfo(claims)
        return answering(claims)

    def _new(self, kind: str) -> str:
        self._serial += 1
        return f"{kind}-{self._serial}"


def answering(document: object, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json.dumps(document), status, mimetype="application/json")


def later(claim: str, by: timedelta) -> Change:
    """Send it with a time that is so much later."""

    def change(document: dict[str, Any]) -> None:
        document[claim] += int(by.total_seconds())

    return change


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""
