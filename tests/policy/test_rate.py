from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy import rate
from idp.policy.rate import RateLimit, RateLimits, RecoveryLimits

TEN_MINUTES = RateLimit(20, timedelta(minutes=10))


def at(minute: int, second: int) -> datetime:
    return datetime(2026, 3, 14, 7, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "start", "seconds"),
    [
        pytest.param(at(20, 0), at(20, 0), 600, id="at the start"),
        pytest.param(at(23, 30), at(20, 0), 390, id="in the middle"),
        pytest.param(at(29, 59), at(20, 0), 1, id="at the end"),
    ],
)
def test_a_window_starts_and_ends(now: datetime, start: datetime, seconds: int) -> None:
    assert rate.window_start(TEN_MINUTES, now) == start
    assert rate.retry_after(TEN_MINUTES, now) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("used", "exceeded"), [(1, False), (20, False), (21, True)])
def test_a_limit_is_exceeded(*, used: int, exceeded: bool) -> None:
    assert rate.is_exceeded(TEN_MINUTES, used) is exceeded


def test_a_hospital_gets_ten_times_the_count() -> None:
    assert rate.widened(TEN_MINUTES, 10) == RateLimit(200, timedelta(minutes=10))


@pytest.mark.parametrize(("count", "seconds"), [(0, 60), (1, 0)])
def test_a_limit_of_nothing_is_refused(count: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        RateLimit(count, timedelta(seconds=seconds))


def test_the_defaults_are_these_counts_in_seconds() -> None:
    limits = RateLimits()
    assert (limits.sign_in_address.count, limits.sign_in_address.period.seconds) == (60, 60)
    assert (limits.sign_in_failures_address.count, limits.sign_in_failures_address.period.seconds) == (
        20,
        600,
    )
    assert (limits.authorize_address.count, limits.authorize_address.period.seconds) == (120, 60)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - UTC is added
    st.integers(1, 86_400),
)
def test_now_is_always_inside_its_window(now: datetime, seconds: int) -> None:
    limit = RateLimit(1, timedelta(seconds=seconds))
    assert rate.window_start(limit, now) <= now < rate.window_start(limit, now) + limit.period
    assert timedelta(0) < rate.retry_after(limit, now) <= limit.period


def test_login_details_are_asked_for_within_limits() -> None:
    limits = RecoveryLimits()
    assert limits.address == RateLimit(10, timedelta(minutes=10))
    assert limits.person_hour == RateLimit(3, timedelta(hours=1))
    assert limits.person_day == RateLimit(6, timedelta(days=1))
    assert limits.whole == RateLimit(300, timedelta(hours=1))


@pytest.mark.parametrize(
    ("now", "seconds"), [(at(20, 0), 601), (at(29, 59), 2)], ids=["at the start", "at the end"]
)
def test_whoever_waits_the_seconds_told_is_in_the_next_window(now: datetime, seconds: int) -> None:
    assert rate.seconds_to_wait(TEN_MINUTES, now) == seconds
    later = now + timedelta(seconds=seconds)
    assert rate.window_start(TEN_MINUTES, later) > rate.window_start(TEN_MINUTES, now)
