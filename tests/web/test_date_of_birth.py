"""A date of birth, as people write it."""

from datetime import date

import pytest

from idp.web.date_of_birth import Wrong, read

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("day", "month", "year", "meant"),
    [
        pytest.param("15", "3", "1984", date(1984, 3, 15), id="plain"),
        pytest.param("05", "03", "1984", date(1984, 3, 5), id="leading zeros"),
        pytest.param(" 15 ", "\t3", "1984 ", date(1984, 3, 15), id="spaces around"),
        pytest.param(
            "\uff11\uff15", "\uff13", "\uff11\uff19\uff18\uff14", date(1984, 3, 15), id="wide digits"
        ),
        pytest.param("29", "2", "1984", date(1984, 2, 29), id="a leap day"),
        pytest.param("1", "1", "1900", date(1900, 1, 1), id="the oldest"),
        pytest.param("21", "11", "2026", date(2026, 11, 21), id="yesterday"),
        pytest.param("29", "February", "1984", date(1984, 2, 29), id="a month by name"),
        pytest.param("29", "feb", "1984", date(1984, 2, 29), id="a short name"),
        pytest.param("1", "SEPT", "1984", date(1984, 9, 1), id="a capital name"),
        pytest.param("29", "Chwefror", "1984", date(1984, 2, 29), id="a Welsh name"),
        pytest.param("1", "maw", "1984", date(1984, 3, 1), id="a short Welsh name"),
        pytest.param("1", "Mai", "1984", date(1984, 5, 1), id="May in Welsh"),
    ],
)
def test_what_can_only_mean_one_day_is_accepted(day: str, month: str, year: str, meant: date) -> None:
    assert read(day, month, year, TODAY) == meant


@pytest.mark.parametrize("number", range(12))
def test_every_month_has_its_name_in_both_languages(number: int) -> None:
    english = "January February March April May June July August September October November December"
    welsh = "Ionawr Chwefror Mawrth Ebrill Mai Mehefin Gorffennaf Awst Medi Hydref Tachwedd Rhagfyr"
    for names in (english, welsh):
        name = names.split()[number]
        for typed in (name, name[:3]):
            assert read("1", typed, "1984", TODAY) == date(1984, number + 1, 1)


@pytest.mark.parametrize(
    ("day", "month", "year", "words", "parts"),
    [
        pytest.param("", "", "", "Enter your date of birth", ("day", "month", "year"), id="nothing"),
        pytest.param(
            " ", "\t", "\u3000", "Enter your date of birth", ("day", "month", "year"), id="only spaces"
        ),
        pytest.param("", "3", "1984", "must include a day", ("day",), id="no day"),
        pytest.param("15", "", "1984", "must include a month", ("month",), id="no month"),
        pytest.param("15", "3", "", "must include a year", ("year",), id="no year"),
        pytest.param("", "", "1984", "must include a day and a month", ("day", "month"), id="only a year"),
        pytest.param("", "3", "", "must include a day and a year", ("day", "year"), id="only a month"),
        pytest.param("15", "", "", "must include a month and a year", ("month", "year"), id="only a day"),
        pytest.param("15", "3", "84", "must have 4 numbers", ("year",), id="a short year"),
        pytest.param("15", "3", "19840", "must have 4 numbers", ("year",), id="a long year"),
        pytest.param("15", "13", "1984", "must be a month", ("month",), id="month 13"),
        pytest.param("15", "0", "1984", "must be a month", ("month",), id="month 0"),
        pytest.param("15", "Ma", "1984", "must be a month", ("month",), id="March, May or Mai"),
        pytest.param("15", "Brumaire", "1984", "must be a month", ("month",), id="no month of ours"),
        pytest.param("the 15th", "3", "1984", "must be a number", ("day",), id="a day in words"),
        pytest.param("-1", "3", "1984", "must be a number", ("day",), id="a negative day"),
        pytest.param("\u00b2", "x" * 60_000, "1984", "a day in the calendar", ("month",), id="a flood"),
        pytest.param("\u0344" * 33, "3", "1984", "a day in the calendar", ("day",), id="too much of one"),
        pytest.param("30", "2", "1984", "a day in the calendar", ("day", "month", "year"), id="30 February"),
        pytest.param("29", "2", "1983", "a day in the calendar", ("day", "month", "year"), id="no leap year"),
        pytest.param("0", "3", "1984", "a day in the calendar", ("day", "month", "year"), id="day 0"),
        pytest.param("1", "1", "0000", "a day in the calendar", ("day", "month", "year"), id="year 0"),
        pytest.param("22", "11", "2026", "in the past", ("day", "month", "year"), id="today"),
        pytest.param("1", "1", "9999", "in the past", ("day", "month", "year"), id="the far future"),
        pytest.param("31", "12", "1899", "1900 or later", ("year",), id="too long ago"),
    ],
)
def test_everything_else_is_asked_for_again_and_says_which_box(
    day: str, month: str, year: str, words: str, parts: tuple[str, ...]
) -> None:
    wrong = read(day, month, year, TODAY)
    assert isinstance(wrong, Wrong)
    assert words in wrong.words
    assert wrong.parts == parts
