"""The time steps of one-time codes, and what counts as one that was typed.

RFC 6238 §4 and §5.2, OWASP ASVS 5.0 §6.5.5: steps of 30 seconds, the one before and the one after are heard
as well. What is further off is refused; how far off it is tells an operator that a clock is wrong.
"""

from datetime import UTC, datetime, timedelta

STEP = timedelta(seconds=30)
WINDOW = 1
FARTHEST = 20
"""Steps either way in which a code that is refused is looked for, for the log alone: ten minutes."""

DIGITS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def step_at(now: datetime) -> int:
    """The number of the time step that `now`, which is aware, falls in."""
    return (now - _EPOCH) // STEP


def heard(step: int) -> range:
    """The steps whose codes are heard during this one."""
    return range(step - WINDOW, step + WINDOW + 1)


def too_far(step: int) -> tuple[int, ...]:
    """The steps next to those, nearest first: who has a code of theirs has a clock that is wrong."""
    return tuple(step + sign * off for off in range(WINDOW + 1, FARTHEST + 1) for sign in (-1, 1))


def read(typed: str) -> str | None:
    """The code that was typed: six ASCII digits, spaces left out. None for anything else."""
    if len(typed) > 4 * DIGITS:
        return None
    code = "".join(typed.split())
    return code if len(code) == DIGITS and code.isascii() and code.isdigit() else None
