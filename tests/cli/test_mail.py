"""Administrators see what became of mail, never what it says, and have it tried again."""

import uuid
from datetime import datetime, timedelta

import pytest

from idp.accounts.post import Post
from idp.db import Database, outbox
from idp.services.keys import MasterKeys
from idp.services.letters import Letter
from tests.builders import PERSON_ID, add_account, an_account
from tests.cli.conftest import Operator
from tests.fakes import FakeRandomness

TOKEN = "c2VjcmV0LW9mLXRoZS1saW5r"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
POST = Post(MasterKeys(bytes(32), bytes(32)), FakeRandomness(), "https://id.example.nhs.uk")


def queue(
    database: Database, now: datetime, letter: Letter = Letter.UNLOCK, reference: str | None = None
) -> uuid.UUID:
    """A mail to the person of the builders; one about misses is to administrators."""
    is_theirs = letter is not Letter.RECOVERY_MISSES
    with database.write() as connection:
        return POST.queue(
            connection,
            letter,
            to="sian.odowd@wales.example",
            language="en",
            values={"link": f"https://id.example.nhs.uk/unlock-account?link={TOKEN}"},
            person_id=PERSON_ID if is_theirs else None,
            reference=reference,
            now=now,
        )


def claim(database: Database, now: datetime) -> outbox.Claimed:
    with database.write() as connection:
        claimed = outbox.claim(connection, now, 5 * MINUTE)
    assert claimed is not None
    return claimed


def sent(database: Database, now: datetime) -> uuid.UUID:
    queue(database, now)
    mine = claim(database, now)
    with database.write() as connection:
        assert outbox.delivered(connection, mine.id, mine.attempts, now + MINUTE)
    return mine.id


def given_up(database: Database, now: datetime) -> uuid.UUID:
    queue(database, now)
    mine = claim(database, now)
    with database.write() as connection:
        assert outbox.give_up(connection, mine.id, mine.attempts, now + DAY, "550 5.1.1 no such mailbox")
    return mine.id


def is_due(database: Database, now: datetime) -> bool:
    with database.write() as connection:
        return outbox.claim(connection, now, MINUTE) is not None


