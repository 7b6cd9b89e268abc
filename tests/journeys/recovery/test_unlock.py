"""Too many wrong passwords, and the way out: an unlock letter, a button, and the password one has."""

import pytest
import requests
from playwright.sync_api import expect

from tests.journeys.browser import tab_to
from tests.journeys.demo import Person
from tests.journeys.recovery import words
from tests.journeys.recovery.story import OLD, Story

pytestmark = pytest.mark.browser

FREE_GUESSES = 5


def test_unlock_after_too_many_wrong_passwords(story: Story) -> None:
    name = {"en": "Ursula Webb", "cy": "Una Gwilym"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    waiting = story.arrive()
    throttle(story, person)
    story.follow("/unlock")
    story.at(words.UNLOCK, look="unlock")
    story.identify(person)
    story.at(words.CONFIRMATION, look="confirmation")
    expect(story.page.locator("main")).to_contain_text(story.said(words.UNLOCK_SUBMITTED))
    letter = story.mail(person, words.MAIL_UNLOCK)
    assert story.said(words.IS_LOCKED) in letter.text
    link = letter.link("/unlock-account")
    opened_by_a_scanner(link)
    story.follow("/login")
    story.log_in(person)
    story.is_warned(words.CHECK)

    story.page.goto(link)
    story.at(words.UNLOCK_ACCOUNT, look="unlock-account")
    story.send()
    story.at(words.LOGIN)
    assert story.waiting() == waiting
    story.is_told(words.UNLOCKED)
    story.log_in(person)
    story.has_arrived(person.username)
    assert f": {person.username}\n" in story.mail(person, words.MAIL_UNLOCKED).text


@pytest.mark.parametrize("language", ["en"])
def test_unlock_from_the_keyboard_alone(story: Story) -> None:
    person = story.demo.hire("Keith Norris", OLD)
    page, keys = story.page, story.page.keyboard
    story.arrive()
    tab_to(page, "Unlock Account")
    keys.press("Enter")
    story.at(words.UNLOCK)
    tab_to(page, "Email")
    keys.type(person.email)
    tab_to(page, "Submit")
    keys.press("Enter")
    story.is_warned(words.NO_DATE_OF_BIRTH)
    tab_to(page, "Enter your date of birth")
    keys.press("Enter")
    expect(page.get_by_label("Date", exact=True)).to_be_focused()
    keys.type(f"{person.born.day}")
    tab_to(page, "Month")
    keys.type(f"{person.born.month}")
    tab_to(page, "Year")
    keys.type(f"{person.born.year}")
    keys.press("Enter")
    story.at(words.CONFIRMATION)
    page.goto(story.mail(person, words.MAIL_UNLOCK).link("/unlock-account"))
    tab_to(page, "Unlock my account")
    keys.press("Space")
    story.at(words.LOGIN)
    story.is_told(words.UNLOCKED)


def throttle(story: Story, person: Person) -> None:
    """Guess wrong until even the right password is not heard."""
    for number in range(FREE_GUESSES + 1):
        story.log_in(person, f"Summer-Guess-{number}")
        story.is_warned(words.CHECK)
    story.log_in(person)
    story.is_warned(words.CHECK)


def opened_by_a_scanner(link: str) -> None:
    """A program looks where the link leads before the letter is let through."""
    for method in "HEAD", "GET", "GET", "HEAD", "GET":
        assert requests.request(method, link, timeout=30).status_code == 200
