"""Turn a letter and its values into the subject, the text and the HTML that are sent.

A value may hold what a stranger typed. Each is made one line first, without control characters and without
the signs that turn text around; HTML escapes it besides. Links come from the values that are links and from
no other. Times are UTC when they come and are told as clocks in London show them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from idp.services import catalogue


class Letter(StrEnum):
    """Every letter there is, by the stem of its two templates."""

    WELCOME = "welcome"
    LOGIN_DETAILS = "login_details"
    USERNAMES = "usernames"
    UNLOCK = "unlock"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a letter's name
    ACCOUNT_UNLOCKED = "account_unlocked"
    RECOVERY_MISSES = "recovery_misses"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    NEW_DEVICE = "new_device"
    ENROL_FACTOR = "enrol_factor"


@dataclass(frozen=True, slots=True)
class Written:
    """A letter ready to be sent; `subject` is one line."""

    subject: str
    text: str
    html: str


_LINKS: Final = frozenset({"link", "again", "forgotten", "account_page"})
# May name a website: an employer's administrators wrote it.
_OUR_OWN: Final = frozenset({"service_desk"})
# Mail programs make links of plain text by themselves.
_WOULD_BE_LINK: Final = re.compile(r"(?i)\b(https?|ftp|www)(?=[:.])")
_LINK: Final = re.compile(r"https?://[!-~]{1,2000}")
_UNSAFE_IN_LINK: Final = re.compile(r"[\"'<>\\^`{|}]")
# Longer than any name or address we store: what is longer was meant to bury the rest of the letter.
_LONGEST: Final = 300
_LONDON: Final = ZoneInfo("Europe/London")


class Letters:
    """All letters in all languages. Made once; shared between threads."""

    def __init__(self) -> None:
        languages = (catalogue.ENGLISH, *catalogue.TRANSLATED)
        self._text = {language: _environment(language, is_html=False) for language in languages}
        self._html = {language: _environment(language, is_html=True) for language in languages}

    def render(self, letter: Letter, language: str, values: Mapping[str, Any]) -> Written:
        """Write `letter` in `language`; in English when we do not speak it.

        Raises jinja2.UndefinedError, or TypeError for a number, when a value is missing; ValueError when a
        link or a time is none.
        """
        spoken = catalogue.spoken(language)
        clean = {name: _clean(name, value) for name, value in values.items()}
        told = self._text[spoken].get_template(f"mail/{letter.value}.txt").render(clean)
        subject, _, text = told.strip().partition("\n")
        html = self._html[spoken].get_template(f"mail/{letter.value}.html").render(clean, subject=subject)
        return Written(subject, _tidy(text), _tidy(html))


def _environment(language: str, *, is_html: bool) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in catalogue.TEMPLATES]),
        extensions=["jinja2.ext.i18n"],
        autoescape=is_html,  # noqa: S701 -- plain text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    translations = catalogue.translations(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        translations.gettext, translations.ngettext, newstyle=False
    )
    environment.globals["language"] = language
    words = translations.gettext("%(time)s on %(day)s")
    environment.filters["moment"] = lambda told: _moment(told, language, words)
    return environment


def _moment(told: object, language: str, words: str) -> str:
    """A time of the values, ISO 8601 with its offset, as people read it. Raises ValueError for any other."""
    at = datetime.fromisoformat(str(told))
    if at.tzinfo is None:
        raise ValueError("A letter's time does not say its offset from UTC.")
    time, day = (
        format_datetime(at, pattern, tzinfo=_LONDON, locale=language) for pattern in ("HH:mm", "d MMMM y")
    )
    return words % {"time": time, "day": day}


def _clean(name: str, value: object) -> object:
    match value:
        case str() if name in _LINKS:
            return _checked_link(value)
        case str() if name in _OUR_OWN:
            return _one_line(value)
        case str():
            return _WOULD_BE_LINK.sub(r"\1 ", _one_line(value))
        case Mapping():
            return {key: _clean(str(key), inner) for key, inner in value.items()}
        case list() | tuple():
            return [_clean(name, inner) for inner in value]
    return value


def _checked_link(link: str) -> str:
    if not _LINK.fullmatch(link) or _UNSAFE_IN_LINK.search(link):
        raise ValueError("A letter's link is not the address of a page.")
    return link


def _one_line(text: str) -> str:
    """The text without what could end a line or turn it around, and not longer than it may be."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(shown.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _tidy(text: str) -> str:
    """Without the gaps that templates leave: no blank at the end of a line, no two empty lines."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
