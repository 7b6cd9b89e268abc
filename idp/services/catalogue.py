"""Find the words of pages and letters: where their templates lie, and gettext for a language.

Words are written in English where they are used; the Welsh for them is in `translations`, compiled.
"""

import gettext
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent.parent
# Beside `idp` in a checkout, inside it when installed from the wheel.
TEMPLATES: Final = (PACKAGE.parent / "templates", PACKAGE / "templates")
TRANSLATIONS: Final = PACKAGE / "translations"

ENGLISH: Final = "en"
# BCP 47 tags. English is what the templates say themselves.
TRANSLATED: Final = frozenset({"cy"})


def spoken(language: str) -> str:
    """`language` where we speak it, and English otherwise."""
    return language if language in TRANSLATED else ENGLISH


def translations(language: str) -> gettext.NullTranslations:
    """What turns our English into `language`; into English itself when that is one we do not speak.

    Raises FileNotFoundError when the installation has lost a catalogue that belongs to it.
    """
    if spoken(language) == ENGLISH:
        return gettext.NullTranslations()
    return gettext.translation("messages", TRANSLATIONS, [language])
