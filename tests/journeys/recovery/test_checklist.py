"""The rules of a new password, ticked off while it is typed, and the same ones when it is refused."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.recovery import words
from tests.journeys.recovery.story import OLD, Story

pytestmark = pytest.mark.browser


def test_checklist_says_what_the_server_will_say(story: Story) -> None:
    name = {"en": "Edith Holt", "cy": "Eleri Hopkin"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    page = story.page
    page.goto(story.ask("forgotten", person, words.MAIL_LOGIN_DETAILS).link("/update-password"))
    met = story.said(words.MET)
    expect(page.locator(".idp-rule--met, .idp-rule--unmet, .idp-rule--later")).to_have_count(0)

    page.locator("#password").press_sequentially("Leeds1234")
    expect(rule(story, "length")).to_contain_text(story.said(words.unmet()))
    expect(rule(story, "repeat")).to_contain_text(story.said(words.unmet("ee")))
    expect(rule(story, "sequence")).to_contain_text(story.said(words.unmet("1234")))
    expect(rule(story, "word")).to_contain_text(story.said(words.unmet("Leeds")))
    for each in "common", "history":
        expect(rule(story, each)).to_contain_text(story.said(words.LATER))
    status = page.get_by_role("status")
    expect(status).to_contain_text(story.said(words.SHORT_ALOUD))
    expect(status).to_contain_text(story.said(words.unmet("1234")))
    story.watched.look(page, "checklist-unmet")

    page.locator("#password").press_sequentially("-Xyloph")
    expect(rule(story, "length")).to_contain_text(met)
    expect(page.locator(".idp-rule--unmet")).to_have_count(3)
    story.choose("Leeds1234-Xyloph", username=person.username)
    story.is_warned(words.repeated("ee"), words.in_order("1234"), words.word("Leeds"))
    story.at(words.UPDATE_PASSWORD, look="update-password-refused")
    expect(page.locator("#username")).to_have_value(person.username)
    for each in "password", "confirm_password":
        expect(page.locator(f"#{each}")).to_have_value("")

    page.locator("#password").press_sequentially("Cre@tew&rd01")
    for each in "length", "repeat", "sequence", "word":
        expect(rule(story, each)).to_contain_text(met)
    expect(status).to_contain_text(re.compile(rf"{met}$"))
    story.watched.look(page, "checklist-met")
    story.choose("Cre@tew&rd01")
    story.at(words.LOGIN)


def rule(story: Story, name: str) -> Locator:
    """The line of the list about one rule."""
    return story.page.locator(f'li[data-rule="{name}"]')
