from datetime import UTC, timedelta

from idp.services.clock import Clock, SystemClock


def test_now_is_aware_and_in_utc() -> None:
    clock: Clock = SystemClock()

    assert clock.now().tzinfo is UTC


def test_time_goes_on() -> None:
    clock = SystemClock()

    first = clock.now()

    assert timedelta(0) <= clock.now() - first < timedelta(minutes=1)
