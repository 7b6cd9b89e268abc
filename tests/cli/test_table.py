from datetime import UTC, datetime

import pytest

from idp.cli.table import pairs, printable, shown, table


def test_columns_are_aligned_whatever_script_a_name_is_written_in() -> None:
    assert table(("NAME", "CODE"), [("Siân", 1), ("Mair Pengw\u0302ern", 2), ("李", 3)]) == [
        "NAME           CODE",
        "Siân           1",
        "Mair Pengw\u0302ern  2",
        "李             3",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    assert table(("NAME", "CODE"), []) == ["NAME  CODE"]


def test_pairs_stand_below_one_another() -> None:
    assert pairs([("State", "active"), ("Last sign-in", None)]) == ["State         active", "Last sign-in  -"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 11, 23, 7, 5, 9, 123456, tzinfo=UTC), "2026-11-23 07:05:09 UTC"),
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
    ],
)
def test_values_are_shown_for_the_eye(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_nothing_that_steers_a_terminal_gets_through() -> None:
    assert printable("a\x1b[31mb\u202ec\x9bd\ue000\n") == "a\\x1b[31mb\\u202ec\\x9bd\\ue000\\n"
