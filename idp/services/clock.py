"""Tell the time: the only module that reads a clock.

Everything else receives `now` as an argument, so a test can stand at any moment and a decision can be
replayed.
"""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the provider asks of a clock."""

    def now(self) -> datetime:
        """Return this moment, aware and in UTC."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return this moment, aware and in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place that may
