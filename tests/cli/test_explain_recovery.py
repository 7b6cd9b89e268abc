"""What the service desk is told under the reference of a confirmation page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from idp.accounts.attempt import Attempts
from idp.accounts.known_device import KnownDevices
from idp.accounts.link import Links
from idp.accounts.post import Post
from idp.accounts.recovery import Asked, Identity, Recovery
from idp.db import Database, outbox
from idp.policy.lifetime import Lifetimes
from idp.policy.lockout import LockoutRule
from idp.policy.rate import RateLimit, RecoveryLimits
from idp.policy.recovery import Kind
from idp.services.keys import MasterKeys
from tests.builders import PERSON_ID, add_account, an_account
from tests.cli.conftest import Operator

ISSUER = "https://id.example.nhs.uk"
SIAN = "sian.odowd@wales.example"
Ask = Callable[..., str]


@pytest.fixture
def recovery(idp: Operator, database: Database, now: datetime) -> Recovery:
    masters = MasterKeys(bytes(32), bytes(32))
    with database.write() as connection:
        add_account(connection, an_account(now))
    return Recovery(
        database=database,
        masters=masters,
        attempts=Attempts(bytes(32), LockoutRule()),
        known_devices=KnownDevices(bytes(32), Lifetimes()),
        links=Links(idp.randomness, Lifetimes(), ISSUER),
        post=Post(masters, idp.randomness, ISSUER),
        limits=RecoveryLimits(person_hour=RateLimit(1, timedelta(hours=1))),
        lifetimes=Lifetimes(),
        clock=idp.clock,
        randomness=idp.randomness,
        administrators=(),
    )


@pytest.fixture
def ask(recovery: Recovery) -> Ask:
    def asking(kind: Kind = Kind.FORGOTTEN, email: str = SIAN, username: str | None = None) -> str:
        identity = Identity(kind, email, date(1984, 2, 29), username, None)
        asked = recovery.ask(identity, address="192.0.2.7", is_shared=False, known_device=None)
        assert isinstance(asked, Asked)
        return asked.reference

    return asking


def said(idp: Operator, reference: str) -> list[str]:
    """The sentences before the events."""
    return idp.does("explain", reference).partition("\n\n")[0].splitlines()


def test_a_request_that_nobody_has_answered_is_told(idp: Operator, ask: Ask) -> None:
    reference = ask()

    assert said(idp, reference) == [
        "Forgotten was asked at 2026-11-23 07:00:00 UTC, and nobody has answered yet.",
        "What to do: See that idp worker runs.",
    ]
    assert idp.json("explain", reference)["recovery"] == {"waiting": True, "outcomes": [], "mails": []}


def test_what_a_letter_says_and_where_it_is_are_told(
    idp: Operator, ask: Ask, recovery: Recovery, database: Database, now: datetime
) -> None:
    reference = ask(Kind.UNLOCK)
    recovery.work()
    assert said(idp, reference) == [
        "Unlock Account found 123SODOWD01: the letter says the username, with a link to unlock it.",
        "The letter waits to be sent. Attempts: 0.",
        "What to do: See that idp worker runs and reaches the mail server.",
    ]
    with database.write() as connection:
        claimed = outbox.claim(connection, now, timedelta(minutes=1))
        assert claimed is not None
        outbox.put_off(connection, claimed.id, claimed.attempts, now, "the server is full")
    assert said(idp, reference)[1] == (
        "The letter waits to be sent. Attempts: 1. The last one failed: the server is full"
    )
    with database.write() as connection:
        claimed = outbox.claim(connection, now, timedelta(minutes=1))
        assert claimed is not None
        outbox.give_up(connection, claimed.id, claimed.attempts, now, "no such mailbox")
    assert said(idp, reference)[1:] == [
        "The letter was given up at 2026-11-23 07:00:00 UTC: no such mailbox",
        f"What to do: Put the cause right, and try again: idp mail retry {claimed.id}",
    ]
    with database.write() as connection:
        outbox.retry(connection, claimed.id, now)
        claimed = outbox.claim(connection, now, timedelta(minutes=1))
        assert claimed is not None
        outbox.delivered(connection, claimed.id, claimed.attempts, now)
    assert said(idp, reference)[1] == "The mail server took the letter at 2026-11-23 07:00:00 UTC."
    document = idp.json("explain", reference)["recovery"]
    assert document["outcomes"] == [
        {"outcome": "answered", "username": "123SODOWD01", "kind": "unlock", "offer": "unlock"}
    ]
    assert [(mail["kind"], mail["state"]) for mail in document["mails"]] == [("unlock", "sent")]


def test_a_letter_that_a_newer_one_took_the_place_of_is_told(
    idp: Operator, ask: Ask, recovery: Recovery, database: Database, now: datetime
) -> None:
    reference = ask(Kind.UNLOCK)
    recovery.work()
    with database.write() as connection:
        outbox.supersede(connection, PERSON_ID, "unlock", now)

    assert said(idp, reference)[1:] == [
        "The letter was not sent: a newer one to the same person took its place, and its links.",
        "What to do: See what became of that one: idp mail list --user USERNAME",
    ]


def test_a_letter_too_many_is_told(idp: Operator, ask: Ask, recovery: Recovery) -> None:
    _, reference = ask(), ask()
    while recovery.work():
        pass

    sentence, remedy = said(idp, reference)
    assert sentence.startswith("Forgotten found 123SODOWD01, but the person had been sent as many letters as")
    assert remedy == (
        "What to do: Let the person look for those letters, or send another one: idp user invite USERNAME"
    )


@pytest.mark.parametrize(
    ("email", "username", "why"),
    [
        ("nobody@wales.example", None, "Nobody on record has the email address and the date of birth"),
        (SIAN, "123NOBODY01", "nobody has the username that was typed"),
    ],
)
def test_why_a_request_reached_nobody_is_told(
    idp: Operator, ask: Ask, recovery: Recovery, email: str, username: str | None, why: str
) -> None:
    reference = ask(Kind.REQUEST, email, username)
    recovery.work()

    sentence, remedy = said(idp, reference)
    assert sentence.startswith("Request Username/Password was asked in vain. ")
    assert why in sentence
    assert remedy.startswith("What to do: ")
    assert email not in idp.does("explain", reference)


def test_a_request_that_was_given_up_is_told(idp: Operator, ask: Ask, recovery: Recovery) -> None:
    reference = ask()
    other = MasterKeys(b"x" * 32, bytes(32))
    replace(recovery, masters=other).work()

    assert said(idp, reference)[0] == "Forgotten was asked, and could not be answered. Nothing was sent."
