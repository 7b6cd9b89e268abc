"""Read the signed tokens of an upstream OpenID Provider, and believe the ones that are meant for us, now.

OpenID Connect Core §2 and §3.1.3.7, OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6, RFC 8725 §3. One
algorithm is believed, whatever a token or a key says. A claim is of the type that it must be, or the token is
malformed.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeGuard

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

ALGORITHM: Final = "RS256"
"""The one that is believed (OpenID Connect Core §15.1)."""

_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LEEWAY: Final = timedelta(seconds=30)
# For a provider that gives a logout token no end.
_LOGOUT_LIFETIME: Final = timedelta(minutes=5)
_LONGEST_TOKEN: Final = 8000
_LONGEST_NAME: Final = 255
_LAST_SECOND: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_REGISTRY: Final = JWSRegistry(algorithms=[ALGORITHM])


class Reason(StrEnum):
    """Why the provider's word is not taken; for logs and the audit."""

    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_NONCE = "wrong_nonce"
    WRONG_ALGORITHM = "wrong_algorithm"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_ACCESS_TOKEN = "wrong_access_token"  # noqa: S105 - a reason's name
    WRONG_TYPE = "wrong_type"
    SUBJECT_DIFFERS = "subject_differs"
    REFUSED_BY_PROVIDER = "refused_by_provider"
    MALFORMED = "malformed"


class NotBelieved(Exception):
    """What came back proves nothing. `detail` is for operators, and holds no token."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Whose sessions ended there, or which one, by `iat`. One of `subject` and `sid` is there."""

    subject: str | None
    sid: str | None
    iat: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what `issuer` signs for `client_id`. `key_of` finds its key by name, and may raise."""

    issuer: str
    client_id: str
    key_of: Callable[[str | None, datetime], RSAKey | None]

    def id_token(self, token: object, access_token: object, nonce: str, now: datetime) -> Mapping[str, Any]:
        """The claims of an ID Token that answers the request with this `nonce`. Raises `NotBelieved`."""
        claims = self._claims(token, now)
        said = text(claims, "nonce")
        if said is None or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise NotBelieved(Reason.WRONG_NONCE)
        if claims.get("azp", self.client_id) != self.client_id:
            raise NotBelieved(Reason.WRONG_AUDIENCE, "it was made for another party")
        if text(claims, "sub") is None:
            raise NotBelieved(Reason.MALFORMED, "sub is missing")
        # OpenID Connect Core §3.1.3.8
        if "at_hash" in claims and claims["at_hash"] != _at_hash(access_token):
            raise NotBelieved(Reason.WRONG_ACCESS_TOKEN)
        return claims

    def logout_token(self, token: str, now: datetime) -> LoggedOut:
        """What a logout token says. Raises `NotBelieved`."""
        claims = self._claims(token, now, lifetime=_LOGOUT_LIFETIME, typ="logout+jwt")
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
            raise NotBelieved(Reason.WRONG_TYPE, "it is no logout token")
        # Back-Channel Logout §2.6: an ID Token, which has one, must not pass for a logout token.
        if "nonce" in claims:
            raise NotBelieved(Reason.WRONG_TYPE, "a logout token has no nonce")
        subject, sid = text(claims, "sub"), text(claims, "sid")
        if (subject is None and sid is None) or text(claims, "jti") is None:
            raise NotBelieved(Reason.MALFORMED, "sub and sid, or jti, are missing")
        return LoggedOut(subject, sid, moment(claims, "iat"))

    def _claims(
        self, token: object, now: datetime, *, lifetime: timedelta | None = None, typ: str = "JWT"
    ) -> dict[str, Any]:
        """What every token says. One that does not say when it ends does so `lifetime` after it was made."""
        if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii():
            raise NotBelieved(Reason.MALFORMED, "there is no token of a fair size")
        claims = self._signed(token, typ, now)
        if claims.get("iss") != self.issuer:
            raise NotBelieved(Reason.WRONG_ISSUER)
        if claims.get("aud") not in (self.client_id, [self.client_id]):
            raise NotBelieved(Reason.WRONG_AUDIENCE)
        made = moment(claims, "iat")
        ends = moment(claims, "exp") if lifetime is None or "exp" in claims else made + lifetime
        if now >= ends + _LEEWAY:
            raise NotBelieved(Reason.EXPIRED)
        if max(made, moment(claims, "nbf") if "nbf" in claims else made) > now + _LEEWAY:
            raise NotBelieved(Reason.NOT_YET_VALID)
        return claims

    def _signed(self, token: str, typ: str, now: datetime) -> dict[str, Any]:
        header = _header(token)
        # RFC 8725 §3.1: before any key is looked at.
        if header.get("alg") != ALGORITHM:
            raise NotBelieved(Reason.WRONG_ALGORITHM, _shown(header.get("alg")))
        if str(header.get("typ", typ)).lower().removeprefix("application/") not in {"jwt", typ.lower()}:
            raise NotBelieved(Reason.WRONG_TYPE, _shown(header.get("typ")))
        kid = header.get("kid")
        key = self.key_of(kid, now) if kid is None or isinstance(kid, str) else None
        if key is None:
            raise NotBelieved(Reason.UNKNOWN_KEY, _shown(kid))
        try:
            return jwt.decode(token, key, registry=_REGISTRY).claims
        except BadSignatureError as error:
            raise NotBelieved(Reason.BAD_SIGNATURE) from error
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise NotBelieved(Reason.MALFORMED, type(error).__name__) from error


def json_object(body: bytes) -> dict[str, Any]:
    """What an answer in JSON says. Raises `NotBelieved`."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotBelieved(Reason.MALFORMED, "it does not answer with a JSON object")
    return found


def is_token(value: object) -> TypeGuard[str]:
    """Whether this can be an access token (RFC 6750 §2.1)."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_TOKEN
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def text(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is a name; None where there is none. Raises `NotBelieved` for something else."""
    value = claims.get(name)
    if value is not None and not _is_name(value):
        raise NotBelieved(Reason.MALFORMED, f"{name} is no name")
    return value


def texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A claim that is a list of names; the empty one where there is none. Raises `NotBelieved`."""
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(map(_is_name, value)):
        raise NotBelieved(Reason.MALFORMED, f"{name} is no list of names")
    return tuple(value)


def level(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is a level: a number in some tokens, a word in others. Raises `NotBelieved`."""
    value = claims.get(name)
    if value is None:
        return None
    said = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not _is_name(said):
        raise NotBelieved(Reason.MALFORMED, f"{name} is no level")
    return said


def moment(claims: Mapping[str, Any], name: str) -> datetime:
    """A claim that is a NumericDate (RFC 7519 §2). Raises `NotBelieved`."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotBelieved(Reason.MALFORMED, f"{name} is no time")
    # Of NaN neither is true.
    if not 0 <= value <= _LAST_SECOND:
        raise NotBelieved(Reason.MALFORMED, f"{name} is no time of ours")
    return datetime.fromtimestamp(value, UTC)


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def _header(token: str) -> dict[str, Any]:
    first = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotBelieved(Reason.MALFORMED, "it is no signed token")
    return found


def _at_hash(access_token: object) -> str | None:
    if not is_token(access_token):
        return None
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


def _shown(value: object) -> str:
    return repr(value)[:_LONGEST_NAME]
