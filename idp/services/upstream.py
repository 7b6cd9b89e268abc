"""Be the relying party of one upstream OpenID Provider, and believe it only what it proves.

OpenID Connect Core §3.1.2.1, §3.1.3 and §5.3, RFC 7636, RFC 7523 §2.2 and §3, RFC 9207, OpenID Connect
Back-Channel Logout 1.0 §2.6. The code flow with PKCE, as a client that signs for itself (`private_key_jwt`).
Nobody waits for long: whoever cannot be asked is `Unreachable`, and whatever is not as it must be is
`NotBelieved`.

NHS Care Identity registers our key set by its address, and the algorithm of our assertions (RS256 or RS512,
and ours are RS256); it expects its token endpoint as their audience. It sends `nhsid_useruid` in UserInfo,
for the scope `nhsperson`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwt

from idp.services import http
from idp.services.clock import Clock
from idp.services.http import Breaker, Declined, NotFetched, Unusable
from idp.services.randomness import Randomness
from idp.services.upstream_key import KeyUnusable, PrivateKey
from idp.services.upstream_metadata import PLACES, Metadata, Unreachable, UpstreamMetadata
from idp.services.upstream_token import (
    LoggedOut,
    NotBelieved,
    Reader,
    Reason,
    is_token,
    json_object,
    level,
    moment,
    text,
    texts,
)

__all__ = [
    "SCOPE",
    "Assertion",
    "KeyUnusable",
    "LoggedOut",
    "NotBelieved",
    "PrivateKey",
    "Reason",
    "Unreachable",
    "UpstreamClient",
]

SCOPE: Final = "openid nhsperson"
"""What is asked for: who it is, and the number of that person at NHS Care Identity."""

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME: Final = timedelta(seconds=60)
_WHOLE_SECONDS: Final = 2 * http.QUICK
_LONGEST_CODE: Final = 2048
_LONGEST_WORD: Final = 100
_REFUSALS: Final = frozenset({400, 401})


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the provider said of a person. `level` is its claim `authentication_assurance_level`."""

    issuer: str
    subject: str
    sid: str | None
    acr: str | None
    amr: tuple[str, ...]
    auth_time: datetime | None
    nhsid_useruid: str | None
    level: str | None


