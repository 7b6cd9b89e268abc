import pytest

from idp.services import catalogue


def test_welsh_is_translated() -> None:
    assert catalogue.translations("cy").gettext("Log in") == "Mewngofnodi"


@pytest.mark.parametrize("language", ["en", "en-GB", "fr", "CY", "", "../cy", "\x00"])
def test_what_we_do_not_speak_is_english(language: str) -> None:
    assert catalogue.spoken(language) == "en"
    assert catalogue.translations(language).gettext("Log in") == "Log in"


def test_templates_are_found() -> None:
    assert any((folder / "login.html").is_file() for folder in catalogue.TEMPLATES)
