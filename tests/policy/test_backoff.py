from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from idp.policy import backoff
from idp.policy.backoff import Backoff

RULE = Backoff()


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 640), (9, 900), (10, 900)],
)
def test_after_this_many_failures_the_wait_is(attempts: int, seconds: int) -> None:
    assert backoff.wait(RULE, attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempts", [33, 1_000, 2**31 - 1])
def test_no_number_of_attempts_is_too_many(attempts: int) -> None:
    assert backoff.wait(RULE, attempts) == timedelta(minutes=15)


@pytest.mark.parametrize("attempts", [0, -1])
def test_the_wait_is_never_nothing(attempts: int) -> None:
    assert backoff.wait(RULE, attempts) == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("age", "over"),
    [
        pytest.param(timedelta(0), False, id="just made"),
        pytest.param(timedelta(hours=24, microseconds=-1), False, id="almost a day old"),
        pytest.param(timedelta(hours=24), True, id="a day old"),
        pytest.param(timedelta(days=30), True, id="older"),
        pytest.param(timedelta(hours=-1), False, id="from the future, when a clock was set back"),
    ],
)
def test_it_is_tried_for_a_day(now: datetime, *, age: timedelta, over: bool) -> None:
    assert backoff.has_run_out(RULE, now - age, now) is over


def test_a_day_of_failures_is_about_a_hundred_attempts() -> None:
    waited, attempts = timedelta(0), 1
    while waited < timedelta(hours=24):
        waited += backoff.wait(RULE, attempts)
        attempts += 1

    # 1275 s for the first eight, then one every 15 minutes.
    assert attempts == 104


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: Backoff(first=timedelta(0)), id="no wait at all"),
        pytest.param(lambda: Backoff(longest=timedelta(seconds=1)), id="longest shorter than first"),
        pytest.param(lambda: Backoff(patience=timedelta(minutes=1)), id="given up before the longest wait"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: Callable[[], Backoff]) -> None:
    with pytest.raises(ValueError, match="a back-off"):
        wrong()
