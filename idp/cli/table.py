"""Print rows under headings, aligned. What others wrote reaches a terminal without its control characters."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; without rows, only its headings."""
    cells = [tuple(headings), *(tuple(shown(value) for value in row) for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(_padded(row, widths)).rstrip() for row in cells]


def pairs(values: Iterable[tuple[str, object]]) -> list[str]:
    """Names and values below one another."""
    listed = list(values)
    widest = max((_width(name) for name, _ in listed), default=0)
    return [f"{name:<{widest}}  {shown(value)}".rstrip() for name, value in listed]


def shown(value: object) -> str:
    """A value for the eye: times to the second in UTC, nothing as `-`, control characters escaped."""
    match value:
        case None | "":
            return "-"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S UTC")
        case bool():
            return "yes" if value else "no"
        case _:
            return printable(str(value))


def printable(text: str) -> str:
    """The text with everything that could steer a terminal or turn a line around written as an escape."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for cell, width in zip(row, widths, strict=True):
        yield cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """Columns on a terminal: marks take none, East Asian wide characters two."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
