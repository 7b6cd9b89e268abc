"""The guidance's own story: a joiner is told a username, chooses a password and logs in."""

from pathlib import Path

import pytest

from tests.journeys.demo import BORN, Person
from tests.journeys.recovery import words
from tests.journeys.recovery.story import Story

pytestmark = pytest.mark.browser

PASSWORD = "Cre@tew&rd01"


def test_initial_logon_from_an_imported_row(story: Story, tmp_path: Path) -> None:
    joiner = imported(story, tmp_path)
    page = story.page
    welcome = story.mail(joiner, words.MAIL_WELCOME)
    assert welcome.language == story.language
    assert f": {joiner.username}\n" in welcome.text

    page.goto(welcome.link("/update-password"))
    story.at(words.UPDATE_PASSWORD, look="update-password")
    story.choose(PASSWORD, username=joiner.username.lower())
    story.at(words.LOGIN)
    story.is_told(words.IS_READY)
    assert f": {joiner.username}\n" in story.mail(joiner, words.MAIL_READY).text

    story.log_in(joiner, PASSWORD)
    story.at(words.HOME)
    page.get_by_role("link", name="My ESR Self-Service").click()
    page.get_by_role("link", name="Sign in", exact=True).click()
    story.has_arrived(joiner.username)


def test_initial_logon_by_forgotten(story: Story) -> None:
    """The guidance's steps: the joiner has been told a username, and selects Forgotten."""
    joiner = (
        story.demo.persona("432TNOWAK01")
        if story.language == "en"
        else story.demo.hire("Tegwen Rees", None, "--language", "cy")
    )
    waiting = story.arrive()
    story.follow("/forgotten")
    story.identify(joiner)
    story.at(words.CONFIRMATION)
    letter = story.mail(joiner, words.MAIL_LOGIN_DETAILS)
    assert story.said(words.NOT_USED_YET) in letter.text
    story.page.goto(letter.link("/update-password"))
    story.at(words.UPDATE_PASSWORD)
    story.choose(PASSWORD, username=joiner.username)
    story.at(words.LOGIN)
    assert story.waiting() == waiting
    story.is_told(words.IS_READY)
    story.log_in(joiner, PASSWORD)
    story.has_arrived(joiner.username)


def imported(story: Story, folder: Path) -> Person:
    """Somebody from a CSV row, who reads the story's language."""
    family = {"en": "Barlow", "cy": "Llewelyn"}[story.language]
    email = f"nia.{family.lower()}@nhs.example"
    file = folder / "joiners.csv"
    file.write_text(
        "employer,given_name,family_name,email,date_of_birth,job_title,locality,language\n"
        f"918,Nia,{family},{email},{BORN},Porter,Leeds,{story.language}\n",
        encoding="utf-8",
    )
    story.demo.idp("user", "import", str(file))
    return Person(f"918N{family.upper()}01", None, email, BORN)
