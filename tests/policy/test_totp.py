from datetime import UTC, datetime

import pytest

from idp.policy import totp


@pytest.mark.parametrize(
    ("at", "step"),
    [
        # RFC 6238 appendix B.
        pytest.param(datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC), 0x1, id="1970"),
        pytest.param(datetime(2005, 3, 18, 1, 58, 29, tzinfo=UTC), 0x23523EC, id="2005, the last second"),
        pytest.param(datetime(2005, 3, 18, 1, 58, 31, tzinfo=UTC), 0x23523ED, id="2005, the next step"),
        pytest.param(datetime(2603, 10, 11, 11, 33, 20, tzinfo=UTC), 0x27BC86AA, id="2603"),
    ],
)
def test_the_step_of_a_moment_is_that_of_the_standard(at: datetime, step: int) -> None:
    assert totp.step_at(at) == step


def test_one_step_either_way_is_heard() -> None:
    assert list(totp.heard(100)) == [99, 100, 101]


def test_the_log_looks_ten_minutes_either_way_nearest_first() -> None:
    steps = totp.too_far(100)
    assert steps[:4] == (98, 102, 97, 103)
    assert (min(steps), max(steps)) == (80, 120)
    assert not set(steps) & {99, 100, 101}


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456", "123456"),
        ("1 2 3\t4\u00a05 6\n", "123456"),
        ("012345", "012345"),
        ("12345", None),
        ("1234567", None),
        ("123456\x00", None),
        ("١٢٣٤٥٦", None),
        ("\N{FULLWIDTH DIGIT ONE}23456", None),
        ("12345²", None),
        ("-12345", None),
        ("", None),
        ("1" * 1_000_000, None),
        (" " * 1_000_000, None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_code_is_six_ascii_digits(typed: str, code: str | None) -> None:
    assert totp.read(typed) == code