class UpstreamClient:
    """We, at the provider `issuer`."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        key: PrivateKey,
        redirect_uri: str,
        *,
        clock: Clock,
        randomness: Randomness,
        breaker: Breaker | None = None,
        places: int = PLACES,
    ) -> None:
        """ValueError, with a sentence that says what is wrong, for an `issuer` that cannot be one.

        `places` is how many may wait for it at once; the next are told that it is `Unreachable`.
        """
        self.issuer = issuer
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self._key = key
        self._clock = clock
        self._randomness = randomness
        self._provider = UpstreamMetadata(issuer, breaker or Breaker(), places=places)
        self._reader = Reader(issuer, client_id, self._provider.key)

    @property
    def demands_iss(self) -> bool:
        """Whether every authorization response names its issuer (RFC 9207 §2.4). Raises `Unreachable`."""
        return self._provider.document(self._clock.now()).demands_iss

    @property
    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JSON Web Key Set that the provider verifies our assertions with."""
        return self._key.public_jwks

    def authorization_url(
        self,
        *,
        state: str,
        nonce: str,
        code_challenge: str,
        acr_values: tuple[str, ...],
        max_age: int | None,
        prompt: str | None,
        ui_locales: str | None,
    ) -> str:
        """Where to send the browser. `code_challenge` is of S256. Raises `Unreachable`."""
        now = self._clock.now()
        self._provider.refuse_resting(now)
        endpoint = self._provider.document(now).authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "acr_values": " ".join(acr_values) or None,
            "max_age": max_age,
            "prompt": prompt,
            "ui_locales": ui_locales,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def redeem(self, code: str, *, code_verifier: str, nonce: str, now: datetime) -> Assertion:
        """Exchange a code for what the provider says of the person. `nonce` is the one that was sent.

        Raises `Unreachable` and `NotBelieved`.
        """
        if not 0 < len(code) <= _LONGEST_CODE or not code.isascii() or not code.isprintable():
            raise NotBelieved(Reason.MALFORMED, "the code is none")
        self._provider.refuse_resting(now)
        deadline = time.monotonic() + _WHOLE_SECONDS
        metadata = self._provider.document(now)
        answer = self._exchange(metadata, code, code_verifier, now, deadline)
        claims = self._reader.id_token(answer.get("id_token"), answer.get("access_token"), nonce, now)
        number = text(claims, "nhsid_useruid")
        if number is None and metadata.userinfo_endpoint is not None:
            told = self._userinfo(metadata.userinfo_endpoint, answer, now, deadline)
            # OpenID Connect Core §5.3.2: an access token that was swapped is about somebody else.
            if told.get("sub") != claims["sub"]:
                raise NotBelieved(Reason.SUBJECT_DIFFERS, "UserInfo is about somebody else")
            number = text(told, "nhsid_useruid")
        return _assertion(claims, number)

    def read_logout(self, logout_token: str, now: datetime) -> LoggedOut:
        """Read what the provider posted when a session ended. Raises `Unreachable` and `NotBelieved`."""
        return self._reader.logout_token(logout_token, now)

    def _exchange(
        self, metadata: Metadata, code: str, code_verifier: str, now: datetime, deadline: float
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": code_verifier,
            "client_id": self.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._client_assertion(metadata.token_endpoint, now),
        }
        body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        try:
            with self._provider.waiting():
                told = http.post(metadata.token_endpoint, body, kind, seconds=_left(deadline))
        except NotFetched as error:
            raise self._not_told("token endpoint", error, now) from error
        return json_object(told)

    def _userinfo(
        self, endpoint: str, answer: Mapping[str, Any], now: datetime, deadline: float
    ) -> dict[str, Any]:
        access_token = answer.get("access_token")
        if not is_token(access_token) or str(answer.get("token_type")).lower() != "bearer":
            raise NotBelieved(Reason.MALFORMED, "there is no access token of the type Bearer")
        try:
            with self._provider.waiting():
                told = http.get(endpoint, bearer=access_token, seconds=_left(deadline))
        except NotFetched as error:
            raise self._not_told("UserInfo endpoint", error, now) from error
        return json_object(told)

    def _not_told(self, who: str, error: NotFetched, now: datetime) -> NotBelieved | Unreachable:
        """What it means that we were not told what we asked.

        Who answers is not left alone, whatever the answer: anybody can make up a code that is trouble.
        """
        if not isinstance(error, Unusable):
            self._provider.rest(now)
        if not isinstance(error, Declined) or error.status not in _REFUSALS:
            return Unreachable(f"its {who}: {error}")
        return NotBelieved(Reason.REFUSED_BY_PROVIDER, f"{who}: {error.status} {_error_code(error.body)}")

    def _client_assertion(self, audience: str, now: datetime) -> str:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": self._randomness.token(),
            "iat": int(now.timestamp()),
            "exp": int((now + _ASSERTION_LIFETIME).timestamp()),
        }
        header = {"alg": self._key.alg, "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key.key, algorithms=[self._key.alg])


def _left(deadline: float) -> float:
    """Seconds that the next question may take."""
    return max(0.1, min(http.QUICK, deadline - time.monotonic()))


def _error_code(body: bytes) -> str:
    """RFC 6749 §5.2: one word of the provider's, or nothing."""
    try:
        word = json_object(body).get("error")
    except NotBelieved:
        word = None
    return word[:_LONGEST_WORD] if isinstance(word, str) and word.isprintable() else "without a reason"


def _assertion(claims: Mapping[str, Any], nhsid_useruid: str | None) -> Assertion:
    return Assertion(
        issuer=claims["iss"],
        subject=claims["sub"],
        sid=text(claims, "sid"),
        acr=text(claims, "acr"),
        amr=texts(claims, "amr"),
        auth_time=moment(claims, "auth_time") if claims.get("auth_time") is not None else None,
        nhsid_useruid=nhsid_useruid,
        level=level(claims, "authentication_assurance_level"),
    )
