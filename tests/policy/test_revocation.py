from datetime import UTC, datetime, timedelta

import pytest

from idp.policy.revocation import Grace, Known, Verdict, is_current, judge, together

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NONE = Grace()
SOME = Grace(level_2=6 * HOUR, level_3=HOUR)


def known(*, until: timedelta, is_revoked: bool = False, since: timedelta = -24 * HOUR) -> Known:
    """A list that was made and ends so long before or after noon."""
    return Known(is_revoked, NOON + since, NOON + until)


@pytest.mark.parametrize(
    ("listed", "answer", "grace", "verdict"),
    [
        pytest.param(known(until=MINUTE), None, NONE, Verdict.GOOD, id="current"),
        pytest.param(known(until=0 * HOUR), None, NONE, Verdict.UNKNOWN, id="over at its end"),
        pytest.param(known(until=-MINUTE), None, NONE, Verdict.UNKNOWN, id="stale, and nothing declared"),
        pytest.param(known(until=-59 * MINUTE), None, SOME, Verdict.GOOD, id="stale within level 3"),
        pytest.param(known(until=-HOUR), None, SOME, Verdict.LAST_KNOWN_GOOD, id="stale within level 2"),
        pytest.param(known(until=-5 * HOUR), None, SOME, Verdict.LAST_KNOWN_GOOD, id="nearly too old"),
        pytest.param(known(until=-6 * HOUR), None, SOME, Verdict.UNKNOWN, id="too old"),
        pytest.param(None, None, SOME, Verdict.UNKNOWN, id="no list"),
        pytest.param(known(until=MINUTE, is_revoked=True), None, NONE, Verdict.REVOKED, id="revoked"),
        pytest.param(
            known(until=-99 * HOUR, is_revoked=True), None, NONE, Verdict.REVOKED, id="revoked long ago"
        ),
        pytest.param(
            known(until=-99 * HOUR, is_revoked=True), False, SOME, Verdict.REVOKED, id="revoked for good"
        ),
        pytest.param(known(until=-MINUTE), False, NONE, Verdict.GOOD, id="stale, but the authority answers"),
        pytest.param(None, False, NONE, Verdict.GOOD, id="no list, but the authority answers"),
        pytest.param(known(until=HOUR), True, SOME, Verdict.REVOKED, id="revoked since"),
        pytest.param(
            known(until=48 * HOUR, since=6 * MINUTE), None, SOME, Verdict.UNKNOWN, id="made in the future"
        ),
        pytest.param(
            known(until=48 * HOUR, since=5 * MINUTE), None, NONE, Verdict.GOOD, id="by a clock that is ahead"
        ),
    ],
)
def test_a_list_counts_as_long_as_it_may(
    listed: Known | None, answer: bool | None, grace: Grace, verdict: Verdict
) -> None:
    assert judge(listed, answer, grace, NOON) is verdict


@pytest.mark.parametrize(
    ("listed", "current"),
    [
        (known(until=MINUTE), True),
        (known(until=0 * HOUR), False),
        (known(until=48 * HOUR, since=6 * MINUTE), False),
        (None, False),
    ],
)
def test_the_authority_is_asked_when_the_list_is_not_current(listed: Known | None, current: bool) -> None:
    assert is_current(listed, NOON) is current


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([Verdict.GOOD], Verdict.GOOD),
        ([Verdict.GOOD, Verdict.LAST_KNOWN_GOOD], Verdict.LAST_KNOWN_GOOD),
        ([Verdict.UNKNOWN, Verdict.LAST_KNOWN_GOOD], Verdict.UNKNOWN),
        ([Verdict.UNKNOWN, Verdict.REVOKED, Verdict.GOOD], Verdict.REVOKED),
        ([], Verdict.UNKNOWN),
    ],
)
def test_a_path_is_worth_what_its_worst_certificate_is(verdicts: list[Verdict], verdict: Verdict) -> None:
    assert together(verdicts) is verdict


@pytest.mark.parametrize(("level_2", "level_3"), [(HOUR, 2 * HOUR), (-HOUR, -HOUR), (HOUR, -HOUR)])
def test_a_grace_that_makes_no_sense_is_a_mistake(level_2: timedelta, level_3: timedelta) -> None:
    with pytest.raises(ValueError, match="level 2"):
        Grace(level_2, level_3)
