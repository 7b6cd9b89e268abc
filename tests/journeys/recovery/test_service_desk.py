"""What comes of asking for login details: the demo's mailbox, and what a reference tells the service desk."""

import time
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.journeys.demo import Demo
from tests.journeys.recovery import words
from tests.journeys.recovery.story import OLD, Story

pytestmark = pytest.mark.browser

_PATIENCE_SECONDS = 30


def test_the_letter_comes_again_and_the_mailbox_has_both(story: Story) -> None:
    name = {"en": "Rosa Finch", "cy": "Rhian Bevan"}[story.language]
    person = story.demo.hire(name, OLD, "--language", story.language)
    page, subject = story.page, story.said(words.MAIL_LOGIN_DETAILS)
    story.ask("forgotten", person, words.MAIL_LOGIN_DETAILS)
    story.send()
    story.at(words.CONFIRMATION)
    story.is_told(words.SENT_AGAIN)
    story.watched.look(page, "confirmation-again")
    reference = page.locator(".idp-reference").inner_text()
    second = story.mail(person, words.MAIL_LOGIN_DETAILS)
    assert reference in second.text

    page.goto(f"{story.demo.issuer}/dev/outbox")
    ours = page.locator("li", has_text=person.email)
    expect(ours).to_have_count(2)
    story.watched.look(page, "mailbox")
    ours.first.get_by_role("link", name=subject).click()
    expect(page.locator("h1")).to_have_text(subject)
    expect(page.locator("main")).to_contain_text(reference)
    story.watched.look(page, "message")
    story.follow(second.link("/update-password"))
    story.at(words.UPDATE_PASSWORD)


@pytest.mark.parametrize("language", ["en"])
def test_the_reference_tells_the_service_desk(story: Story) -> None:
    person = story.demo.hire("Doris Appleby", OLD)
    story.ask("forgotten", person, words.MAIL_LOGIN_DETAILS)
    known = story.page.locator(".idp-reference").inner_text()
    same = story.page.inner_text("main").replace(known, "")
    said = explained(story.demo, known, "The mail server took the letter")
    assert said.startswith(
        f"Forgotten found {person.username}: "
        "the letter says the username, with a link to reset the password.\n"
        "The mail server took the letter at "
    )
    assert "in the spam folder" in said

    story.page.goto(f"{story.demo.issuer}/forgotten")
    story.identify(replace(person, email="doris.appelby@nhs.example"))
    story.at(words.CONFIRMATION)
    stranger = story.page.locator(".idp-reference").inner_text()
    assert story.page.inner_text("main").replace(stranger, "") == same
    said = explained(story.demo, stranger, "in vain")
    assert said.startswith(
        "Forgotten was asked in vain. Nobody on record has the email address and the date of birth that were "
        "typed. Nothing was sent.\n"
        "What to do: Compare both with the record: idp user list --search NAME."
    )
    assert "appelby" not in said


def explained(demo: Demo, reference: str, news: str) -> str:
    """What `idp explain` says of the reference, as soon as it tells this."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while news not in (said := demo.idp("explain", reference.lower())):
        assert time.monotonic() < deadline, said
        time.sleep(0.2)
    return said
