"""Open tokens and say in plain words what is in them.

For learning only: an access token is the API's to read, and an application that reads it breaks when it
changes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from relying_party.settings import Settings
from relying_party.sign_in import SignedIn

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
TIMES = frozenset({"auth_time", "exp", "iat", "nbf", "updated_at"})
MEANINGS: Mapping[str, str] = {
    # Header: RFC 7515, RFC 9068.
    "alg": "How it is signed.",
    "kid": "Which of the provider's keys signed it.",
    "typ": "What kind of token this is. at+jwt is an access token, so that neither can pass for the other.",
    # Registered and OpenID Connect claims.
    "acr": "How strong the sign-in was.",
    "amr": "How the person signed in: pwd password, otp one-time code, sc card, hwk key, mfa several.",
    "at_hash": "Half the hash of the access token: the two were issued together.",
    "aud": "Who the token is for. Anyone else must refuse it.",
    "auth_time": "When the person really signed in, not when this token was made.",
    "azp": "Which client asked for it.",
    "birthdate": "Date of birth.",
    "client_id": "Which client the access token was issued to.",
    "email": "Work email address.",
    "email_verified": "Whether the provider has checked the address.",
    "esr_employer": "The employer of this account: ESR code, name and ODS code.",
    "esr_roles": "What the person does there.",
    "esr_username": "The ESR username. It can change: store sub, show this.",
    "exp": "Not good after this moment.",
    "family_name": "Family name. May be missing: some people have one name.",
    "given_name": "Given name. May be missing.",
    "iat": "When the token was made.",
    "iss": "Who made the token. We accept one issuer only.",
    "jti": "The token's own serial number.",
    "locale": "The language the person prefers.",
    "name": "Full name, ready to show.",
    "nbf": "Not good before this moment.",
    "nhsid_useruid": "The number of the smartcard used.",
    "nonce": "The random value of this sign-in, sent by us and returned.",
    "scope": "What the access token may be used for.",
    "sid": "The provider's name for this session: a sign-out elsewhere names it.",
    "sub": "Who this is: an identifier that never changes. The key to store.",
    "updated_at": "When these details last changed.",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim or header parameter, ready to print."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A token taken apart. `problem` says why its signature does not fit; None means that it does."""

    algorithm: str
    key_id: str
    problem: str | None
    header: tuple[Claim, ...]
    claims: tuple[Claim, ...]
    raw: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared before this person counted as signed in."""

    what: str
    found: str


def opened(token: str, keys: Mapping[str, Any]) -> Opened | None:
    """Return a JWT taken apart and checked against a JWK Set, or None for an opaque token."""
    try:
        header, payload = (_part(part) for part in token.split(".")[:2])
    except ValueError:
        return None
    return Opened(
        algorithm=str(header.get("alg")),
        key_id=str(header.get("kid")),
        problem=_problem(token, keys),
        header=_claims(header),
        claims=_claims(payload),
        raw=json.dumps({"header": header, "payload": payload}, indent=2, ensure_ascii=False),
    )


def checks(signed_in: SignedIn, settings: Settings) -> tuple[Check, ...]:
    """Return what `sign_in` compared; one mismatch, and there would be no page to show it on."""
    claims = signed_in.claims
    found = (
        Check("The answer came from the provider we asked (iss, RFC 9207)", signed_in.response_iss or ""),
        Check("The answer belongs to this browser (state)", "the value we sent, once"),
        Check("The code was ours (PKCE S256)", "the provider compared the verifier with the challenge"),
        Check("The ID Token was made by our provider (iss)", settings.issuer),
        Check("It was made for us (aud)", settings.client_id),
        Check("It was made for this sign-in (nonce)", signed_in.nonce),
        Check("It had not expired (exp)", moment(claims.get("exp"))),
        Check("It goes with this access token (at_hash)", str(claims.get("at_hash", ""))),
        Check("UserInfo describes the same person (sub)", str(claims.get("sub"))),
    )
    # Two of them are the provider's choice to send.
    return tuple(check for check in found if check.found)


def fingerprint(token: str | None) -> str:
    """Return the beginning of the token's SHA-256: tells two tokens apart and opens nothing."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else "none"


def moment(seconds: object) -> str:
    """Return seconds since 1970 as a date and time in UTC, or the value itself if it is no such number."""
    if not isinstance(seconds, int | float):
        return str(seconds)
    then = datetime.fromtimestamp(seconds, UTC)
    return f"{then.day} {then.strftime('%B %Y, %H:%M:%S')} UTC"


def _part(text: str) -> dict[str, Any]:
    document = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - to the caller, one kind of malformed token
    return document


def _problem(token: str, keys: Mapping[str, Any]) -> str | None:
    try:
        # A JWK Set is a JSON document: Any ends here.
        jwt.decode(
            token, KeySet.import_key_set({"keys": keys["keys"]}), registry=JWSRegistry(algorithms=ALGORITHMS)
        )
    except (JoseError, ValueError) as error:
        return str(error)
    return None


def _claims(document: Mapping[str, Any]) -> tuple[Claim, ...]:
    return tuple(
        Claim(name, _printed(name, value), MEANINGS.get(name, "")) for name, value in document.items()
    )


def _printed(name: str, value: object) -> str:
    if name in TIMES:
        return f"{value}, which is {moment(value)}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
