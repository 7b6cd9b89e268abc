"""Read work email addresses: as operators give them, and as people type them to be found by.

RFC 5321 §4.1.2 without quoted local parts, which is what employers give to people, and ASCII only: nothing
that looks like another letter, or becomes one in another case, is ever anybody's address. What is one here
can be written to: there is no other idea of an address.
"""

import re
from typing import Final

LONGEST: Final = 254
"""Characters of an address (RFC 5321 §4.5.3.1.3, less the angle brackets)."""

_ADDRESS = re.compile(
    r"(?!\.)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\.)@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}"
)


def is_address(text: str) -> bool:
    """Whether the text is one address and nothing else: no name, no second address, no spaces around."""
    return len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None and ".." not in text


def normalise(typed: str) -> str | None:
    """Return a typed address in lower case, which is how addresses are compared; None when it is not one.

    Spaces around it are trimmed. Mail goes to the address on record, never to this one.
    """
    trimmed = typed.strip(" ")
    return trimmed.lower() if is_address(trimmed) else None
