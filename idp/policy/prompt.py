"""Read the `prompt` parameter.

OpenID Connect Core §3.1.2.1. A value that we do not know is refused, not skipped: a client that asks for a
step must not be left to believe that it took place.
"""

from enum import StrEnum
from functools import lru_cache

from idp.policy.refusal import Refused


class Prompt(StrEnum):
    """What a client wants the person to be asked."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


_KNOWN = frozenset(Prompt)


@lru_cache(maxsize=64)
def parse(value: str | None) -> frozenset[Prompt] | Refused:
    """Read space-delimited, case-sensitive values; absent or empty means that nothing is asked.

    Refused with `invalid_request` when a value is unknown, or when `none` comes with another one.
    """
    words = frozenset((value or "").split(" ")) - {""}
    if not words <= _KNOWN:
        return Refused("invalid_request", f"prompt may hold only: {', '.join(Prompt)}")
    if Prompt.NONE in words and len(words) > 1:
        return Refused("invalid_request", "prompt=none may not be combined with another value")
    return frozenset(map(Prompt, words))
