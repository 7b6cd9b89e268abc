"""The Welsh catalogue says everything the pages say."""

import gettext
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
TRANSLATIONS = ROOT / "idp" / "translations"
WELSH = TRANSLATIONS / "cy" / "LC_MESSAGES"
HOW = "run: python deploy/update_translations.py"


@pytest.fixture(scope="module")
def welsh() -> Catalog:
    with (WELSH / "messages.po").open("rb") as file:
        return read_po(file, locale="cy")


def words(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def spoken(catalog: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {forms(message.id): forms(message.string) for message in words(catalog)}


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def test_everything_the_pages_say_is_in_the_catalogue_and_nothing_else(welsh: Catalog) -> None:
    with (TRANSLATIONS / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel's, untyped
    keywords = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
    said = {
        forms(message) for _, _, message, _, _ in extract_from_dir(ROOT, methods, options, keywords=keywords)
    }
    assert {forms(message.id) for message in words(welsh)} == said, HOW


def test_everything_is_translated(welsh: Catalog) -> None:
    assert [
        message.id for message in words(welsh) if not message.string or not all(forms(message.string))
    ] == [], HOW
    assert [message.id for message in words(welsh) if message.fuzzy] == [], HOW


def test_welsh_has_its_five_plural_forms(welsh: Catalog) -> None:
    assert welsh.num_plurals == 5
    assert {len(forms(message.string)) for message in words(welsh) if message.pluralizable} == {5}


def test_a_translation_keeps_the_placeholders(welsh: Catalog) -> None:
    for message in words(welsh):
        wanted = sorted(re.findall(r"%\(\w+\)s", forms(message.id)[-1]))
        for form in forms(message.string):
            assert sorted(re.findall(r"%\(\w+\)s", form)) == wanted


def test_the_compiled_catalogue_is_the_written_one(welsh: Catalog) -> None:
    with (WELSH / "messages.mo").open("rb") as file:
        compiled = read_mo(file)
    assert spoken(compiled) == spoken(welsh), HOW


def test_the_compiled_catalogue_speaks_welsh() -> None:
    assert gettext.translation("messages", TRANSLATIONS, ["cy"]).gettext("Log in") == "Mewngofnodi"


def test_the_catalogue_says_that_no_speaker_has_reviewed_it(welsh: Catalog) -> None:
    assert "NOT YET REVIEWED BY A WELSH SPEAKER" in welsh.header_comment
