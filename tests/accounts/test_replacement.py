"""What a new password ends; and that it is all or nothing, and once, whoever else acts at the moment."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from idp.accounts import browser_session
from idp.accounts.entry import Entered
from idp.accounts.link import PASSWORD_PURPOSES, LinkProblem
from idp.accounts.password import (
    Changed,
    NotDue,
    Updated,
    WrongPassword,
)
from idp.accounts.sign_in import Failed
from idp.db.account import AccountState
from idp.db.engine import migration_engine
from idp.db.link import Purpose
from idp.db.person import people
from tests import mailbox
from tests.accounts.passwords import (
    JANE,
    NEW,
    OTHER,
    WRONG,
    Desk,
    build,
    nothing_changes,
    while_it_waits,
)
from tests.crowd import together
from tests.site import PASSWORD, Site


@pytest.fixture
def desk(site: Site) -> Desk:
    return build(site)


# What it ends


def test_the_owner_is_told(desk: Desk) -> None:
    desk.update(desk.mail_link())
    (letter,) = desk.letters()
    assert (letter.letter.value, letter.to, letter.language) == (
        "password_changed",
        "918jsmith01@example.nhs.uk",
        "en",
    )
    assert letter.values == {
        "name": "Jane Smith",
        "username": "918JSMITH01",
        "employer": "NHS Blood and Transplant",
        "at": "2026-11-23T07:00:00+00:00",
        "how": "reset",
        "forgotten": "https://id.example.nhs.uk/forgotten",
        "service_desk": "0117 496 0000",
    }
    assert "918JSMITH01" in mailbox.text(letter)
    assert NEW not in str(letter.values)


def test_a_reset_signs_nobody_in_and_everybody_out(desk: Desk) -> None:
    visitor = desk.site.browser()
    tokens = desk.site.tokens(visitor=visitor)
    elsewhere = desk.sign_in()
    assert desk.update(desk.mail_link()) == Updated(JANE)

    assert desk.find(elsewhere) is None
    assert desk.site.refresh(tokens["refresh_token"]).status_code == 400
    assert desk.site.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.authorize(prompt="none").location.split("error=")[1].startswith("login_required")
    assert desk.events("password.changed")[0][3] == {"how": "reset", "sessions": 2}
    assert len(desk.events("sign_in.password")) == 2, "those before the reset"


def test_a_reset_ends_every_other_link_for_a_password(desk: Desk) -> None:
    activation, reset, unlock = (
        desk.mail_link(Purpose.ACTIVATE),
        desk.mail_link(Purpose.RESET),
        desk.mail_link(Purpose.UNLOCK),
    )
    assert desk.update(activation) == Updated(JANE)
    assert desk.link(reset) is LinkProblem.SUPERSEDED
    assert desk.is_live(unlock)


def test_a_reset_forgets_wrong_passwords_and_no_other_factor(desk: Desk) -> None:
    for _ in range(6):
        assert desk.try_to_sign_in(WRONG) == Failed()
    desk.guess("password")
    desk.guess("totp")
    assert desk.try_to_sign_in(PASSWORD) == Failed()
    assert desk.update(desk.mail_link()) == Updated(JANE)
    assert desk.guesses() == []
    assert desk.guesses("totp") == [1]
    desk.sign_in(NEW)


def test_when_the_letter_cannot_be_queued_nothing_has_happened(desk: Desk) -> None:
    session = desk.sign_in()
    token = desk.mail_link()
    engine = migration_engine(desk.site.provider.database.url)
    with engine.begin() as connection:
        connection.execute(update(people).values(email="not an address"))
    engine.dispose()
    with nothing_changes(desk), pytest.raises(ValueError, match="no mail address"):
        desk.update(token)
    assert desk.is_live(token)
    assert desk.find(session) is not None


def test_a_new_password_keeps_this_session_alone_under_a_new_secret(desk: Desk) -> None:
    here, elsewhere = desk.sign_in(), desk.sign_in()
    before = desk.live(here)
    tokens = desk.site.tokens()
    desk.site.clock.advance(timedelta(minutes=10))
    answer = desk.change(before)
    assert isinstance(answer, Changed)

    assert answer.session.sid == here.sid
    assert answer.session.secret != here.secret
    assert desk.find(here) is None
    assert desk.find(elsewhere) is None
    assert replace(desk.live(answer.session), last_seen_at=before.last_seen_at) == before
    assert desk.site.refresh(tokens["refresh_token"]).status_code == 400
    assert desk.events() == [("password.changed", "success", here.sid, {"how": "changed", "sessions": 2})]
    told = [(letter.letter, letter.values.get("how")) for letter in desk.letters()]
    assert told == [("new_device", None), ("new_device", None), ("password_changed", "changed")]
    desk.sign_in(NEW)
    assert desk.try_to_sign_in(PASSWORD) == Failed()


def test_a_change_ends_links_that_wait_in_the_mailbox(desk: Desk) -> None:
    token = desk.mail_link()
    assert isinstance(desk.change(desk.live(desk.sign_in())), Changed)
    assert desk.link(token) is LinkProblem.SUPERSEDED


def test_a_new_password_ends_what_was_open_before_it_was_due(desk: Desk) -> None:
    tokens, elsewhere = desk.site.tokens(), desk.sign_in()
    assert isinstance(desk.change_due(desk.due(desk.sign_in_due())), Changed)
    assert desk.find(elsewhere) is None
    assert desk.site.refresh(tokens["refresh_token"]).status_code == 400


def test_a_reset_ends_the_session_of_the_due_password(desk: Desk) -> None:
    session = desk.due(desk.sign_in_due())
    assert desk.update(desk.mail_link()) == Updated(JANE)
    with nothing_changes(desk):
        assert desk.change_due(session, OTHER) == NotDue()


# While one waits for one's turn


def test_a_link_that_is_used_while_another_waits_is_used(desk: Desk) -> None:
    token = desk.mail_link()
    slow = while_it_waits(desk, lambda: desk.update(token, password=OTHER))
    assert slow.update(token) is LinkProblem.USED
    desk.sign_in(OTHER)
    assert len(desk.letters()) == 1


def test_a_link_that_is_superseded_while_one_waits_changes_nothing(desk: Desk) -> None:
    token = desk.mail_link()
    slow = while_it_waits(desk, desk.mail_link)
    with nothing_changes(desk):
        assert slow.update(token) is LinkProblem.SUPERSEDED


def test_a_link_that_runs_out_while_one_waits_changes_nothing(desk: Desk) -> None:
    token = desk.mail_link()
    slow = while_it_waits(desk, lambda: desk.site.clock.advance(timedelta(hours=1)))
    with nothing_changes(desk):
        assert slow.update(token) is LinkProblem.EXPIRED


def test_an_account_that_is_disabled_while_one_waits_stays_shut(desk: Desk) -> None:
    token = desk.mail_link()
    slow = while_it_waits(desk, lambda: desk.stands(AccountState.DISABLED))
    assert slow.update(token) is LinkProblem.UNKNOWN
    assert desk.jane().state is AccountState.DISABLED
    assert desk.letters() == []


def test_an_account_that_is_reactivated_while_one_waits_takes_the_password_after_all(desk: Desk) -> None:
    desk.stands(AccountState.INACTIVE)
    slow = while_it_waits(desk, lambda: desk.stands(AccountState.ACTIVE))
    assert slow.update(desk.mail_link()) == Updated(JANE)
    desk.sign_in(NEW)


def test_a_password_that_is_changed_while_a_reset_waits_stays(desk: Desk) -> None:
    session = desk.live(desk.sign_in())
    token = desk.mail_link()
    slow = while_it_waits(desk, lambda: desk.change(session, password=OTHER))
    assert slow.update(token) is LinkProblem.SUPERSEDED
    desk.sign_in(OTHER)


def test_a_session_that_was_signed_out_meanwhile_changes_nothing(desk: Desk) -> None:
    session = desk.live(desk.sign_in())

    def sign_out() -> None:
        with desk.site.provider.database.write() as connection:
            browser_session.end(connection, session, address=None, client_id=None, now=desk.now)

    with nothing_changes(desk):
        assert while_it_waits(desk, sign_out).change(session) == WrongPassword()


def test_of_two_changes_at_once_the_first_counts(desk: Desk) -> None:
    session, other = desk.live(desk.sign_in()), desk.live(desk.sign_in())
    slow = while_it_waits(desk, lambda: desk.change(other, password=OTHER))
    assert slow.change(session) == WrongPassword()
    desk.sign_in(OTHER)


# All at once


@pytest.mark.parametrize("purpose", sorted(PASSWORD_PURPOSES))
def test_one_link_in_many_hands_gives_one_password(desk: Desk, purpose: Purpose) -> None:
    token = desk.mail_link(purpose)
    answers = together(lambda: desk.update(token))
    assert Counter(answers) == {Updated(JANE): 1, LinkProblem.USED: 11}
    assert len(desk.letters()) == 1
    assert len(desk.events()) == 1


def test_a_due_password_is_changed_once_though_posted_many_times(desk: Desk) -> None:
    session = desk.due(desk.sign_in_due())
    answers = together(lambda: desk.change_due(session))
    assert Counter(map(type, answers)) == {Changed: 1, NotDue: 11}
    (changed,) = (answer for answer in answers if isinstance(answer, Changed))
    assert desk.find(changed.session) is not None
    assert len(desk.letters()) == 1


def test_a_password_is_changed_once_though_posted_many_times(desk: Desk) -> None:
    signed_in = desk.try_to_sign_in()
    assert isinstance(signed_in, Entered)
    session = desk.live(signed_in.session)
    answers = together(lambda: desk.change(session, known_device=signed_in.known_device))
    assert Counter(map(type, answers))[Changed] == 1
    (changed,) = (answer for answer in answers if isinstance(answer, Changed))
    assert desk.find(changed.session) is not None


@pytest.mark.parametrize("state", [AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD])
def test_no_session_of_the_old_password_outlives_a_reset_that_races_it(
    desk: Desk, state: AccountState
) -> None:
    desk.stands(state)
    token = desk.mail_link()
    turns = iter(range(12))

    def act() -> object:
        return desk.update(token) if next(turns) % 4 == 3 else desk.try_to_sign_in(PASSWORD)

    answers = together(act)
    opened = [answer.session for answer in answers if isinstance(answer, Entered)]
    assert Counter(map(type, answers))[Updated] == 1
    for session in opened:
        assert desk.find(session) is None
    with desk.site.provider.database.read() as connection:
        assert [browser_session.find_due(connection, each.secret, desk.now) for each in opened] == [
            None for _ in opened
        ]
