"""Which language a person reads."""

import pytest

from idp.web.language import MAX_LENGTH, Language, choose

ENGLISH, WELSH = Language.ENGLISH, Language.WELSH
param = pytest.param


@pytest.mark.parametrize(
    ("query", "cookie", "ui_locales", "accept_language", "expected"),
    [
        param(None, None, None, None, ENGLISH, id="nobody says anything"),
        param("cy", "en", "en", "en", WELSH, id="the toggle beats everything"),
        param(None, "cy", "en", "en", WELSH, id="the last choice beats the relying party"),
        param(None, None, "cy-GB en", "en", WELSH, id="the relying party beats the browser"),
        param(None, None, "fr cy", "en", WELSH, id="ui_locales we do not have are passed over"),
        param(None, None, None, "cy", WELSH, id="the browser's only language"),
        param(None, None, None, "en;q=0.5, cy;q=0.9", WELSH, id="the browser's weights"),
        param(None, None, None, "cy;q=0, fr", ENGLISH, id="a weight of zero is a refusal"),
        param(None, None, None, "CY_gb", WELSH, id="case and underscores do not matter"),
        param("xx", "klingon", "de", "fr-FR,fr;q=0.8", ENGLISH, id="none we have"),
        param(None, None, None, "cy;q=nan, en;q=x, ;;,=", ENGLISH, id="nonsense is passed over"),
        param(None, None, None, "cy," * MAX_LENGTH, ENGLISH, id="a monstrous header is passed over"),
    ],
)
def test_language(
    query: str | None,
    cookie: str | None,
    ui_locales: str | None,
    accept_language: str | None,
    expected: Language,
) -> None:
    assert choose(query, cookie, ui_locales, accept_language) is expected
