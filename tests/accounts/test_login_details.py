"""Letters to people about their accounts: what is in them, and that their links work."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from idp.accounts.link import Link, LinkProblem
from idp.db import attempt, outbox
from idp.db.account import AccountState
from idp.db.attempt import NEVER, Bucket
from idp.db.link import Purpose
from idp.db.outbox import State
from idp.policy.recovery import Kind
from idp.services.letters import Letter
from tests import mailbox
from tests.accounts.desk import JANE, SERVICE_DESK, Desk, jane

HOUR = timedelta(hours=1)


def test_forgotten_sends_a_reset_link_to_the_address_on_record(desk: Desk) -> None:
    asked = desk.ask()
    assert desk.letters() == [], "the page only stores"

    assert desk.recovery.work() == 1

    [letter] = desk.letters()
    [line] = letter.values["accounts"]
    assert (letter.letter, letter.to, letter.language) == (Letter.LOGIN_DETAILS, JANE, "en")
    assert letter.values == {"name": "Jane Smith", "reference": asked.reference, "accounts": [line]}
    assert line == {
        "username": "918JSMITH01",
        "employer": "NHS Blood and Transplant",
        "offer": "reset",
        "link": line["link"],
        "until": "2026-11-23T08:00:00+00:00",
        "service_desk": SERVICE_DESK,
    }
    assert re.fullmatch(r"https://id\.example\.nhs\.uk/update-password\?link=[\w-]{43}", line["link"])
    assert desk.link(line["link"]) == Link(jane(desk).id, Purpose.RESET, desk.site.clock.now() + HOUR)
    assert desk.events(asked.reference) == [
        ("recovery.answered", jane(desk).id, {"kind": "forgotten", "offer": "reset"})
    ]
    assert line["link"] in mailbox.text(letter)


def test_request_sends_the_username_and_no_link(desk: Desk) -> None:
    [letter] = desk.answer(Kind.REQUEST)

    assert letter.letter is Letter.USERNAMES
    assert letter.values["forgotten"] == "https://id.example.nhs.uk/forgotten"
    [line] = letter.values["accounts"]
    assert (line["username"], line["offer"], line["link"], line["until"]) == (
        "918JSMITH01",
        "username",
        None,
        None,
    )
    assert "918JSMITH01" in mailbox.text(letter)


def test_unlock_sends_a_link_and_says_whether_it_is_needed(desk: Desk) -> None:
    [letter] = desk.answer(Kind.UNLOCK)

    assert (letter.letter, letter.values["locked"]) == (Letter.UNLOCK, False)
    [line] = letter.values["accounts"]
    assert line["offer"] == "unlock"
    assert line["link"].startswith("https://id.example.nhs.uk/unlock-account?link=")
    assert isinstance(desk.link(line["link"]), Link)
    assert line["link"] in mailbox.text(letter)


@pytest.mark.parametrize(
    ("guesses", "bucket", "factor", "locked"),
    [
        pytest.param(5, Bucket.UNKNOWN, "password", False, id="free guesses"),
        pytest.param(6, Bucket.UNKNOWN, "password", True, id="delayed for strangers"),
        pytest.param(6, Bucket.KNOWN, "password", True, id="delayed for known devices"),
        pytest.param(6, Bucket.UNKNOWN, "totp", False, id="another factor"),
    ],
)
def test_the_letter_says_truthfully_whether_guesses_wait(
    desk: Desk, guesses: int, bucket: Bucket, factor: str, *, locked: bool
) -> None:
    desk.guess(jane(desk).person_id, guesses, bucket, factor)

    [letter] = desk.answer(Kind.UNLOCK)

    assert letter.values["locked"] is locked


def test_an_account_that_is_shut_is_locked_and_one_whose_wait_is_over_is_not(desk: Desk) -> None:
    desk.guess(jane(desk).person_id, 6)
    desk.site.clock.advance(timedelta(seconds=30))
    [letter] = desk.answer(Kind.UNLOCK)
    assert letter.values["locked"] is False

    desk.run(update(attempt.attempts).values(not_before=NEVER))
    [letter] = desk.answer(Kind.UNLOCK)
    assert letter.values["locked"] is True


STATES = [
    (AccountState.ACTIVE, "open"),
    (AccountState.MUST_CHANGE_PASSWORD, "open"),
    (AccountState.INACTIVE, "reset"),
    (AccountState.PENDING, "activate"),
    (AccountState.DISABLED, "closed"),
    (AccountState.LEAVER, "closed"),
]
OPEN = {Kind.FORGOTTEN: "reset", Kind.REQUEST: "username", Kind.UNLOCK: "unlock"}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("is_over", [False, True], ids=["employed", "employment over"])
def test_every_account_is_offered_what_its_state_allows(desk: Desk, kind: Kind, *, is_over: bool) -> None:
    ends_on = date(2026, 11, 22) if is_over else date(2026, 11, 23)
    for n, (state, offered) in enumerate(STATES):
        username = f"918JDOE0{n}"
        made = desk.site.add_account(username, state=state, ends_on=ends_on)
        expected = "closed" if is_over else OPEN[kind] if offered == "open" else offered

        [letter] = desk.answer(kind, f"{username.lower()}@example.nhs.uk")

        [line] = letter.values["accounts"]
        assert line["offer"] == expected, state
        assert (line["link"] is None) == (expected in {"username", "closed"})
        if line["link"] is not None:
            link = desk.link(line["link"])
            assert isinstance(link, Link)
            assert (link.account_id, link.purpose) == (made.id, Purpose(expected))
        assert username in mailbox.text(letter)


def test_one_letter_lists_every_account_of_the_person_with_a_link_each(desk: Desk) -> None:
    desk.site.add_account("432JSMITH01", person_id=jane(desk).person_id, state=AccountState.PENDING)
    desk.site.add_account("432JSMITH02", state=AccountState.ACTIVE)
    asked = desk.ask()

    desk.recovery.work()

    [letter] = desk.letters()
    assert [(line["username"], line["offer"]) for line in letter.values["accounts"]] == [
        ("432JSMITH01", "activate"),
        ("918JSMITH01", "reset"),
    ]
    assert len({line["link"] for line in letter.values["accounts"]}) == 2
    assert [event for event, _, _ in desk.events(asked.reference)] == ["recovery.answered"] * 2


def test_a_newer_letter_ends_the_links_of_the_older_one(desk: Desk) -> None:
    [older] = desk.answer()
    [newer] = desk.answer()

    assert desk.link(older.values["accounts"][0]["link"]) is LinkProblem.SUPERSEDED
    assert isinstance(desk.link(newer.values["accounts"][0]["link"]), Link)


def states_of_mail(desk: Desk) -> list[State]:
    with desk.site.provider.database.read() as connection:
        found = outbox.newest(connection, 9, person_id=jane(desk).person_id)
    return [mail.state for mail in reversed(found)]


def test_a_newer_letter_takes_the_place_of_the_older_one_that_was_not_sent_yet(desk: Desk) -> None:
    for kind in (Kind.FORGOTTEN, Kind.UNLOCK, Kind.FORGOTTEN):
        desk.ask(kind)
        desk.recovery.work()
        desk.site.clock.advance(timedelta(seconds=1))

    assert states_of_mail(desk) == [State.SUPERSEDED, State.WAITING, State.WAITING]


def test_a_letter_about_one_account_takes_no_other_s_place(desk: Desk) -> None:
    desk.site.add_account("432JSMITH01", person_id=jane(desk).person_id)
    for username in ("918JSMITH01", "432JSMITH01", None):
        states = states_of_mail(desk)
        assert set(states) <= {State.WAITING}
        desk.ask(username=username)
        desk.recovery.work()
        desk.site.clock.advance(timedelta(seconds=1))

    assert states_of_mail(desk) == [State.SUPERSEDED, State.SUPERSEDED, State.WAITING]


def test_the_letter_is_in_the_language_on_record(desk: Desk) -> None:
    desk.site.add_account("918SODOWD01", language="cy")

    [letter] = desk.answer(Kind.REQUEST, "918sodowd01@example.nhs.uk")

    assert letter.language == "cy"


def test_the_link_leads_back_to_the_waiting_sign_in(desk: Desk) -> None:
    [letter] = desk.answer(request="a-handle_of-a-parked-request")

    assert letter.values["accounts"][0]["link"].endswith("&request=a-handle_of-a-parked-request")


@pytest.mark.parametrize("kind", [Kind.REQUEST, Kind.UNLOCK])
def test_who_has_forgotten_the_password_too_goes_on_with_the_waiting_sign_in(desk: Desk, kind: Kind) -> None:
    [letter] = desk.answer(kind, request="a-handle_of-a-parked-request")

    forgotten = "https://id.example.nhs.uk/forgotten?request=a-handle_of-a-parked-request"
    assert letter.values["forgotten"] == forgotten
    assert forgotten in mailbox.text(letter)


def test_letters_are_filed_under_their_person_and_reference(desk: Desk) -> None:
    asked = desk.ask()
    desk.recovery.work()

    with desk.site.provider.database.read() as connection:
        [mail] = outbox.newest(connection, 9, person_id=jane(desk).person_id)
    assert mail.reference == asked.reference


def test_an_invitation_welcomes_with_a_link_to_activate(desk: Desk) -> None:
    made = desk.site.add_account("918JDOE01", state=AccountState.PENDING, language="cy")
    with desk.site.provider.database.write() as connection:
        desk.recovery.invite(connection, made.id, desk.site.clock.now())

    [letter] = desk.letters()
    link = letter.values["link"]
    assert (letter.letter, letter.to, letter.language) == (
        Letter.WELCOME,
        "918jdoe01@example.nhs.uk",
        "cy",
    )
    assert letter.values == {
        "name": "Jane Smith",
        "username": "918JDOE01",
        "employer": "NHS Blood and Transplant",
        "link": link,
        "until": "2026-11-24T07:00:00+00:00",
        "forgotten": "https://id.example.nhs.uk/forgotten",
        "service_desk": SERVICE_DESK,
    }
    assert desk.link(link) == Link(made.id, Purpose.ACTIVATE, desk.site.clock.now() + timedelta(days=1))
    assert link in mailbox.text(letter)


def test_the_service_desk_can_send_what_forgotten_sends(desk: Desk) -> None:
    desk.site.add_account("432JSMITH01", person_id=jane(desk).person_id)
    with desk.site.provider.database.write() as connection:
        reference = desk.recovery.send_details(connection, jane(desk), desk.site.clock.now())

    [letter] = desk.letters()
    assert (letter.letter, letter.values["reference"]) == (Letter.LOGIN_DETAILS, reference)
    assert [(line["username"], line["offer"]) for line in letter.values["accounts"]] == [
        ("918JSMITH01", "reset")
    ]
    assert desk.events(reference) == [
        ("recovery.answered", jane(desk).id, {"kind": "forgotten", "offer": "reset"})
    ]
