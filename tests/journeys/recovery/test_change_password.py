"""A new password while one is signed in: because it is due, or of one's own accord."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys import browser as browsers
from tests.journeys.recovery import words
from tests.journeys.recovery.story import NEW, OLD, Story

pytestmark = pytest.mark.browser


def test_forced_change(story: Story) -> None:
    demo, page = story.demo, story.page
    person = (
        demo.persona("432DHUGHES01")
        if story.language == "en"
        else demo.hire("Dewi Morgan", OLD, "--language", "cy", "--must-change")
    )
    waiting = story.arrive()
    story.log_in(person)
    story.at(words.PASSWORD_DUE, look="new-password-due")
    assert story.waiting() == waiting

    for way_round in (
        f"{demo.issuer}/",
        f"{demo.issuer}/authorize/{waiting}",
        f"{demo.issuer}/consent?request={waiting}",
        f"{demo.issuer}/select-account?request={waiting}",
    ):
        page.goto(way_round)
        story.at(words.PASSWORD_DUE)
    page.goto(demo.authorize("test-code"))
    story.at(words.LOGIN)
    page.goto(demo.authorize("test-code", prompt="none"))
    assert demo.answer().parameters["error"] == "login_required"
    page.goto(demo.self_service)
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()

    page.goto(f"{demo.issuer}/authorize/{waiting}")
    story.choose(person.password or "")
    story.is_warned(words.HAD_BEFORE)
    story.at(words.PASSWORD_DUE, look="new-password-due-refused")
    story.choose(NEW)
    story.has_arrived(person.username)
    assert f": {person.username}\n" in story.mail(person, words.MAIL_CHANGED).text


def test_change_password(story: Story, chromium: Browser) -> None:
    name = {"en": "Mabel Frost", "cy": "Mererid Huws"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    page = story.page
    with browsers.watched(chromium, "change-password-elsewhere") as elsewhere:
        other = elsewhere.tab(f"{story.demo.issuer}/login")
        Story(story.demo, elsewhere, "en", other).log_in(person)
        expect(other.get_by_text(person.username)).to_be_visible()

        page.goto(f"{story.demo.issuer}/login")
        story.speak()
        story.log_in(person)
        story.at(words.HOME, look="home")
        story.follow("/change-password")
        story.at(words.CHANGE_PASSWORD, look="change-password")
        story.choose(NEW, current_password="Summer-Guess-1")
        story.is_warned(words.WRONG_CURRENT)
        story.at(words.CHANGE_PASSWORD, look="change-password-wrong")
        story.choose("Leeds1234pp", current_password=OLD)
        story.is_warned(
            words.TOO_SHORT,
            words.repeated("ee"),
            words.repeated("pp"),
            words.in_order("1234"),
            words.word("Leeds"),
        )
        story.at(words.CHANGE_PASSWORD, look="change-password-refused")
        story.choose("1q2w3e4r5t6y", current_password=OLD)
        story.is_warned(words.TOO_COMMON)
        story.choose(OLD, current_password=OLD)
        story.is_warned(words.HAD_BEFORE)
        story.choose(NEW, current_password=OLD)
        story.at(words.HOME)
        story.is_told(words.CHANGED)
        story.watched.look(page, "home-changed")
        expect(page.locator("main")).to_contain_text(person.username)
        assert f": {person.username}\n" in story.mail(person, words.MAIL_CHANGED).text

        other.goto(story.demo.issuer)
        expect(other.get_by_text(person.username)).to_have_count(0)
        other.goto(f"{story.demo.issuer}/change-password")
        expect(other).to_have_url(re.compile(r"/login\?next=change-password$"))
        Story(story.demo, elsewhere, "en", other).log_in(person, NEW)
        expect(other.locator("h1")).to_have_text("Change your password")
