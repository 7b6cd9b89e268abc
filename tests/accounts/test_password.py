"""New passwords: what is accepted, and who may choose one."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from idp.accounts import browser_session
from idp.accounts.attempt import AccountThrottled, AddressThrottled
from idp.accounts.entry import Entered
from idp.accounts.link import LinkProblem
from idp.accounts.password import (
    Changed,
    NotAccepted,
    NotDue,
    OtherUsername,
    Updated,
    WrongPassword,
)
from idp.accounts.sign_in import Failed
from idp.db import account, password_history
from idp.db.account import AccountState
from idp.db.link import Purpose
from idp.policy.password import PROFILES, Failure, Rule
from idp.policy.rate import RateLimit
from idp.services.hashing import Busy, Hasher
from tests.accounts.passwords import HERE, JANE, NEW, OTHER, TOO_LONG, WRONG, Desk, build, nothing_changes
from tests.site import PASSWORD, Site


@pytest.fixture
def desk(site: Site) -> Desk:
    return build(site)


# What is asked of a password


def test_the_words_of_a_person_come_from_all_that_is_known_of_them(desk: Desk) -> None:
    rules = desk.passwords.rules(desk.jane().id)
    assert rules.profile == PROFILES["esr"]
    assert {"jane", "smith", "918jsmith01", "staff", "nurse", "bristol", "blood", "transplant"} < set(
        rules.words
    )
    assert {"password", "esr", "payroll"} < set(rules.words)


def test_suggestions_are_accepted(desk: Desk) -> None:
    suggested = desk.passwords.suggestions(desk.passwords.rules(desk.jane().id))
    assert len(suggested) == 3
    assert desk.update(desk.mail_link(), password=suggested[0]) == Updated(JANE)


def test_everything_that_is_wrong_is_told_at_once(desk: Desk) -> None:
    token = desk.mail_link()
    with nothing_changes(desk):
        assert desk.update(token, password="Nurse1234Smith99") == NotAccepted(
            (
                Failure(Rule.REPEAT, "99"),
                Failure(Rule.SEQUENCE, "1234"),
                Failure(Rule.WORD, "Nurse"),
                Failure(Rule.WORD, "Smith"),
            )
        )
    assert desk.is_live(token)


def test_the_lists_are_asked_beside_the_other_rules(desk: Desk) -> None:
    hashed = desk.passwords.hasher.hash("password1234")
    with desk.site.provider.database.write() as connection:
        assert account.set_password(connection, desk.jane(), hashed, desk.now)
    answer = desk.update(desk.mail_link(), password="password1234")
    assert isinstance(answer, NotAccepted)
    assert [each.rule.value for each in answer.failures] == [
        "repeat",
        "sequence",
        "word",
        "common",
        "history",
    ]


def test_the_last_four_passwords_may_not_come_again_and_the_fifth_may(desk: Desk) -> None:
    chosen = [f"{word}.Tiger.Sock48" for word in ("Cloud", "Pencil", "Wagon", "Fish", "Basket")]
    for password in chosen:
        desk.site.clock.advance(timedelta(days=1))
        assert desk.update(desk.mail_link(), password=password) == Updated(JANE)
    token = desk.mail_link()
    for password in chosen[1:]:
        with nothing_changes(desk):
            assert desk.update(token, password=password) == NotAccepted((Failure(Rule.HISTORY),))
    assert desk.update(token, password=chosen[0]) == Updated(JANE)


def test_the_current_password_may_not_come_again_though_nobody_remembered_it(desk: Desk) -> None:
    with desk.site.provider.database.read() as connection:
        assert password_history.recent(connection, desk.jane().id, 4) == []
    assert desk.update(desk.mail_link(), password=PASSWORD) == NotAccepted((Failure(Rule.HISTORY),))


def test_a_profile_without_history_hashes_once(desk: Desk) -> None:
    passwords = replace(desk.passwords, profile=PROFILES["nist-800-63b-4"])
    before = passwords.hasher.verifications
    assert passwords.update(desk.mail_link(), JANE, PASSWORD, address=HERE) == Updated(JANE)
    assert passwords.hasher.verifications == before


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(TOO_LONG, id="1,200 bytes"),
        pytest.param("Cloud.Tiger.Sock48!" * 14, id="266 characters"),
        pytest.param("\u0301" * 60_000, id="sixty thousand accents"),
        pytest.param("\ufdfa." * 16, id="sixteen that NFKC makes eighteen each"),
    ],
)
def test_what_is_too_long_fails_by_its_length_and_costs_no_hash(desk: Desk, password: str) -> None:
    token, before = desk.mail_link(), desk.passwords.hasher.verifications
    answer = desk.update(token, password=password)
    assert isinstance(answer, NotAccepted)
    assert answer.failures[0] == Failure(Rule.LENGTH)
    assert [each.rule for each in answer.failures].count(Rule.LENGTH) == 1
    assert desk.passwords.hasher.verifications == before
    assert desk.is_live(token)


def test_what_is_too_long_for_the_hash_alone_fails_by_its_length_too(desk: Desk) -> None:
    passwords = replace(desk.passwords, profile=replace(PROFILES["esr"], longest=4000))
    answer = passwords.update(desk.mail_link(), JANE, "ŵy-" * 300, address=HERE)
    assert answer == NotAccepted((Failure(Rule.LENGTH),))


def test_a_password_of_another_form_of_unicode_is_the_same(desk: Desk) -> None:
    assert desk.update(desk.mail_link(), password="Clŵd.Tiger.Sock48") == Updated(JANE)
    desk.sign_in("Clw\u0302d.Tiger.Sock48")


# By a link


@pytest.mark.parametrize(
    ("state", "purpose", "how", "activated"),
    [
        (AccountState.PENDING, Purpose.ACTIVATE, "activated", True),
        (AccountState.ACTIVE, Purpose.RESET, "reset", False),
        (AccountState.MUST_CHANGE_PASSWORD, Purpose.RESET, "reset", False),
        (AccountState.INACTIVE, Purpose.RESET, "reset", True),
    ],
)
def test_a_link_gives_a_password_and_opens_the_account(
    desk: Desk, state: AccountState, purpose: Purpose, how: str, activated: bool
) -> None:
    desk.stands(state)
    token = desk.mail_link(purpose)
    assert desk.update(token, f" {JANE.lower()} ") == Updated(JANE)

    jane = desk.jane()
    assert (jane.state, jane.password_changed_at) == (AccountState.ACTIVE, desk.now)
    assert desk.link(token) is LinkProblem.USED
    expected: list[object] = [("password.changed", "success", None, {"how": how, "sessions": 0})]
    if activated:
        expected.append(("account.activated", "success", None, {"how": how, "before": state.value}))
    assert desk.events() == expected
    assert desk.try_to_sign_in(PASSWORD) == Failed()
    desk.sign_in(NEW)


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.LEAVER])
def test_the_link_of_an_account_that_was_closed_is_unknown(desk: Desk, state: AccountState) -> None:
    token = desk.mail_link()
    desk.stands(state)
    with nothing_changes(desk):
        assert desk.update(token) is LinkProblem.UNKNOWN


def test_the_link_of_an_employment_that_ended_is_unknown(desk: Desk) -> None:
    left = desk.site.add_account("918JDOE01", ends_on=date(2026, 11, 22))
    with desk.site.provider.database.write() as connection:
        token = desk.links.issue(connection, left.id, Purpose.RESET, desk.now).token
    with nothing_changes(desk, "918JDOE01"):
        assert desk.update(token, "918JDOE01") is LinkProblem.UNKNOWN


@pytest.mark.parametrize("typed", ["918JDOE01", "918NOBODY01", "", "not a username", "\ud800"])
def test_a_link_is_of_one_account_and_survives_another_name(desk: Desk, typed: str) -> None:
    desk.site.add_account("918JDOE01")
    token = desk.mail_link()
    with nothing_changes(desk), nothing_changes(desk, "918JDOE01"):
        assert desk.update(token, typed) == OtherUsername()
    assert desk.update(token) == Updated(JANE)


def test_a_link_of_one_employment_opens_no_other_of_the_same_person(desk: Desk) -> None:
    desk.site.add_account("432JSMITH01", person_id=desk.jane().person_id)
    token = desk.mail_link()
    before = desk.jane("432JSMITH01")
    assert desk.update(token, "432JSMITH01") == OtherUsername()
    assert desk.update(token) == Updated(JANE)
    assert desk.jane("432JSMITH01") == before


@pytest.mark.parametrize("token", ["", "guess", "\ud800", "x" * 60_000, "'; DROP TABLE links;--"])
def test_a_guess_at_a_link_opens_nothing(desk: Desk, token: str) -> None:
    desk.mail_link()
    with nothing_changes(desk):
        assert desk.update(token) is LinkProblem.UNKNOWN


def test_an_unlock_link_changes_no_password(desk: Desk) -> None:
    token = desk.mail_link(Purpose.UNLOCK)
    with nothing_changes(desk):
        assert desk.update(token) is LinkProblem.UNKNOWN
    assert desk.is_live(token)


def test_a_link_is_used_once(desk: Desk) -> None:
    token = desk.mail_link()
    assert desk.update(token) == Updated(JANE)
    with nothing_changes(desk):
        assert desk.update(token, password=OTHER) is LinkProblem.USED


def test_a_newer_link_supersedes(desk: Desk) -> None:
    first, second = desk.mail_link(), desk.mail_link()
    with nothing_changes(desk):
        assert desk.update(first) is LinkProblem.SUPERSEDED
    assert desk.update(second) == Updated(JANE)


def test_a_link_lives_for_an_hour(desk: Desk) -> None:
    token = desk.mail_link()
    desk.site.clock.advance(timedelta(minutes=60))
    with nothing_changes(desk):
        assert desk.update(token) is LinkProblem.EXPIRED


def test_a_refused_link_costs_no_hash(desk: Desk) -> None:
    used = desk.mail_link()
    desk.update(used)
    before = desk.passwords.hasher.verifications
    for token in (used, "guess"):
        desk.update(token, password=OTHER)
    desk.update(desk.mail_link(), "918JDOE01", OTHER)
    assert desk.passwords.hasher.verifications == before


def test_a_link_tries_thirty_passwords_in_ten_minutes(desk: Desk) -> None:
    token = desk.mail_link()
    other = desk.site.add_account("432JDOE01")
    for _ in range(30):
        assert isinstance(desk.update(token, password="short"), NotAccepted)
    before = desk.passwords.hasher.verifications
    assert desk.update(token) == AccountThrottled(retry_after=601)
    assert desk.passwords.hasher.verifications == before
    assert isinstance(desk.update(token, "918NOBODY01"), OtherUsername)

    with desk.site.provider.database.write() as connection:
        theirs = desk.links.issue(connection, other.id, Purpose.RESET, desk.now).token
    assert isinstance(desk.update(theirs, "432JDOE01"), Updated)
    desk.site.clock.advance(timedelta(minutes=10))
    assert isinstance(desk.update(token), Updated)


def test_who_finds_the_queue_full_may_come_again_with_the_link(desk: Desk) -> None:
    hasher = Hasher(desk.site.provider.masters.pepper, threads=1, queue=0)
    passwords = replace(desk.passwords, hasher=hasher)
    token = desk.mail_link()
    with hasher.place(), nothing_changes(desk), pytest.raises(Busy):
        passwords.update(token, JANE, NEW, address=HERE)
    assert desk.update(token) == Updated(JANE)


# By their owner


def test_the_current_password_must_be_known(desk: Desk) -> None:
    session = desk.sign_in()
    with nothing_changes(desk):
        assert desk.change(desk.live(session), WRONG) == WrongPassword()
    assert desk.find(session) is not None
    failed = {"how": "changed", "cause": "wrong_password"}
    assert desk.events() == [("password.changed", "failed", session.sid, failed)]


def test_guesses_at_the_current_password_are_counted_with_those_of_the_login_page(desk: Desk) -> None:
    session = desk.live(desk.sign_in())
    for _ in range(3):
        assert desk.change(session, WRONG) == WrongPassword()
    for _ in range(3):
        assert desk.try_to_sign_in(WRONG) == Failed()
    hasher = desk.passwords.hasher
    before = hasher.verifications
    with nothing_changes(desk):
        assert desk.change(session, PASSWORD) == WrongPassword()
    assert hasher.verifications - before == 1
    assert desk.try_to_sign_in(PASSWORD) == Failed()
    assert desk.events()[-1][3] == {"how": "changed", "cause": "throttled"}
    desk.site.clock.advance(timedelta(seconds=30))
    assert isinstance(desk.change(session), Changed)


def test_a_known_browser_has_guesses_of_its_own(desk: Desk) -> None:
    signed_in = desk.try_to_sign_in()
    assert isinstance(signed_in, Entered)
    for _ in range(6):
        assert desk.try_to_sign_in(WRONG) == Failed()
    session = desk.live(signed_in.session)
    assert desk.change(session, known_device=None) == WrongPassword()
    assert isinstance(desk.change(session, known_device=signed_in.known_device), Changed)
    assert desk.guesses() == []


def test_a_right_current_password_starts_the_count_afresh_though_the_new_one_is_not_accepted(
    desk: Desk,
) -> None:
    session = desk.live(desk.sign_in())
    for _ in range(12):
        assert desk.change(session, password=PASSWORD) == NotAccepted((Failure(Rule.HISTORY),))
    assert isinstance(desk.change(session), Changed)


def test_nothing_is_told_of_a_new_password_to_who_does_not_know_the_current_one(desk: Desk) -> None:
    assert desk.change(desk.live(desk.sign_in()), WRONG, "short") == WrongPassword()


def test_an_address_that_asks_too_much_is_told_so(desk: Desk) -> None:
    session = desk.live(desk.sign_in())
    limits = replace(desk.site.provider.limits, sign_ins=RateLimit(2, timedelta(minutes=1)))
    for _ in range(2):
        assert desk.change(session, WRONG, limits=limits) == WrongPassword()
    before = desk.passwords.hasher.verifications
    with nothing_changes(desk):
        assert isinstance(desk.change(session, limits=limits), AddressThrottled)
    assert desk.passwords.hasher.verifications == before
    assert desk.guesses()[0] == 2


def test_a_corrected_typing_error_is_no_spraying(desk: Desk) -> None:
    session = desk.live(desk.sign_in())
    limits = replace(desk.site.provider.limits, names=RateLimit(1, timedelta(minutes=10)))
    desk.site.add_account("918JDOE01")
    assert desk.change(session, WRONG) == WrongPassword()
    assert isinstance(desk.change(session, limits=limits), AddressThrottled)
    assert isinstance(desk.change(session), Changed)
    assert desk.change(session, limits=limits) == WrongPassword()


def test_who_finds_the_queue_full_has_not_guessed(desk: Desk) -> None:
    hasher = Hasher(desk.site.provider.masters.pepper, threads=1, queue=0)
    passwords = replace(desk.passwords, hasher=hasher)
    session = desk.live(desk.sign_in())
    with hasher.place(), nothing_changes(desk):
        for _ in range(6):
            with pytest.raises(Busy):
                passwords.change(
                    session,
                    PASSWORD,
                    NEW,
                    address=HERE,
                    known_device=None,
                    limits=desk.site.provider.limits,
                )
    assert desk.guesses() == [0]


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.MUST_CHANGE_PASSWORD])
def test_a_session_of_an_account_that_is_not_active_changes_no_password(
    desk: Desk, state: AccountState
) -> None:
    session = desk.live(desk.sign_in())
    desk.stands(state)
    with nothing_changes(desk):
        assert desk.change(session) == WrongPassword()


# Where one is due


def test_a_new_password_makes_the_session_live(desk: Desk) -> None:
    started = desk.sign_in_due()
    assert desk.find(started) is None
    answer = desk.change_due(desk.due(started))
    assert isinstance(answer, Changed)

    assert answer.session.sid == started.sid
    assert answer.session.secret != started.secret
    assert desk.find(started) is None
    session = desk.live(answer.session)
    assert (session.account_id, session.acr, session.amr) == (desk.jane().id, "AAL1_USERPASS", ("pwd",))
    assert session.auth_time == desk.now
    assert desk.jane().state is AccountState.ACTIVE
    assert desk.events() == [("password.changed", "success", started.sid, {"how": "due", "sessions": 0})]
    assert [letter.values["how"] for letter in desk.letters()] == ["due"]
    desk.sign_in(NEW)


def test_a_due_password_may_not_come_again(desk: Desk) -> None:
    started = desk.sign_in_due()
    with nothing_changes(desk):
        answer = desk.change_due(desk.due(started), PASSWORD)
        assert answer == NotAccepted((Failure(Rule.HISTORY),))
    assert isinstance(desk.change_due(desk.due(started)), Changed)


def test_a_due_session_tries_thirty_passwords_in_ten_minutes(desk: Desk) -> None:
    new = desk.sign_in_due()
    session = desk.due(new)
    for _ in range(30):
        assert isinstance(desk.change_due(session, "short"), NotAccepted)
    assert desk.change_due(session) == AccountThrottled(retry_after=601)


def test_a_due_session_ends_when_it_was_unused_for_ten_minutes(desk: Desk) -> None:
    new = desk.sign_in_due()
    desk.site.clock.advance(timedelta(minutes=10) - timedelta(microseconds=1))
    session = desk.due(new)
    desk.site.clock.advance(timedelta(microseconds=1))
    with desk.site.provider.database.read() as connection:
        assert browser_session.find_due(connection, new.secret, desk.now) is None
    assert desk.change_due(session) == NotDue()


def test_a_password_that_was_due_gives_the_session_its_usual_life(desk: Desk) -> None:
    changed = desk.change_due(desk.due(desk.sign_in_due()))
    assert isinstance(changed, Changed)

    desk.site.clock.advance(timedelta(minutes=29))
    assert desk.find(changed.session) is not None


def test_a_password_is_due_once(desk: Desk) -> None:
    session = desk.due(desk.sign_in_due())
    assert isinstance(desk.change_due(session), Changed)
    with nothing_changes(desk):
        assert desk.change_due(session, OTHER) == NotDue()


def test_a_session_that_was_live_before_changes_no_due_password(desk: Desk) -> None:
    stolen = desk.live(desk.sign_in())
    desk.stands(AccountState.MUST_CHANGE_PASSWORD)
    with nothing_changes(desk):
        assert desk.change_due(stolen) == NotDue()


def test_a_live_session_changes_no_password_without_the_current_one(desk: Desk) -> None:
    session = desk.live(desk.sign_in())
    with nothing_changes(desk):
        assert desk.change_due(session) == NotDue()


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.LEAVER, AccountState.ACTIVE])
def test_nothing_is_due_of_an_account_in_another_state(desk: Desk, state: AccountState) -> None:
    session = desk.due(desk.sign_in_due())
    desk.stands(state)
    with nothing_changes(desk):
        assert desk.change_due(session) == NotDue()


def test_a_due_session_that_ended_meanwhile_changes_nothing(desk: Desk) -> None:
    session = desk.due(desk.sign_in_due())
    desk.site.clock.advance(timedelta(minutes=30))
    with nothing_changes(desk):
        assert desk.change_due(session) == NotDue()


@pytest.mark.parametrize("is_due", [True, False])
def test_no_password_is_changed_after_the_last_day_of_employment(desk: Desk, is_due: bool) -> None:
    state = AccountState.MUST_CHANGE_PASSWORD if is_due else AccountState.ACTIVE
    desk.site.add_account("918JDOE01", state=state, ends_on=date(2026, 11, 23))
    desk.site.clock.advance(timedelta(hours=16, minutes=50))
    signed_in = desk.try_to_sign_in(username="918JDOE01")
    assert isinstance(signed_in, Entered)
    session = desk.due(signed_in.session) if is_due else desk.live(signed_in.session)
    desk.site.clock.advance(timedelta(minutes=20))
    with nothing_changes(desk, "918JDOE01"):
        answer = desk.change_due(session) if is_due else desk.change(session)
        assert answer == (NotDue() if is_due else WrongPassword())
