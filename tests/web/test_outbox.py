"""The demo's mailbox: there when a folder is set, and it shows nothing outside that folder."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.site import Site
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
