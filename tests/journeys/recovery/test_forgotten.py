"""Forgotten, from an application's login page and back to it with a new password."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys import browser as browsers
from tests.journeys.demo import Demo, Person
from tests.journeys.recovery import words
from tests.journeys.recovery.story import OLD, Story

pytestmark = pytest.mark.browser


def test_forgotten_password(story: Story, chromium: Browser) -> None:
    name = {"en": "Olive Barker", "cy": "Olwen Probert"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    with browsers.watched(chromium, "forgotten-elsewhere") as elsewhere:
        other = elsewhere.tab(f"{story.demo.issuer}/login")
        Story(story.demo, elsewhere, "en", other).log_in(person)
        expect(other.get_by_text(person.username)).to_be_visible()
        new = forgotten(story, person)
        other.goto(story.demo.issuer)
        expect(other.get_by_role("link", name="Log in")).to_be_visible()
        other.goto(f"{story.demo.issuer}/change-password")
        expect(other.locator("h1")).to_have_text("Log in with your credentials")
    story.log_in(person, OLD)
    story.is_warned(words.CHECK)
    story.log_in(person, new)
    story.has_arrived(person.username)
    assert f": {person.username}\n" in story.mail(person, words.MAIL_CHANGED).text


def test_forgotten_password_without_javascript(demo: Demo, chromium: Browser) -> None:
    person = demo.hire("Walter Marsden", OLD)
    with browsers.watched(chromium, "forgotten-without-scripts", scripts=False) as watched:
        story = Story(demo, watched, "en", watched.tab())
        waiting = story.arrive()
        story.follow("/forgotten")
        story.identify(person)
        story.at(words.CONFIRMATION)
        story.page.goto(story.mail(person, words.MAIL_LOGIN_DETAILS).link("/update-password"))
        story.at(words.UPDATE_PASSWORD, look="update-password")
        story.choose("Walter.Horse.ABCD", username=person.username)
        story.is_warned(words.in_order("ABCD"), words.word("Walter"))
        story.page.locator("summary").click()
        story.at(words.UPDATE_PASSWORD, look="update-password-refused")
        expect(story.page.locator("button[data-suggestion]").first).to_be_hidden()
        new = story.page.locator("code").first.inner_text()
        story.choose(new)
        story.at(words.LOGIN)
        assert story.waiting() == waiting
        story.is_told(words.UPDATED)
        story.log_in(person, new)
        story.has_arrived(person.username)


def forgotten(story: Story, person: Person) -> str:
    """Forget the password, and choose one to log in with: in English a suggested one."""
    page = story.page
    waiting = story.arrive()
    story.at(words.LOGIN, look="login")
    story.follow("/forgotten")
    story.at(words.FORGOTTEN, look="forgotten")
    story.send()
    story.is_warned(words.NO_EMAIL, words.NO_DATE_OF_BIRTH)
    story.at(words.FORGOTTEN, look="forgotten-empty")
    story.identify(person)
    story.at(words.CONFIRMATION, look="confirmation")
    expect(page.locator("main")).to_contain_text(story.said(words.FORGOTTEN_SUBMITTED))
    expect(page.locator(".idp-reference")).to_have_text(re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{2}$"))
    story.follow("/login")
    story.at(words.LOGIN)
    assert story.waiting() == waiting

    page.goto(story.mail(person, words.MAIL_LOGIN_DETAILS).link("/update-password"))
    story.at(words.UPDATE_PASSWORD, look="update-password")
    new = take_a_suggestion(story)
    if story.language == "en":
        story.fill(username=person.username)
        story.send()
    else:
        new = "Cre@tew&rd01"
        story.choose(new, username=person.username)
    story.at(words.LOGIN)
    assert story.waiting() == waiting
    story.is_told(words.UPDATED)
    story.watched.look(page, "login-updated")
    return new


def take_a_suggestion(story: Story) -> str:
    """Let the page fill in the second of its passphrases."""
    page = story.page
    page.locator("summary").click()
    suggestion = page.locator("code").nth(1).inner_text()
    page.locator("button[data-suggestion]").nth(1).click()
    for field in "password", "confirm_password":
        expect(page.locator(f"#{field}")).to_have_value(suggestion)
    expect(page.get_by_role("status")).to_have_text(story.said(words.FILLED_IN))
    expect(page.locator(".idp-rule--unmet")).to_have_count(0)
    story.at(words.UPDATE_PASSWORD, look="update-password-suggested")
    return suggestion
