"""Read the `scope` parameter, and decide what of it a client gets.

RFC 6749 §3.3, OpenID Connect Core §3.1.2.1 and §11. A client may also be registered for scopes of another
API, which mean nothing here. Values nobody knows are skipped (Core §3.1.2.1), unless nothing else is left.
"""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from idp.policy.refusal import Refused

SCOPES: Final = ("openid", "profile", "email", "offline_access", "esr", "birthdate")
"""The scopes this provider gives a meaning to, in the order that pages and discovery list them."""

DEFAULT: Final = frozenset({"openid", "profile", "email", "esr"})
"""What a client that signs people in gets when it registers no scope: all but the explicit grants."""

LONGEST: Final = 1024
"""Bytes of the parameter."""

_TOKEN = r"[\x21\x23-\x5b\x5d-\x7e]+"  # noqa: S105 - a scope-token of RFC 6749, no secret
_SYNTAX = re.compile(f"{_TOKEN}(?: {_TOKEN})*")


@lru_cache(maxsize=512)
def parse(text: str | None) -> frozenset[str] | Refused:
    """Read space-delimited scope values; absent or empty means none.

    Refused with `invalid_scope` when it breaks the syntax of RFC 6749 §3.3 or is longer than `LONGEST`.
    """
    if not text:
        return frozenset()
    if len(text) > LONGEST:
        return Refused("invalid_scope", f"scope is longer than {LONGEST} bytes")
    if not _SYNTAX.fullmatch(text):
        return Refused("invalid_scope", "scope is a list of ASCII words, separated by single spaces")
    return frozenset(text.split(" "))


@lru_cache(maxsize=512)
def granted(asked: frozenset[str], registered: frozenset[str]) -> frozenset[str] | Refused:
    """Decide which of the values asked for a client gets; nothing asked is nothing granted.

    Refused with `invalid_scope` when it asks for one of `SCOPES` that it is not registered for, or only for
    values nobody knows.
    """
    missing = [value for value in SCOPES if value in asked and value not in registered]
    if missing:
        return Refused("invalid_scope", f"this client is not registered for the scope {' '.join(missing)}")
    known = asked & registered
    if asked and not known:
        return Refused("invalid_scope", "this client is not registered for any scope it asks for")
    return known


def ordered(scope: AbstractSet[str]) -> str:
    """Write a scope for the wire: ours first in the order of `SCOPES`, then the others by name."""
    return " ".join([*(value for value in SCOPES if value in scope), *sorted(scope - frozenset(SCOPES))])
