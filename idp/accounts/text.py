"""Tidy what operators and files say of people: composed letters (NFC), single spaces, none around."""

import unicodedata

LONGEST = 200
"""Characters of a name, a job title, a locality."""


def tidy(value: str | None) -> str | None:
    """The text as it is stored; None when there is none."""
    return " ".join(unicodedata.normalize("NFC", value).split()) or None if value else None


def problem(value: str | None) -> str | None:
    """What is wrong with a tidy text, as the end of a sentence that begins with its field."""
    if value is None:
        return None
    if any("\udc80" <= character <= "\udcff" for character in value):
        return "is not in UTF-8; save the file as CSV UTF-8"
    if not value.isprintable():
        return "holds a line break or another character that cannot be printed; take it out"
    if len(value) > LONGEST:
        return f"is longer than {LONGEST} characters; shorten it"
    return None
