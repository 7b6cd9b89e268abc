"""Sign what we say, and know the application by what it signs.

OpenID Connect Core §2 and §9, RFC 7523 §3, OpenID Connect Back-Channel Logout 1.0 §2.4. The keys are made at
start and never kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from care_identity_provider.flow import Refused
from care_identity_provider.memory import TOKEN_SECONDS, Granted, Memory, Session
from care_identity_provider.settings import Settings

ALGORITHMS = ("RS256", "RS512", "ES256")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_SECONDS = 120
ANSWER_SECONDS = 3
LEEWAY_SECONDS = 30


class Signer:
    """Our key, and what we sign with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})
        self._key.ensure_kid()

    @property
    def jwks(self) -> Mapping[str, Any]:
        """Our public key, as a set."""
        return dict(KeySet([self._key]).as_dict(private=False))

    def id_token(self, granted: Granted, access_token: str) -> str:
        """Say who signed in, and how."""
        session, now = granted.session, int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self._settings.base_url,
            "sub": session.person.nhsid_useruid,
            "aud": self._settings.client_id,
            "azp": self._settings.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": session.auth_time,
            "nonce": granted.asked.nonce,
            "acr": session.method.acr(granted.asked.acr_values),
            "amr": [session.method.amr],
            "authentication_assurance_level": session.method.level,
            "id_assurance_level": "3",
            "sid": session.sid,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        }
        return self._signed(claims, "JWT")

    def logout_token(self, session: Session) -> str:
        """Say that a session has ended."""
        now = int(time.time())
        claims = {
            "iss": self._settings.base_url,
            "sub": session.person.nhsid_useruid,
            "aud": self._settings.client_id,
            "iat": now,
            "exp": now + LOGOUT_SECONDS,
            "jti": secrets.token_urlsafe(16),
            "sid": session.sid,
            "events": {LOGOUT_EVENT: {}},
        }
        return self._signed(claims, "logout+jwt")

    def _signed(self, claims: dict[str, Any], typ: str) -> str:
        return jwt.encode({"alg": "RS256", "kid": self._key.kid, "typ": typ}, claims, self._key)


class Application:
    """The one application that we serve."""

    def __init__(self, settings: Settings, memory: Memory) -> None:
        self._settings = settings
        self._memory = memory
        self._verify: bool | str = str(settings.ca_file) if settings.ca_file else True

    def check(self, form: Mapping[str, str]) -> None:
        """Raise Refused unless it has signed for itself, just now, for us, and this once (RFC 7523 §3)."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refused("invalid_client", "authenticate with private_key_jwt")
        try:
            claims = jwt.decode(form.get("client_assertion", ""), self._keys(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError) as error:
            raise Refused("invalid_client", "the client assertion is not signed by a key we know") from error
        problem = self._problem(claims)
        if problem is not None:
            raise Refused("invalid_client", problem)
        if not self._memory.assertions.put_under(claims["jti"], None):
            raise Refused("invalid_client", "the client assertion was used before")

    def tell(self, logout_token: str) -> str:
        """Post a logout token to it, and return what came of that, for people."""
        address = self._settings.backchannel_logout_uri
        if address is None:
            return "The application is not told: no address was given for that."
        try:
            answer = requests.post(
                address,
                data={"logout_token": logout_token},
                timeout=ANSWER_SECONDS,
                allow_redirects=False,
                verify=self._verify,
            )
        except requests.RequestException as error:
            return f"The application could not be told: {type(error).__name__}."
        return f"The application was told, and answered {answer.status_code}."

    def _problem(self, claims: Mapping[str, Any]) -> str | None:
        us, now = self._settings.base_url, time.time()
        if claims.get("iss") != self._settings.client_id or claims.get("sub") != self._settings.client_id:
            return "iss and sub must be the client_id"
        if claims.get("aud") not in (f"{us}/token", [f"{us}/token"], us, [us]):
            return "aud must be the token endpoint"
        ends = claims.get("exp")
        if (
            not isinstance(ends, int)
            or not now - LEEWAY_SECONDS < ends <= now + TOKEN_SECONDS + LEEWAY_SECONDS
        ):
            return "exp must be within five minutes"
        jti = claims.get("jti")
        return None if isinstance(jti, str) and jti else "jti is missing"

    def _keys(self) -> KeySet:
        """Its keys, asked for anew each time: it may have new ones, and nobody is in a hurry."""
        source = self._settings.client_jwks
        try:
            if isinstance(source, Path):
                found = json.loads(source.read_text(encoding="utf-8"))
            else:
                answer = requests.get(
                    source, timeout=ANSWER_SECONDS, allow_redirects=False, verify=self._verify
                )
                answer.raise_for_status()
                found = answer.json()
            return KeySet.import_key_set({"keys": found["keys"]})
        except (requests.RequestException, OSError, JoseError, ValueError, TypeError, KeyError) as error:
            raise Refused("invalid_client", f"the application's keys: {type(error).__name__}") from error
