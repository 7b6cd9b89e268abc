"""Read the public keys that a client registers.

RFC 7517 §4 and §5, RFC 7518 §6, RFC 8037 §2, RFC 8725 §3. Only what verifies a signature is kept: RSA, P-256
and Ed25519. Whether a point lies on its curve is seen when the key is used. A private member is refused,
never dropped: whoever sent it has to know that the key is compromised.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, TypeAlias

Jwks: TypeAlias = dict[str, list[dict[str, object]]]
"""A JWK Set: `{"keys": [...]}`."""

MOST_KEYS: Final = 20
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_KEPT = ("kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e")
_LONGEST_LABEL = 256
_OPERATIONS = ("verify",)
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_SIZES = {
    "RSA": {"n": range(256, 1025), "e": range(1, 9)},
    "EC": {"x": range(32, 33), "y": range(32, 33)},
    "OKP": {"x": range(32, 33)},
}
"""Bytes of each public number."""


def parse(value: object) -> Jwks | str:
    """Return the JWK Set with its known public members only, or a sentence that says what is wrong."""
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, list) or not keys:
        return 'must be a JWK Set: an object with a non-empty list "keys"'
    if len(keys) > MOST_KEYS:
        return f"holds more than {MOST_KEYS} keys"
    for number, key in enumerate(keys, start=1):
        objection = _problem(key)
        if objection:
            return f"key {number} {objection}"
    return _ambiguity(keys) or {"keys": [{name: key[name] for name in _KEPT if name in key} for key in keys]}


def key_types(jwks: Jwks) -> frozenset[str]:
    """Name the `kty` of each key in a parsed set that may verify a signature."""
    return frozenset(str(key["kty"]) for key in jwks["keys"] if key.get("use", "sig") == "sig")


def _problem(key: object) -> str | None:
    if not isinstance(key, Mapping):
        return "is not an object"
    if PRIVATE_MEMBERS & key.keys():
        return "is private or secret; replace that key pair, and register the public key only"
    kty = key.get("kty")
    if not isinstance(kty, str) or kty not in _SIZES:
        return "must have the kty RSA, EC or OKP"
    if key.get("crv") != _CURVES.get(kty):
        return "must have the crv P-256 (EC), Ed25519 (OKP) or none (RSA)"
    if not all(_bytes(key.get(name)) in sizes for name, sizes in _SIZES[kty].items()):
        return "is incomplete or of a wrong size (RSA: 2048 to 8192 bits)"
    return _label_problem(key)


def _bytes(value: object) -> int:
    return len(value) * 3 // 4 if isinstance(value, str) and _BASE64URL.fullmatch(value) else 0


def _label_problem(key: Mapping[str, object]) -> str | None:
    for name in ("kid", "use", "alg"):
        label = key.get(name, "-")
        if not isinstance(label, str) or not 0 < len(label) <= _LONGEST_LABEL or not label.isprintable():
            return f"must have a short string as its {name}"
    operations = key.get("key_ops", [])
    if not isinstance(operations, list) or not all(word in _OPERATIONS for word in operations):
        return "may have only verify in its key_ops"
    return None


def _ambiguity(keys: list[Mapping[str, object]]) -> str | None:
    # OpenID Connect Core §10.1: with several keys, only a kid tells which one signed.
    most = max(Counter(key.get("kid") for key in keys).values())
    if len(keys) > 1 and (most > 1 or any("kid" not in key for key in keys)):
        return "must give each of its keys a kid of its own"
    return None
