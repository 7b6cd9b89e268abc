"""Read `application/x-www-form-urlencoded` text strictly, from a query or a body.

RFC 6749 Appendix B: UTF-8. What is not UTF-8, holds a NUL or has too many fields is refused, never repaired.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from idp.policy.refusal import Refused

MOST_FIELDS = 100
LARGEST_BODY = 64 * 1024

Parameters = Mapping[str, tuple[str, ...]]

NONE: Parameters = MappingProxyType({})


def parse(text: str | bytes) -> Parameters | Refused:
    """Each name with its values in order, or why it cannot be read."""
    if not text:
        return NONE
    try:
        plain = text.decode("ascii") if isinstance(text, bytes) else text
        pairs = parse_qsl(plain, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeError:
        return Refused("invalid_request", "the parameters are not percent-encoded UTF-8")
    except ValueError:
        return Refused("invalid_request", f"there are more than {MOST_FIELDS} parameters")
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if "\0" in value or "\0" in name:
            return Refused("invalid_request", "a parameter holds a NUL character")
        found[name] = (*found[name], value) if name in found else (value,)
    return found
