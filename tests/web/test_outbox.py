"""The demo's mailbox: there when a folder is set, and it shows nothing outside that folder."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from idp.services.mail import FolderMailer, Message
from tests.site import ISSUER, Site
from tests.web.conftest import Build
from tests.web.forms import heading


def a_message(subject: str = "Your login details") -> EmailMessage:
    message = EmailMessage()
    message["To"] = "jane@example.nhs.uk"
    message["Subject"] = subject
    message["Date"] = "Mon, 23 Nov 2026 07:00:00 +0000"
    message.set_content("Your username is 918JSMITH01.\n<script>alert(1)</script>")
    return message


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = tmp_path / "outbox"
    folder.mkdir()
    (tmp_path / "secret.eml").write_bytes(a_message("Not yours").as_bytes())
    (folder / "note.txt").write_text("not a message")
    (folder / "1 é.eml").write_bytes(a_message().as_bytes())
    return folder


def test_without_a_folder_there_is_no_mailbox(site: Site) -> None:
    for path in ("/dev/outbox", "/dev/outbox/1.eml"):
        assert heading(site.browser().get(path)) == "Page not found"


def test_messages_are_listed_and_read(build: Build, outbox: Path) -> None:
    visitor = build(outbox_dir=outbox).browser()
    page = visitor.get("/dev/outbox")
    assert (page.status_code, heading(page)) == (200, "Mailbox")
    assert 'href="/dev/outbox/1%20%C3%A9.eml">Your login details</a>' in page.text
    message = visitor.get("/dev/outbox/1%20%C3%A9.eml")
    assert heading(message) == "Your login details"
    assert "jane@example.nhs.uk" in message.text
    assert "<script>alert" not in message.text


def test_the_newest_comes_first(build: Build, outbox: Path) -> None:
    (outbox / "2.eml").write_bytes(a_message("Later").as_bytes())
    text = build(outbox_dir=outbox).browser().get("/dev/outbox").text
    assert text.index("Later") < text.index("Your login details")


def test_what_the_mailer_wrote_can_be_followed_to_our_pages_alone(build: Build, tmp_path: Path) -> None:
    link = f"{ISSUER}/update-password?link=q7wLr0v9&request=h4ndle"
    elsewhere = f"https://evil.example/ {ISSUER}.evil.example/ www.evil.example javascript:alert(1)"
    FolderMailer(tmp_path).send(
        Message(
            id=UUID(int=1),
            to="jane@example.nhs.uk",
            sender="no-reply@esr.example",
            subject="Your ESR login details",
            text=f"Siân, choose a new password:\n{link}\n\n{elsewhere}\n<b>Bye</b>",
            html="<h1>The same</h1>",
            language="cy",
            at=datetime(2026, 11, 22, 14, 35, tzinfo=UTC),
        )
    )
    visitor = build(outbox_dir=tmp_path).browser()
    found = re.search(r'href="(/dev/outbox/[^"]+)">Your ESR login details<', visitor.get("/dev/outbox").text)
    assert found
    page = visitor.get(found[1]).text
    body = page[page.index("<pre") : page.index("</pre>")]
    assert "Siân, choose a new password:" in body
    assert re.findall(r'href="([^"]*)"', body) == [link.replace("&", "&amp;")]
    assert "&lt;b&gt;Bye&lt;/b&gt;" in body
    assert "The same" not in page


def test_a_message_without_text_is_empty(build: Build, tmp_path: Path) -> None:
    message = EmailMessage()
    message.set_content("<h1>Only HTML</h1>", subtype="html")
    (tmp_path / "1.eml").write_bytes(message.as_bytes())
    visitor = build(outbox_dir=tmp_path).browser()
    assert "Only HTML" not in visitor.get("/dev/outbox/1.eml").text


def test_an_empty_or_missing_folder_is_an_empty_mailbox(build: Build, tmp_path: Path) -> None:
    visitor = build(outbox_dir=tmp_path / "not-yet").browser()
    assert "No emails yet." in visitor.get("/dev/outbox").text
    assert visitor.get("/dev/outbox/1.eml").status_code == 404


def test_nothing_outside_the_folder_is_shown(build: Build, outbox: Path) -> None:
    visitor = build(outbox_dir=outbox).browser()
    for name in (
        "../secret.eml",
        "..%2fsecret.eml",
        "%2e%2e%2fsecret.eml",
        "..%5csecret.eml",
        f"{outbox.parent}/secret.eml",
        "note.txt",
        "*.eml",
        "%00",
        "",
    ):
        answer = visitor.get(f"/dev/outbox/{name}")
        assert answer.status_code == 404, name
        assert "Not yours" not in answer.text
