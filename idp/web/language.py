"""Decide in which language a person reads the pages.

OpenID Connect Core §3.1.2.1 (`ui_locales`), RFC 9110 §12.5.4 (`Accept-Language`). What the person chose on a
page beats what the relying party or the browser says. Anything unreadable is passed over, never an error.
"""

from enum import StrEnum

# More is no preference; it is someone measuring how long we parse.
MAX_LENGTH = 1_000


class Language(StrEnum):
    """The languages every page exists in, as BCP 47 tags."""

    ENGLISH = "en"
    WELSH = "cy"


BY_TAG = {language.value: language for language in Language}


def N_(text: str) -> str:  # noqa: N802 -- the name by which gettext tools know a marked string
    """Mark a page's words for translation where they are chosen; the template prints `_(text)`."""
    return text


def choose(
    query: str | None, cookie: str | None, ui_locales: str | None, accept_language: str | None
) -> Language:
    """The first wish we can meet, in the order of the arguments; English without one.

    `query` and `cookie` are the page's own toggle; `ui_locales` is space-separated, most wanted first.
    """
    wishes = (query or "", cookie or "", *_short(ui_locales).split(), *_accepted(_short(accept_language)))
    return next((language for language in map(_language, wishes) if language is not None), Language.ENGLISH)


def _short(text: str | None) -> str:
    return "" if text is None or len(text) > MAX_LENGTH else text


def _language(tag: str) -> Language | None:
    primary = tag.strip().replace("_", "-").partition("-")[0].lower()
    return BY_TAG.get(primary)


def _accepted(header: str) -> list[str]:
    """The header's tags, most wanted first; those with `q=0` are left out."""
    weighted = [(_weight(item), item.partition(";")[0]) for item in header.split(",")]
    wanted = [pair for pair in weighted if pair[0] > 0]
    return [tag for _, tag in sorted(wanted, key=lambda pair: -pair[0])]


def _weight(item: str) -> float:
    name, _, value = item.partition(";")[2].partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
