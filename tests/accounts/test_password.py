"""New passwords: what is accepted, what a link may do, and what a new password ends."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from idp.accounts import browser_session
from idp.accounts.attempt import AddressThrottled, Limits
from idp.accounts.browser_session import NewSession
from idp.accounts.link import PASSWORD_PURPOSES, Link, LinkProblem, Links
from idp.accounts.password import (
    Changed,
    NotAccepted,
    NotDue,
    OtherUsername,
    Passwords,
    Updated,
    WrongPassword,
)
from idp.accounts.sign_in import Credentials, Failed, SignedIn
from idp.db import account, attempt, audit, password_history
from idp.db.account import Account, AccountState
from idp.db.attempt import Bucket
from idp.db.browser_session import BrowserSession
from idp.db.engine import migration_engine
from idp.db.link import Purpose
from idp.db.person import people
from idp.policy.password import PROFILES, Failure, Rule
from idp.policy.rate import RateLimit
from idp.services.hashing import Busy, Hasher
from tests import mailbox
from tests.crowd import together
from tests.site import PASSWORD, Site

JANE = "918JSMITH01"
NEW = "Cloud.Tiger.Sock48"
OTHER = "Pencil-Wagon-Fish7"
WRONG = "Wrong.Horse.Lamp19"
HERE = "192.0.2.7"
TOO_LONG = "ab" * 600


@dataclass
class Desk:
    """Jane Smith, her mailbox and her browsers, and the service of new passwords."""

    site: Site
    passwords: Passwords
    links: Links

    @property
    def now(self) -> Any:  # noqa: ANN401 - a datetime; pytest compares it
        return self.site.clock.now()

    def jane(self, username: str = JANE) -> Account:
        with self.site.provider.database.read() as connection:
            found = account.find(connection, username)
        assert found is not None
        return found

    def stands(self, state: AccountState) -> None:
        with self.site.provider.database.write() as connection:
            before = account.find(connection, JANE)
            assert before is not None
            assert account.set_state(connection, before.id, before.state, state)

    def mail_link(self, purpose: Purpose = Purpose.RESET) -> str:
        with self.site.provider.database.write() as connection:
            return self.links.issue(connection, self.jane().id, purpose, self.now).token

    def link(self, token: str) -> Link | LinkProblem:
        with self.site.provider.database.read() as connection:
            return self.links.find(connection, token, frozenset(Purpose), self.now)

    def is_live(self, token: str) -> bool:
        return isinstance(self.link(token), Link)

    def update(self, token: str, username: str = JANE, password: str = NEW) -> object:
        return self.passwords.update(token, username, password, address=HERE)

    def change(
        self,
        session: BrowserSession,
        current: str = PASSWORD,
        password: str = NEW,
        *,
        known_device: str | None = None,
        limits: Limits | None = None,
        address: str = HERE,
    ) -> Changed | NotAccepted | WrongPassword | AddressThrottled:
        return self.passwords.change(
            session,
            current,
            password,
            address=address,
            known_device=known_device,
            limits=limits or self.site.provider.limits,
        )

    def change_due(self, session: BrowserSession, password: str = NEW) -> Changed | NotAccepted | NotDue:
        return self.passwords.change_due(session, password, address=HERE)

    def try_to_sign_in(self, password: str = PASSWORD, username: str = JANE) -> object:
        return self.site.provider.sign_in.with_password(
            Credentials(
                username=username,
                password=password,
                address="198.51.100.4",
                user_agent="a browser",
                known_device=None,
                current=None,
                request_digest=None,
                limits=self.site.provider.limits,
                reference=self.site.provider.randomness.reference(),
            )
        )

    def sign_in(self, password: str = PASSWORD) -> NewSession:
        signed_in = self.try_to_sign_in(password)
        assert isinstance(signed_in, SignedIn)
        return signed_in.session

    def find(self, session: NewSession) -> BrowserSession | None:
        with self.site.provider.database.read() as connection:
            return browser_session.find(connection, session.secret, self.now)

    def live(self, session: NewSession) -> BrowserSession:
        found = self.find(session)
        assert found is not None
        return found

    def due(self, session: NewSession) -> BrowserSession:
        with self.site.provider.database.read() as connection:
            found = browser_session.find_due(connection, session.secret, self.now)
        assert found is not None
        return found

    def sign_in_due(self) -> NewSession:
        self.stands(AccountState.MUST_CHANGE_PASSWORD)
        return self.sign_in()

    def events(self, *names: str) -> list[tuple[str, str, UUID | None, object]]:
        wanted = names or ("password.changed", "account.activated")
        with self.site.provider.database.read() as connection:
            found = audit.of_account(connection, self.jane().id, 50)
        return [
            (event.event, event.outcome, event.sid, event.detail)
            for event in reversed(found)
            if event.event in wanted
        ]

    def letters(self) -> list[Any]:
        return mailbox.queued(self.site.provider.database.url, self.site.provider.masters)

    def guesses(self, factor: str = "password") -> list[int]:
        key = self.site.provider.sign_in.attempts.of_person(self.jane().person_id)
        with self.site.provider.database.read() as connection:
            return [row.n for row in attempt.of_key(connection, key) if row.factor == factor]

    def guess(self, factor: str) -> None:
        provider = self.site.provider
        key = provider.sign_in.attempts.of_person(self.jane().person_id)
        with provider.database.write() as connection:
            attempt.count(connection, provider.sign_in.attempts.rule, key, factor, Bucket.KNOWN, self.now)


@pytest.fixture
def desk(site: Site) -> Desk:
    passwords = replace(site.provider.passwords, more_words=("Payroll",))
    return Desk(site, passwords, site.provider.links)


@contextmanager
def nothing_changes(desk: Desk, username: str = JANE) -> Iterator[None]:
    def succeeded() -> list[object]:
        return [event for event in desk.events() if event[1] == "success"]

    before, letters, events = desk.jane(username), len(desk.letters()), succeeded()
    yield
    assert desk.jane(username) == before
    assert len(desk.letters()) == letters
    assert succeeded() == events


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


def test_who_finds_the_queue_full_may_come_again_with_the_link(desk: Desk) -> None:
    hasher = Hasher(desk.site.provider.masters.pepper, threads=1, queue=0)
    passwords = replace(desk.passwords, hasher=hasher)
    token = desk.mail_link()
    with hasher.place(), nothing_changes(desk), pytest.raises(Busy):
        passwords.update(token, JANE, NEW, address=HERE)
    assert desk.update(token) == Updated(JANE)


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


# What happens while one waits for one's turn


class Queue(Hasher):
    """A hash queue in which something happens, once, while a new password is hashed."""

    def __init__(self, pepper: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(pepper)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def make(self, pool: Any, password: str) -> str:  # noqa: ANN401 - private to its parent
        made = super().make(pool, password)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return made


def while_it_waits(desk: Desk, meanwhile: Callable[[], object]) -> Desk:
    hasher = Queue(desk.site.provider.masters.pepper, meanwhile)
    return replace(desk, passwords=replace(desk.passwords, hasher=hasher))


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


# By their owner


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
    assert [letter.values["how"] for letter in desk.letters()] == ["changed"]
    desk.sign_in(NEW)
    assert desk.try_to_sign_in(PASSWORD) == Failed()


def test_a_change_ends_links_that_wait_in_the_mailbox(desk: Desk) -> None:
    token = desk.mail_link()
    assert isinstance(desk.change(desk.live(desk.sign_in())), Changed)
    assert desk.link(token) is LinkProblem.SUPERSEDED


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
    assert isinstance(signed_in, SignedIn)
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


def test_a_new_password_ends_what_was_open_before_it_was_due(desk: Desk) -> None:
    tokens, elsewhere = desk.site.tokens(), desk.sign_in()
    assert isinstance(desk.change_due(desk.due(desk.sign_in_due())), Changed)
    assert desk.find(elsewhere) is None
    assert desk.site.refresh(tokens["refresh_token"]).status_code == 400


def test_a_due_password_may_not_come_again(desk: Desk) -> None:
    started = desk.sign_in_due()
    with nothing_changes(desk):
        answer = desk.change_due(desk.due(started), PASSWORD)
        assert answer == NotAccepted((Failure(Rule.HISTORY),))
    assert isinstance(desk.change_due(desk.due(started)), Changed)


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


def test_a_reset_ends_the_session_of_the_due_password(desk: Desk) -> None:
    session = desk.due(desk.sign_in_due())
    assert desk.update(desk.mail_link()) == Updated(JANE)
    with nothing_changes(desk):
        assert desk.change_due(session, OTHER) == NotDue()


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
    assert isinstance(signed_in, SignedIn)
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
    opened = [answer.session for answer in answers if isinstance(answer, SignedIn)]
    assert Counter(map(type, answers))[Updated] == 1
    for session in opened:
        assert desk.find(session) is None
    with desk.site.provider.database.read() as connection:
        assert [browser_session.find_due(connection, each.secret, desk.now) for each in opened] == [
            None for _ in opened
        ]
