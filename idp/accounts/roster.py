"""Read a list of joiners from CSV, row by row, and say of each row what is wrong with it.

RFC 4180, in UTF-8 with or without a byte order mark. Rows are numbered as a spreadsheet shows them: the
heading is row 1. The file is never held in memory, so a hundred thousand people need no more than one.
"""

import csv
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from idp.accounts.joiner import FIELDS, NEEDED
from idp.policy.metadata_reader import Problem

_LONGEST_LINE = 1024 * 1024
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SAVE = "Save it as CSV UTF-8"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read; what it says is not yet checked."""

    number: int
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    number: int
    problems: tuple[Problem, ...]


class NotARoster(Exception):
    """The file as a whole cannot be read; the message says why, with the remedy."""


def rows(file: BinaryIO, advance: Callable[[int], object]) -> Iterator[Row | BadRow]:
    """The rows below the heading; `advance` hears how many bytes were read. Raises `NotARoster`."""
    reader = csv.reader(_lines(file, advance), strict=True)
    number = 1
    try:
        heading = next(reader, None)
        columns = _columns(heading)
        for number, cells in enumerate(reader, start=2):
            if any(cells):
                yield _row(number, columns, cells)
    except csv.Error as error:
        # From here on nobody can tell where a row begins.
        raise NotARoster(f"Row {number + 1} or the end of it is not CSV ({error}). {_SAVE}.") from error


def _lines(file: BinaryIO, advance: Callable[[int], object]) -> Iterator[str]:
    first = file.readline(_LONGEST_LINE)
    if first.startswith(_UTF_16):
        raise NotARoster(f"The file is in UTF-16. {_SAVE}.")
    line = first.removeprefix(b"\xef\xbb\xbf")
    while line:
        advance(len(line))
        # What is not UTF-8 comes through as surrogates, so that the row's number and column can be told.
        yield line.decode("utf-8", "surrogateescape")
        line = file.readline(_LONGEST_LINE)


def _columns(heading: list[str] | None) -> list[str]:
    if not heading:
        raise NotARoster(f"The file is empty. Its first row names the columns: {','.join(FIELDS)}")
    columns = [cell.strip().lower() for cell in heading]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t"):
        raise NotARoster(f"The columns are not separated by commas. {_SAVE}, with commas.")
    problems = [_unknown(column) for column in columns if column not in FIELDS]
    problems += [f"the column {column} is there twice" for column in FIELDS if columns.count(column) > 1]
    problems += [f"the column {column} is missing" for column in NEEDED if column not in columns]
    if problems:
        raise NotARoster(f"In row 1 {'; '.join(problems)}. The columns are {','.join(FIELDS)}")
    return columns


def _unknown(column: str) -> str:
    close = difflib.get_close_matches(column, FIELDS, n=1)
    hint = f" (perhaps {close[0]})" if close else ""
    return f"the column {column or 'without a name'} is not known{hint}"


def _row(number: int, columns: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(columns):
        message = f"has {len(cells)} cells where the heading has {len(columns)}; put a comma in quotes"
        return BadRow(number, (Problem("row", message),))
    return Row(number, dict(zip(columns, cells, strict=True)))
