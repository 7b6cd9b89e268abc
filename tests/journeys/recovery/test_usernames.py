"""People with two employers have two usernames: told of both at once, or of the one they name."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.demo import Person
from tests.journeys.mail import Mail
from tests.journeys.recovery import words
from tests.journeys.recovery.story import NEW, OLD, Story

pytestmark = pytest.mark.browser


def test_forgotten_username_with_two_employers(story: Story) -> None:
    one, other = two_employers(story, "Carys Bowen")
    waiting = story.arrive()
    story.follow("/forgotten")
    story.identify(one)
    story.at(words.CONFIRMATION)
    link_of = links_by_username(story.mail(one, words.MAIL_LOGIN_DETAILS))
    assert link_of.keys() == {one.username, other.username}

    # Each link is for its own account.
    story.page.goto(link_of[one.username])
    story.choose(NEW, username=other.username)
    story.is_warned(words.OTHER_USERNAME)
    story.at(words.UPDATE_PASSWORD, look="update-password-other-username")

    story.page.goto(f"{story.demo.issuer}/forgotten?request={waiting}")
    story.identify(one, username=f" {other.username.lower()} ")
    story.at(words.CONFIRMATION)
    assert links_by_username(story.mail(one, words.MAIL_LOGIN_DETAILS)).keys() == {other.username}
    story.page.goto(link_of[other.username])
    story.at(words.LINK_SUPERSEDED)
    story.page.goto(link_of[one.username])
    story.at(words.UPDATE_PASSWORD)


def test_request_username(story: Story) -> None:
    one, other = two_employers(story, "Catrin Powell")
    waiting = story.arrive()
    story.follow("/request")
    story.at(words.REQUEST, look="request")
    story.identify(one)
    story.at(words.CONFIRMATION, look="confirmation")
    expect(story.page.locator("main")).to_contain_text(story.said(words.REQUEST_SUBMITTED))

    letter = story.mail(one, words.MAIL_USERNAMES)
    assert set(usernames(letter)) == {one.username, other.username}
    # It opens nothing: who has forgotten the password as well goes on to the other page.
    assert letter.links() == [f"{story.demo.issuer}/forgotten?request={waiting}"]

    story.follow("/login")
    story.log_in(other)
    story.has_arrived(other.username)


def two_employers(story: Story, welsh_name: str) -> tuple[Person, Person]:
    """The accounts of somebody at either employer."""
    if story.language == "en":
        return story.demo.persona("918PPATEL01"), story.demo.persona("432PPATEL01")
    return (
        story.demo.hire(welsh_name, OLD, "--language", "cy"),
        story.demo.hire(welsh_name, OLD, "--language", "cy", employer="432"),
    )


def usernames(letter: Mail) -> list[str]:
    """Every username it tells, in its order."""
    return re.findall(r"^[^:]+: (\d{3}[A-Z]+\d\d)$", letter.text, re.MULTILINE)


def links_by_username(letter: Mail) -> dict[str, str]:
    """The link below each username."""
    return dict(zip(usernames(letter), letter.links("/update-password"), strict=True))
