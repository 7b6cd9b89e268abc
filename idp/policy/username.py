"""Read usernames as people type them, and make those of new accounts.

A username is employer code, initial, surname and number: `918JSMITH01`. The number has two digits, from the
hundredth namesake on three. A mononym gives its own initial. Unicode NFKC (UAX #15) comes before all else.
"""

import re
import unicodedata
from typing import Final

LONGEST: Final = 64
"""Characters of a username, as typed and as made."""

_USERNAME = re.compile(r"[0-9]{3}[A-Z]+[0-9]{2,3}")
_EMPLOYER_CODE = re.compile(r"[0-9]{3}")
_NOT_A_LETTER = re.compile(r"[^A-Z]")
_MOST_NAMESAKES = 999
_WITHOUT_DECOMPOSITION = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "Ø": "O", "Þ": "TH", "Ð": "D", "Đ": "D", "Ħ": "H", "Ł": "L", "Ŧ": "T", "Ŋ": "N"}
)


def normalise(typed: str) -> str | None:
    """Return a typed username as it is stored, or None when it cannot be one."""
    if len(typed) > LONGEST:
        return None
    compatible = unicodedata.normalize("NFKC", typed).strip()
    # ASCII before upper case: a dotless i or a sharp s must not become letters of somebody's username.
    upper = compatible.upper() if compatible.isascii() else ""
    return upper if _USERNAME.fullmatch(upper) else None


def derive(employer_code: str, given_name: str | None, family_name: str | None, number: int) -> str | None:
    """Make the username of the `number`-th person, from 1, of this employer, initial and surname.

    A mononym may stand in either name. None when the names hold no letter that has a form in A to Z: then an
    administrator chooses. ValueError for a malformed employer code or a number over 999.
    """
    if not _EMPLOYER_CODE.fullmatch(employer_code):
        raise ValueError("an employer code has three digits")
    if not 1 <= number <= _MOST_NAMESAKES:
        raise ValueError(f"a username's number is from 1 to {_MOST_NAMESAKES}")
    given, family = letters(given_name), letters(family_name)
    surname = (family or given)[: LONGEST - 7]
    return f"{employer_code}{(given or family)[0]}{surname}{number:02d}" if surname else None


def letters(name: str | None) -> str:
    """Write a name in the letters A to Z alone: ŵ is W, ß is SS. Empty when none has such a form."""
    decomposed = unicodedata.normalize("NFKD", (name or "").upper().translate(_WITHOUT_DECOMPOSITION))
    return _NOT_A_LETTER.sub("", decomposed)
