"""Count requests in fixed windows, and say when the next one opens.

RFC 6585 §4, RFC 9110 §10.2.3 (`Retry-After`). Windows are aligned to the epoch, so all workers count in the
same one without asking each other; across the edge of two windows up to twice the count may pass.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

SHARED: Final = 10
"""How many times as much an address may ask for that many people share, such as a hospital's."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` requests in each `period`. ValueError when one of them is not positive."""

    count: int
    period: timedelta

    def __post_init__(self) -> None:
        if self.count < 1 or self.period <= timedelta(0):
            raise ValueError("a rate limit needs a count of at least 1 and a period longer than nothing")


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The defaults, of which the counts are settings, named by what is counted and by whom."""

    authorize_address: RateLimit = RateLimit(120, timedelta(minutes=1))
    sign_in_address: RateLimit = RateLimit(60, timedelta(minutes=1))
    sign_in_failures_address: RateLimit = RateLimit(20, timedelta(minutes=10))
    second_factor_address: RateLimit = RateLimit(30, timedelta(minutes=10))
    new_password_account: RateLimit = RateLimit(30, timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class RecoveryLimits:
    """The defaults, of which the counts are settings, for requests for login details: OWASP ASVS 5.0 §6.3.1.

    Pages count by `address`, by the network around it and as a `whole`; by person only who has matched
    somebody knows: the worker sends at most so many mails in an hour and in a day.
    """

    address: RateLimit = RateLimit(10, timedelta(minutes=10))
    person_hour: RateLimit = RateLimit(3, timedelta(hours=1))
    person_day: RateLimit = RateLimit(6, timedelta(days=1))
    whole: RateLimit = RateLimit(300, timedelta(hours=1))


def window_start(limit: RateLimit, now: datetime) -> datetime:
    """Name the start of the window that `now` falls in."""
    return now - (now - _EPOCH) % limit.period


def is_exceeded(limit: RateLimit, used: int) -> bool:
    """Whether request number `used` of a window, from 1, is one too many."""
    return used > limit.count


def retry_after(limit: RateLimit, now: datetime) -> timedelta:
    """Say how long after `now` the next window opens; never nothing."""
    return window_start(limit, now) + limit.period - now


def seconds_to_wait(limit: RateLimit, now: datetime) -> int:
    """Say the same in whole seconds, rounded up, as `Retry-After` has it."""
    return max(1, int(retry_after(limit, now).total_seconds()) + 1)


def widened(limit: RateLimit, factor: int) -> RateLimit:
    """Multiply the count, as for the `SHARED` address of a hospital."""
    return RateLimit(limit.count * factor, limit.period)
