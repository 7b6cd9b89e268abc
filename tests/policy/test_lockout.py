from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.policy import lockout
from idp.policy.lockout import LockoutRule

RULE = LockoutRule()


@pytest.mark.parametrize(
    ("n", "seconds"),
    [(1, 0), (5, 0), (6, 30), (7, 60), (8, 120), (9, 240), (10, 480), (11, 900), (12, 900), (79, 900)],
)
def test_the_delay_after_attempt_n_is(n: int, seconds: int) -> None:
    assert lockout.delay(RULE, n) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("n", "known", "shut"), [(79, False, False), (80, False, True), (19, True, False), (20, True, True)]
)
def test_a_bucket_is_shut_at(*, n: int, known: bool, shut: bool) -> None:
    assert lockout.is_shut(RULE, n, known=known) is shut


def guesses(*, within: timedelta, known: bool = False) -> tuple[int, timedelta]:
    """Guess as soon as it is allowed; say how often that was, and when the last time."""
    n, at, last = 0, timedelta(0), timedelta(0)
    while at < within and not (n and lockout.is_shut(RULE, n, known=known)):
        n, last = n + 1, at
        at += lockout.delay(RULE, n)
    return n, last


def test_the_first_six_guesses_need_no_wait() -> None:
    assert guesses(within=timedelta(seconds=1)) == (6, timedelta(0))


def test_the_first_hour_allows_13_guesses() -> None:
    assert guesses(within=timedelta(hours=1))[0] == 13


def test_a_stranger_gets_80_guesses_in_17_and_a_half_hours_and_no_more_in_years() -> None:
    # 930 s for the first 11 guesses, then 69 times 900 s
    assert guesses(within=timedelta(days=3650)) == (80, timedelta(seconds=63030))


def test_known_devices_get_20_guesses_together() -> None:
    assert guesses(within=timedelta(days=3650), known=True)[0] == 20


def test_the_delay_is_steady_from_the_eleventh_attempt() -> None:
    assert RULE.steady_from == 11


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: LockoutRule(free=-1), id="fewer than no free attempts"),
        pytest.param(lambda: LockoutRule(delays=()), id="no delay"),
        pytest.param(lambda: LockoutRule(delays=(timedelta(seconds=-1),)), id="a delay into the past"),
        pytest.param(lambda: LockoutRule(shut_known=0), id="shut from the start"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: Callable[[], LockoutRule]) -> None:
    with pytest.raises(ValueError, match="a lockout rule"):
        wrong()


def heard_at(rule: LockoutRule, *, within: timedelta, known: bool) -> list[timedelta]:
    """When somebody is heard who guesses as soon as it is allowed."""
    times: list[timedelta] = []
    at = timedelta(0)
    while at < within and not (times and lockout.is_shut(rule, len(times), known=known)):
        times.append(at)
        at += lockout.delay(rule, len(times))
    return times


class TestSecondFactors:
    """§4.3 of the design: five wrong at once, ten an hour, twenty a day, a hundred and then no more."""

    @pytest.mark.parametrize("known", [False, True])
    @pytest.mark.parametrize(("hours", "most"), [(1, 5), (24, 10)])
    def test_either_bucket_hears_in_any_span_no_more_than(
        self, *, known: bool, hours: int, most: int
    ) -> None:
        times = heard_at(lockout.SECOND_FACTOR, within=timedelta(days=3650), known=known)
        span = timedelta(hours=hours)
        busiest = max(sum(start <= at < start + span for at in times) for start in times)
        assert busiest == most

    def test_five_are_heard_at_once_and_the_next_waits_an_hour(self) -> None:
        times = heard_at(lockout.SECOND_FACTOR, within=timedelta(days=2), known=False)
        assert [at / timedelta(hours=1) for at in times] == [0, 0, 0, 0, 0, 1, 3, 7, 15, 23, 31, 39, 47]

    def test_a_hundred_are_heard_in_all(self) -> None:
        ever = [
            len(heard_at(lockout.SECOND_FACTOR, within=timedelta(days=36500), known=known))
            for known in (False, True)
        ]
        assert ever == [80, 20]
