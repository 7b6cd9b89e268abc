"""Know an upstream OpenID Provider: its endpoints and its keys, from the one address that was configured.

OpenID Connect Discovery §4, RFC 8414 §3.3, RFC 7517 §5, RFC 9207 §3. What is found is kept for a while. A
key that is not among those known is looked for once more, but not again and again for everybody who makes
one up. While it cannot be reached nobody waits for it: the first who asks waits, and the rest are told. While
it is slow only so many wait at once: whoever waits holds a thread that others need to log in another way.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from idp.services import http
from idp.services.http import Breaker, NotFetched
from idp.services.upstream_token import ALGORITHM

_DOCUMENT_LIFETIME: Final = timedelta(hours=1)
_KEYS_LIFETIME: Final = timedelta(minutes=10)
_BETWEEN_LOOKS: Final = timedelta(minutes=1)
_MOST_KEYS: Final = 50
_LEAST_BITS: Final = 2048
_BITS_OF_A_CHARACTER: Final = 6
_LONGEST_URL: Final = 2048

PLACES: Final = 16
"""How many may wait for the provider at once, unless it is said otherwise."""


class Unreachable(Exception):
    """The provider cannot be asked now, or not as it is set up. The message says why, for operators."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What its discovery document says."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    jwks_uri: str
    demands_iss: bool


