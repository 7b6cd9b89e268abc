"""How a recovery code is written: `3-ABCDE-FGHJK-MNPQR-S`.

Its first digit names its place among the ten, so that one stored hash is enough to look at; sixteen
characters of Crockford's base 32 follow, 80 random bits. What people mistake for one another is read as one.
"""

import re

SET = 10
"""How many codes an account has."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM = 16
"""Characters drawn for each code."""

_READ_AS = str.maketrans("OIL", "011")
_CODE = re.compile(rf"[0-9][{ALPHABET}]{{{RANDOM}}}")
_LONGEST = 64


def write(position: int, drawn: str) -> str:
    """The code as it is shown. ValueError when it would not be read again."""
    code = f"{position}{drawn}"
    if not _CODE.fullmatch(code):
        raise ValueError("a recovery code has a place from 0 to 9 and sixteen characters of its alphabet")
    return "-".join((code[0], code[1:6], code[6:11], code[11:16], code[16]))


def read(typed: str) -> str | None:
    """The code that was typed, without hyphens and spaces and in capitals; None when it cannot be one."""
    if len(typed) > _LONGEST:
        return None
    code = re.sub(r"[\s-]", "", typed).upper().translate(_READ_AS)
    return code if _CODE.fullmatch(code) else None


def position_of(code: str) -> int:
    """The place among the ten of a code that was read."""
    return int(code[0])
