"""Links: those that open nothing any more, those a scanner opened first, those read on another device."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Browser
from sqlalchemy import update

from idp.db.engine import migration_engine
from idp.db.link import links
from idp.services.clock import SystemClock
from idp.services.digest import digest
from tests.journeys import browser as browsers
from tests.journeys.demo import Demo
from tests.journeys.recovery import words
from tests.journeys.recovery.story import NEW, OLD, Story

pytestmark = pytest.mark.browser


def test_links_that_open_nothing(story: Story) -> None:
    name = {"en": "Lionel Marsh", "cy": "Llinos Parry"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    page = story.page

    def new_link() -> str:
        """What the page offers."""
        story.follow("/forgotten")
        story.at(words.FORGOTTEN)
        story.identify(person)
        story.at(words.CONFIRMATION)
        return story.mail(person, words.MAIL_LOGIN_DETAILS).link("/update-password")

    first = story.ask("forgotten", person, words.MAIL_LOGIN_DETAILS).link("/update-password")
    page.goto(tampered(first))
    story.at(words.LINK_UNKNOWN, look="link-unknown")
    second = new_link()
    page.goto(first)
    story.at(words.LINK_SUPERSEDED, look="link-superseded")
    third = new_link()

    page.goto(third)
    story.at(words.UPDATE_PASSWORD)
    expire(story.demo, third)
    story.choose(NEW, username=person.username)
    story.at(words.LINK_EXPIRED, look="link-expired")
    reference = page.locator(".idp-reference").inner_text()
    assert "The link of an email had expired." in story.demo.idp("explain", reference)
    page.goto(third)
    story.at(words.LINK_EXPIRED)
    fourth = new_link()
    page.goto(second)
    story.at(words.LINK_SUPERSEDED)

    page.goto(fourth)
    story.choose(NEW, username=person.username)
    story.at(words.LOGIN)
    story.mail(person, words.MAIL_CHANGED)
    page.goto(fourth)
    story.at(words.LINK_USED, look="link-used")
    page.goto(new_link())
    story.at(words.UPDATE_PASSWORD)


def test_unlock_links_that_open_nothing(story: Story) -> None:
    name = {"en": "Hilda Booth", "cy": "Heulwen Pugh"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    page = story.page
    first = story.ask("unlock", person, words.MAIL_UNLOCK).link("/unlock-account")
    page.goto(tampered(first))
    story.at(words.LINK_UNKNOWN)
    page.goto(first)
    expire(story.demo, first)
    story.send()
    story.at(words.LINK_EXPIRED)
    story.follow("/unlock")
    story.at(words.UNLOCK)
    story.identify(person)
    story.at(words.CONFIRMATION)
    second = story.mail(person, words.MAIL_UNLOCK).link("/unlock-account")
    # A link opens what it was made for.
    page.goto(second.replace("/unlock-account", "/update-password"))
    story.at(words.LINK_UNKNOWN)
    page.goto(second)
    story.send()
    story.at(words.LOGIN)
    page.goto(second)
    story.at(words.LINK_USED)
    story.follow("/login")
    story.at(words.LOGIN)
    story.log_in(person)
    story.at(words.HOME)


@pytest.mark.parametrize("language", ["en"])
def test_a_link_that_a_mail_scanner_opened_still_works(story: Story) -> None:
    person = story.demo.hire("Simon Gates", OLD)
    link = story.ask("forgotten", person, words.MAIL_LOGIN_DETAILS).link("/update-password")
    for method in "GET", "HEAD", "GET", "HEAD", "GET":
        assert requests.request(method, link, timeout=30).status_code == 200
    story.page.goto(link)
    story.choose(NEW, username=person.username)
    story.at(words.LOGIN)
    story.log_in(person, NEW)
    story.at(words.HOME)


@pytest.mark.parametrize("language", ["en"])
def test_the_letter_may_be_read_on_another_device(story: Story, chromium: Browser) -> None:
    """There one logs in to no application; where one began, it waits."""
    person = story.demo.hire("Trevor Lamb", OLD)
    waiting = story.arrive()
    story.follow("/forgotten")
    story.identify(person)
    link = story.mail(person, words.MAIL_LOGIN_DETAILS).link("/update-password")
    assert link.endswith(f"&request={waiting}")
    with browsers.watched(chromium, "another-device") as device:
        telephone = Story(story.demo, device, "en", device.tab(link))
        telephone.choose(NEW, username=person.username)
        telephone.at(words.LOGIN)
        telephone.is_told(words.UPDATED)
        assert telephone.waiting() == ""
        telephone.log_in(person, NEW)
        telephone.at(words.HOME)
    story.follow("/login")
    story.log_in(person, NEW)
    story.has_arrived(person.username)


def tampered(link: str) -> str:
    """The same with another letter in the middle of its secret."""
    token = parse_qs(urlsplit(link).query)["link"][0]
    other = "B" if token[20] == "A" else "A"
    return link.replace(token, token[:20] + other + token[21:])


def expire(demo: Demo, link: str) -> None:
    """Let the link be just too old: the demo's own live for an hour, and are swept a while after."""
    now = SystemClock().now()
    token = parse_qs(urlsplit(link).query)["link"][0]
    with migration_engine(f"sqlite:///{demo.folder}/idp.db").begin() as connection:
        changed = connection.execute(
            update(links).where(links.c.digest == digest(token)).values(expires_at=now)
        )
    assert changed.rowcount == 1