class UpstreamMetadata:
    """What is known of one provider, as this process has found it. `places` many may wait for it at once."""

    def __init__(self, issuer: str, breaker: Breaker, *, places: int = PLACES) -> None:
        """ValueError, with a sentence that says what is wrong, for an `issuer` that cannot be one."""
        problem = issuer_problem(issuer)
        if problem is not None:
            raise ValueError(f"The issuer {issuer!r} {problem}")
        self.issuer = issuer
        self._breaker = breaker
        self._places = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._metadata: tuple[Metadata, datetime] | None = None
        self._keys: tuple[Mapping[str | None, RSAKey], datetime] | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A place among those who wait for it. Raises `Unreachable` where nobody else may."""
        if not self._places.acquire(blocking=False):
            raise Unreachable("as many wait for it as may")
        try:
            yield
        finally:
            self._places.release()

    def document(self, now: datetime) -> Metadata:
        """Its endpoints. Raises `Unreachable`."""
        known = self._metadata
        # What is known is told without the lock, which somebody may hold for as long as a question takes.
        if known is not None and _is_within(_DOCUMENT_LIFETIME, known[1], now):
            return known[0]
        with self.waiting(), self._lock:
            return self._document(now)

    def key(self, kid: str | None, now: datetime) -> RSAKey | None:
        """Its key of that name; its only one, where none is named. Raises `Unreachable`."""
        keys = self._known_keys(kid, now)
        if keys is None:
            with self.waiting(), self._lock:
                keys = self._known_keys(kid, now)
                if keys is None:
                    keys = self._fetch_keys(now)
        return keys.get(kid)

    def key_names(self, now: datetime) -> tuple[str, ...]:
        """The names of its keys, as it publishes them now. Raises `Unreachable`."""
        with self.waiting(), self._lock:
            return tuple(sorted(name for name in self._fetch_keys(now) if name is not None))

    def rest(self, now: datetime) -> None:
        """It did not answer: leave it alone for a while."""
        self._breaker.failed(self.issuer, now)

    def refuse_resting(self, now: datetime) -> None:
        """Raises `Unreachable` while it is left alone."""
        if self._breaker.is_open(self.issuer, now):
            raise Unreachable("it could not be reached a moment ago")

    def _known_keys(self, kid: str | None, now: datetime) -> Mapping[str | None, RSAKey] | None:
        """The keys as they were found, while it would not help this one to look again."""
        known = self._keys
        if known is None:
            return None
        lifetime = _KEYS_LIFETIME if kid in known[0] else _BETWEEN_LOOKS
        return known[0] if _is_within(lifetime, known[1], now) else None

    def _fetch_keys(self, now: datetime) -> Mapping[str | None, RSAKey]:
        found = _keys(self._fetch(self._document(now).jwks_uri, now))
        self._keys = found, now
        return found

    def _document(self, now: datetime) -> Metadata:
        if self._metadata is None or not _is_within(_DOCUMENT_LIFETIME, self._metadata[1], now):
            self._metadata = _metadata(self.issuer, self._fetch(_address(self.issuer), now)), now
        return self._metadata[0]

    def _fetch(self, url: str, now: datetime) -> dict[str, Any]:
        self.refuse_resting(now)
        try:
            return _object(http.get(url))
        except (NotFetched, ValueError) as error:
            self.rest(now)
            raise Unreachable(f"{url}: {error}") from error


def issuer_problem(issuer: str) -> str | None:
    """What is wrong with an issuer that an operator wants to configure, as the end of a sentence."""
    problem = http.url_problem(issuer)
    if problem is not None:
        return problem
    parts = urlsplit(issuer)
    if parts.query:
        return "may not have a query"
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        return "must begin with https:// (http:// is for this machine alone)"
    return None


def _is_within(lifetime: timedelta, since: datetime, now: datetime) -> bool:
    # A clock that was set back must not keep what is old.
    return timedelta(0) <= now - since < lifetime


def _address(issuer: str) -> str:
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError("it answers with JSON that is nested too deep") from error
    except ValueError as error:
        raise ValueError("it does not answer with JSON") from error
    if not isinstance(found, dict):
        raise ValueError("it does not answer with a JSON object")  # noqa: TRY004 - what it says, not a type
    return found


def _metadata(issuer: str, document: Mapping[str, Any]) -> Metadata:
    # Discovery §4.3: another issuer's document configures another issuer.
    if document.get("issuer") != issuer:
        said = str(document.get("issuer"))[:_LONGEST_URL]
        raise Unreachable(f"its discovery document is of the issuer {said!r}, and {issuer!r} is configured")
    return Metadata(
        authorization_endpoint=_endpoint(issuer, document, "authorization_endpoint"),
        token_endpoint=_endpoint(issuer, document, "token_endpoint"),
        userinfo_endpoint=(
            _endpoint(issuer, document, "userinfo_endpoint") if "userinfo_endpoint" in document else None
        ),
        jwks_uri=_endpoint(issuer, document, "jwks_uri"),
        demands_iss=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(issuer: str, document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or len(url) > _LONGEST_URL or http.url_problem(url) is not None:
        raise Unreachable(f"its discovery document has no usable {name}")
    parts = urlsplit(url)
    # Nothing that is https leads to plain http, were it on this machine.
    is_like_issuer = parts.scheme == urlsplit(issuer).scheme and _is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_like_issuer:
        raise Unreachable(f"its discovery document has a {name} that is not https")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _keys(document: Mapping[str, Any]) -> Mapping[str | None, RSAKey]:
    """Its keys for signatures of our one algorithm, by name; and its only one by none."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise Unreachable("its key set is not a list of keys")
    read = [(kid, key) for kid, key in map(_key, listed) if key is not None]
    found: dict[str | None, RSAKey] = {}
    for kid, key in read:
        if kid is not None:
            found.setdefault(kid, key)
    if len(read) == 1:
        found[None] = read[0][1]
    return found


def _key(jwk: object) -> tuple[str | None, RSAKey | None]:
    """One key and its name; no key for what is of another kind or use (RFC 7517 §5 says to pass it over)."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA":
        return None, None
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", ALGORITHM) != ALGORITHM:
        return None, None
    kid, modulus = jwk.get("kid"), jwk.get("n")
    if not isinstance(modulus, str) or len(modulus) * _BITS_OF_A_CHARACTER < _LEAST_BITS:
        return None, None
    try:
        key = RSAKey.import_key({name: jwk[name] for name in ("kty", "n", "e")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None, None
    return (kid if isinstance(kid, str) else None), key
