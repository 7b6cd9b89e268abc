"""Bring the Welsh catalogue up to date with what the pages say, and compile it.

Run after words have changed: `python deploy/update_translations.py`. What is new is added empty and listed;
fill it in `idp/translations/cy/LC_MESSAGES/messages.po` and run it again. What nobody says is dropped.
"""
# ruff: noqa: INP001 -- a script, run by its path

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "idp" / "translations"
CATALOGUE = TRANSLATIONS / "cy" / "LC_MESSAGES" / "messages.po"
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
# One date for ever: the history of the words is git's.
DATE = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> int:
    """Rewrite the catalogue; 1 when something in it waits for a translation."""
    catalogue = updated(read_po(BytesIO(CATALOGUE.read_bytes()), locale="cy"))
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True)
    with CATALOGUE.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)
    waiting = [message.id for message in catalogue if message.id and not any(message.string or ())]
    sys.stdout.write("".join(f"to translate: {words}\n" for words in waiting))
    return 1 if waiting else 0


def updated(old: Catalog) -> Catalog:
    """What the pages say now, with the translations that `old` has."""
    new = Catalog(
        locale="cy",
        project="esr-idp",
        version="0",
        header_comment=old.header_comment,
        last_translator="nobody",
        language_team="nobody",
        msgid_bugs_address="nobody",
        creation_date=DATE,
        revision_date=DATE,
        fuzzy=False,
    )
    with (TRANSLATIONS / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel's, untyped
    for _, _, words, _, _ in extract_from_dir(ROOT, methods, options, keywords=KEYWORDS):
        known = old.get(words if isinstance(words, str) else words[0])
        new.add(words, known.string if known else None)
    return new


if __name__ == "__main__":
    sys.exit(main())
