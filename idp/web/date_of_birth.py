"""Read a date of birth as people type it into three boxes.

NHS digital service manual, "Date input": whatever can only mean one day is accepted, month names among it;
everything else is asked for again in words that say which box to look at.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from idp.web.language import N_

DAY, MONTH, YEAR = "day", "month", "year"

_MONTHS = (
    ("january", "ionawr"),
    ("february", "chwefror"),
    ("march", "mawrth"),
    ("april", "ebrill"),
    ("may", "mai"),
    ("june", "mehefin"),
    ("july", "gorffennaf"),
    ("august", "awst"),
    ("september", "medi"),
    ("october", "hydref"),
    ("november", "tachwedd"),
    ("december", "rhagfyr"),
)
_OLDEST = 1900
# Three letters tell all these names apart.
_SHORTEST_NAME = 3
# What is longer is no part of a date, and would only cost time to normalise.
_LONGEST = 32
_UP_TO_TWO_DIGITS = re.compile(r"[0-9]{1,2}")
_FOUR_DIGITS = re.compile(r"[0-9]{4}")

_MISSING: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        (DAY, MONTH, YEAR): N_("Enter your date of birth, for example 15 3 1984"),
        (DAY, MONTH): N_("Your date of birth must include a day and a month"),
        (DAY, YEAR): N_("Your date of birth must include a day and a year"),
        (MONTH, YEAR): N_("Your date of birth must include a month and a year"),
        (DAY,): N_("Your date of birth must include a day"),
        (MONTH,): N_("Your date of birth must include a month"),
        (YEAR,): N_("Your date of birth must include a year"),
    }
)

_NOT_A_DATE = N_("Your date of birth must be a day in the calendar")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why it is no date of birth, as a message id, and the boxes to look at."""

    words: str
    parts: tuple[str, ...]


def read(day: str, month: str, year: str, today: date) -> date | Wrong:
    """The day that was meant, before `today`."""
    too_long = tuple(
        part for part, text in ((DAY, day), (MONTH, month), (YEAR, year)) if len(text) > _LONGEST
    )
    if too_long:
        return Wrong(_NOT_A_DATE, too_long)
    typed = {DAY: _plain(day), MONTH: _plain(month), YEAR: _plain(year)}
    missing = tuple(part for part, text in typed.items() if not text)
    if missing:
        return Wrong(_MISSING[missing], missing)
    if not _FOUR_DIGITS.fullmatch(typed[YEAR]):
        return Wrong(N_("The year of your date of birth must have 4 numbers, for example 1984"), (YEAR,))
    number = _month(typed[MONTH])
    if number is None:
        return Wrong(N_("The month of your date of birth must be a month, for example 3 or March"), (MONTH,))
    if not _UP_TO_TWO_DIGITS.fullmatch(typed[DAY]):
        return Wrong(N_("The day of your date of birth must be a number, for example 15"), (DAY,))
    return _in_calendar(int(typed[YEAR]), number, int(typed[DAY]), today)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lower()


def _month(text: str) -> int | None:
    if _UP_TO_TWO_DIGITS.fullmatch(text):
        return int(text) if 1 <= int(text) <= len(_MONTHS) else None
    if len(text) < _SHORTEST_NAME:
        return None
    named = (number for number, names in enumerate(_MONTHS, 1) if any(n.startswith(text) for n in names))
    return next(named, None)


def _in_calendar(year: int, month: int, day: int, today: date) -> date | Wrong:
    try:
        born = date(year, month, day)
    except ValueError:
        return Wrong(_NOT_A_DATE, (DAY, MONTH, YEAR))
    if born >= today:
        return Wrong(N_("Your date of birth must be in the past"), (DAY, MONTH, YEAR))
    if year < _OLDEST:
        return Wrong(N_("The year of your date of birth must be 1900 or later"), (YEAR,))
    return born