@pytest.fixture
def _someone(database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_account(connection, an_account(now))


@pytest.mark.usefixtures("_someone")
def test_mails_are_listed_newest_first_with_whose_they_are(
    idp: Operator, database: Database, now: datetime
) -> None:
    gone = sent(database, now - 3 * MINUTE)
    waiting = queue(database, now - 2 * MINUTE, reference="7F3K-2Q")
    told = queue(database, now - MINUTE, Letter.RECOVERY_MISSES)

    assert idp.does("mail", "list") == (
        "ID                                    KIND             WHOSE        STATE    WRITTEN"
        "                  ATTEMPTS  REFERENCE\n"
        f"{told}  recovery_misses  -            waiting  2026-11-23 06:59:00 UTC  0         -\n"
        f"{waiting}  unlock           123SODOWD01  waiting  2026-11-23 06:58:00 UTC  0         7F3K-2Q\n"
        f"{gone}  unlock           123SODOWD01  sent     2026-11-23 06:57:00 UTC  1         -\n"
    )
    assert [row["id"] for row in idp.json("mail", "list")] == [str(told), str(waiting), str(gone)]


@pytest.mark.usefixtures("_someone")
def test_mails_are_listed_by_state_by_person_and_by_reference(
    idp: Operator, database: Database, now: datetime
) -> None:
    lost = given_up(database, now - 4 * MINUTE)
    gone = sent(database, now - 3 * MINUTE)
    promised = queue(database, now - 2 * MINUTE, reference="7F3K-2Q")
    told = queue(database, now - MINUTE, Letter.RECOVERY_MISSES)

    def listed(*arguments: str) -> list[str]:
        return [row["id"] for row in idp.json("mail", "list", *arguments)]

    assert listed("--state", "given_up") == [str(lost)]
    assert listed("--state", "sent") == [str(gone)]
    assert listed("--state", "waiting") == [str(told), str(promised)]
    assert listed("--user", " 123sodowd01") == [str(promised), str(gone), str(lost)]
    assert listed("--reference", "7f3k 2q") == [str(promised)]
    assert listed("--user", "123SODOWD01", "--state", "sent", "--reference", "7F3K-2Q") == []


def test_more_mails_than_the_limit_are_told_of(idp: Operator, database: Database, now: datetime) -> None:
    for _ in range(3):
        queue(database, now)

    lines = idp.does("mail", "list", "--limit", "2").splitlines()

    assert len(lines) == 4
    assert lines[-1] == "There are more than 2. Narrow it, or raise --limit."
    assert len(idp.does("mail", "list", "--limit", "3").splitlines()) == 4


@pytest.mark.usefixtures("_someone")
def test_a_mail_is_shown_with_everything_but_what_it_says(
    idp: Operator, database: Database, now: datetime
) -> None:
    lost = given_up(database, now)

    assert idp.json("mail", "show", lost) == {
        "id": str(lost),
        "kind": "unlock",
        "usernames": "123SODOWD01",
        "reference": None,
        "state": "given_up",
        "created_at": "2026-11-23T07:00:00+00:00",
        "attempts": 1,
        "next_attempt_at": None,
        "delivered_at": None,
        "failed_at": "2026-11-24T07:00:00+00:00",
        "last_error": "550 5.1.1 no such mailbox",
    }
    shown = idp.does("mail", "show", lost)
    assert "Last error       550 5.1.1 no such mailbox\n" in shown
    assert TOKEN not in shown
    assert "wales.example" not in shown


@pytest.mark.parametrize("command", ["show", "retry"])
def test_a_mail_that_is_not_there_is_said(idp: Operator, command: str) -> None:
    assert "There is no mail 00000000-0000-0000-0000-000000000001" in idp.refused(
        "mail", command, uuid.UUID(int=1)
    )


def test_an_account_that_is_not_there_is_said(idp: Operator) -> None:
    assert "idp user list --search" in idp.refused("mail", "list", "--user", "918NOBODY01")
    assert "idp user list --search" in idp.refused("mail", "list", "--user", "not a username")


def test_what_is_no_reference_is_said(idp: Operator) -> None:
    assert "such as 7F3K-2Q" in idp.refused("mail", "list", "--reference", "7F3K")


def test_a_mail_that_was_given_up_is_tried_again(idp: Operator, database: Database, now: datetime) -> None:
    lost = given_up(database, now)

    assert idp.does("mail", "retry", lost) == "Mails that are tried again: 1.\n"

    assert idp.json("mail", "show", lost)["state"] == "waiting"
    assert is_due(database, now)


def test_everything_that_was_given_up_is_tried_again(
    idp: Operator, database: Database, now: datetime
) -> None:
    lost = {str(given_up(database, now)) for _ in range(2)}
    sent(database, now)

    assert idp.json("mail", "retry", "--all-given-up") == {"retried": 2}

    assert {row["id"] for row in idp.json("mail", "list", "--state", "waiting")} == lost
    assert idp.does("mail", "retry", "--all-given-up") == "Nothing was given up.\n"


def test_a_dry_run_tries_nothing(idp: Operator, database: Database, now: datetime) -> None:
    lost = given_up(database, now)

    assert idp.json("mail", "retry", lost, "--dry-run") == {"retried": 1, "dry_run": True}
    assert idp.does("mail", "retry", "--all-given-up", "--dry-run").splitlines() == [
        "Dry run: nothing is changed. Without it:",
        "Mails that are tried again: 1.",
    ]

    assert idp.json("mail", "show", lost)["state"] == "given_up"
    assert not is_due(database, now)


def test_what_was_sent_cannot_be_tried_again(idp: Operator, database: Database, now: datetime) -> None:
    assert "It was sent" in idp.refused("mail", "retry", sent(database, now))


def test_what_a_newer_mail_took_the_place_of_cannot_be_tried_again(
    idp: Operator, database: Database, now: datetime
) -> None:
    mail_id = queue(database, now)
    with database.write() as connection:
        assert outbox.supersede(connection, PERSON_ID, "unlock", now) == 1

    assert idp.json("mail", "show", mail_id)["state"] == "superseded"
    assert "A newer mail to the same person took its place" in idp.refused("mail", "retry", mail_id)


def test_what_a_worker_is_sending_is_not_sent_by_another(
    idp: Operator, database: Database, now: datetime
) -> None:
    mail_id = queue(database, now)
    claim(database, now)

    assert "A worker is sending it" in idp.refused("mail", "retry", mail_id)


@pytest.mark.parametrize("arguments", [(), (uuid.UUID(int=1), "--all-given-up"), ("not-an-id",)])
def test_which_mail_must_be_said(idp: Operator, arguments: tuple[object, ...]) -> None:
    assert idp("mail", "retry", *arguments).exit_code == 2
