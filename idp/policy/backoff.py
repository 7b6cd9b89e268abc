"""Decide when to try again what the outside world would not take, and when to give up.

The wait doubles from attempt to attempt up to a ceiling, so that a server that comes back is found soon, and
one that stays away is not run over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first` wait, `longest` wait, and for how long it is tried. ValueError when they make no sense."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=15)
    patience: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.first <= self.longest <= self.patience:
            raise ValueError("a back-off waits longer than nothing, and first <= longest <= patience")


def wait(rule: Backoff, attempts: int) -> timedelta:
    """Say how long to wait after this many attempts, from 1, have failed."""
    doublings = min(max(attempts, 1) - 1, _MOST_DOUBLINGS)
    return min(rule.first * (1 << doublings), rule.longest)


def has_run_out(rule: Backoff, created_at: datetime, now: datetime) -> bool:
    """Whether what was created then has been tried for long enough, and a failure now is the last one."""
    return created_at + rule.patience <= now
