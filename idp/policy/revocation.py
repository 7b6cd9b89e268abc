"""Decide what is known of a card's revocation, from the last good list and how old it is.

RFC 5280 §5, NIST SP 800-63B-4 §4.2 (a card that may have been reported lost is none). A list counts until the
moment it announces for its successor. After that the last known good one counts for as long as the
installation declares: not at all for level 3 unless it says otherwise, and for level 2 at least as long.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

AHEAD: Final = timedelta(minutes=5)
"""By how much the clock of an authority may be ahead of ours."""

_NOTHING = timedelta(0)


class Verdict(StrEnum):
    """What a card is worth, the best first: level 3, level 2, or nothing for one reason or the other."""

    GOOD = "good"
    LAST_KNOWN_GOOD = "last_known_good"
    UNKNOWN = "unknown"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Grace:
    """For how long a list counts after its time. ValueError unless 0 <= level_3 <= level_2."""

    level_2: timedelta = _NOTHING
    level_3: timedelta = _NOTHING

    def __post_init__(self) -> None:
        if not _NOTHING <= self.level_3 <= self.level_2:
            raise ValueError("a stale revocation list counts for level 2 at least as long as for level 3")


@dataclass(frozen=True, slots=True)
class Known:
    """What the last good list of an authority says of one certificate, and of itself."""

    is_revoked: bool
    this_update: datetime
    next_update: datetime


def is_current(known: Known | None, now: datetime) -> bool:
    """Whether there is no reason to ask anybody else."""
    return known is not None and known.this_update <= now + AHEAD and now < known.next_update


def judge(known: Known | None, answer: bool | None, grace: Grace, now: datetime) -> Verdict:
    """Judge one certificate.

    `known` is None while there is no list. `answer` is what the authority itself has said just now: whether
    it is revoked, or None when it was not asked or did not answer.
    """
    if (known is not None and known.is_revoked) or answer:
        return Verdict.REVOKED
    if answer is not None:
        return Verdict.GOOD
    if known is None or known.this_update > now + AHEAD:
        return Verdict.UNKNOWN
    if now < known.next_update + grace.level_3:
        return Verdict.GOOD
    return Verdict.LAST_KNOWN_GOOD if now < known.next_update + grace.level_2 else Verdict.UNKNOWN


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """What a card is worth when all certificates of its path are: as little as the worst of them."""
    order = tuple(Verdict)
    return max(verdicts, key=order.index, default=Verdict.UNKNOWN)
