"""Read the `claims` parameter of an authorization request.

OpenID Connect Core §5.5, §5.5.1 and §5.5.1.1. What is acted on is `acr` and `sub` of the ID Token, which
change whether an answer may be given at all. Every other claim is one that the ID Token always has, or that
UserInfo gives for a scope: asking for one by itself is no error, and gives no more than its scope does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from idp.policy.refusal import Refused

LONGEST = 8192
_MOST_VALUES = 20
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class AcrClaim:
    """An assurance of which the ID Token has to tell; without `values` any will do."""

    values: tuple[str, ...]
    is_essential: bool


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """What the parameter asks for that is acted on. `sub` is the one subject that may be answered for."""

    acr: AcrClaim | None = None
    sub: str | None = None


NOTHING = ClaimsRequest()


@lru_cache(maxsize=64)
def parse(text: str | None) -> ClaimsRequest | Refused:
    """Read the JSON; absent or empty asks for nothing. `invalid_request` when it is malformed."""
    if not text:
        return NOTHING
    try:
        return _read(_decoded(text))
    except _Malformed as malformed:
        return Refused("invalid_request", f"claims {malformed}")


class _Malformed(Exception):
    pass


def _decoded(text: str) -> Mapping[str, Any]:
    try:
        decoded = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise _Malformed(f"is nested deeper than {_DEEPEST} levels") from None
    except ValueError:
        raise _Malformed("is not JSON") from None
    if not isinstance(decoded, dict):
        raise _Malformed("is not a JSON object")
    if _depth(decoded) > _DEEPEST:
        raise _Malformed(f"is nested deeper than {_DEEPEST} levels")
    return decoded


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        # RFC 8259 §4 lets every reader pick another one of them.
        raise _Malformed("holds a member twice")
    return made


def _no_constant(_name: str) -> float:
    raise ValueError


def _depth(value: object) -> int:
    """How many levels of objects and arrays there are."""
    level, depth = [value], 0
    while level:
        inner = [item for item in level if isinstance(item, (dict, list))]
        level = [found for item in inner for found in (item.values() if isinstance(item, dict) else item)]
        depth += bool(inner)
    return depth


def _read(asked: Mapping[str, Any]) -> ClaimsRequest:
    for place in ("userinfo", "id_token"):
        for name, request in _member(asked, place).items():
            _check(f"{place}.{name}", request)
    of_token = _member(asked, "id_token")
    return ClaimsRequest(
        acr=_acr(of_token["acr"]) if "acr" in of_token else None,
        sub=_sub(of_token.get("sub")),
    )


def _member(asked: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    member = asked.get(place)
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise _Malformed(f"has a {place} that is not an object")
    return member


def _check(name: str, request: object) -> None:
    # The name is the client's own words: RFC 6749 restricts what a description may hold.
    where = name if name.isascii() and name.replace(".", "").replace("_", "").isalnum() else "a member"
    if request is None:
        return
    if not isinstance(request, dict):
        raise _Malformed(f"asks for {where} with neither null nor an object")
    if not isinstance(request.get("essential", False), bool):
        raise _Malformed(f"has an essential that is not true or false, in {where}")
    if not isinstance(request.get("values", []), list):
        raise _Malformed(f"has values that are not an array, in {where}")


def _acr(request: Mapping[str, Any] | None) -> AcrClaim:
    asked = request or {}
    return AcrClaim(_values("id_token.acr", asked), bool(asked.get("essential", False)))


def _sub(request: Mapping[str, Any] | None) -> str | None:
    values = _values("id_token.sub", request or {})
    if len(values) > 1:
        raise _Malformed("asks for more than one id_token.sub")
    return values[0] if values else None


def _values(name: str, request: Mapping[str, Any]) -> tuple[str, ...]:
    """The one `value` and all `values`, each once."""
    found = ([request["value"]] if "value" in request else []) + request.get("values", [])
    if not all(isinstance(value, str) for value in found):
        raise _Malformed(f"has a value that is not a string, in {name}")
    if len(found) > _MOST_VALUES:
        raise _Malformed(f"has over {_MOST_VALUES} values, in {name}")
    return tuple(dict.fromkeys(found))
