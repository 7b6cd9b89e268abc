"""Every way in passes one gate, which knows what is still due."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from idp.accounts import browser_session
from idp.accounts.browser_session import NewSession
from idp.accounts.entry import Entered, Entry, Visit
from idp.accounts.post import Enclosed
from idp.accounts.sign_in import Credentials
from idp.db import account, attempt, audit
from idp.db import browser_session as session_rows
from idp.db.account import Account, AccountState
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor
from idp.policy.second_factor import Rule
from tests import enrolled, mailbox
from tests.crowd import together
from tests.site import PASSWORD as WORDS
from tests.site import Site

PASSWORD, TOTP, CODE = Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE
PASSKEY, KEY, CARD = Factor.PASSKEY, Factor.SECURITY_KEY, Factor.SMARTCARD
DUE = AccountState.MUST_CHANGE_PASSWORD


class Ward:
    """A ward with a computer, and somebody who works there."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.entry: Entry = site.provider.entry
        self.database = site.provider.database

    @property
    def jane(self) -> Account:
        return self.read("918JSMITH01")

    def rule(self, rule: Rule) -> "Ward":
        self.entry = replace(self.entry, rule=rule)
        return self

    def read(self, username: str) -> Account:
        with self.database.read() as connection:
            found = account.find(connection, username)
        assert found is not None
        return found

    def visit(self, **more: Any) -> Visit:  # noqa: ANN401 - of a visit
        usual = Visit(
            address="192.0.2.7",
            user_agent="a browser",
            known_device=None,
            trusted_device=None,
            current=None,
            request_digest=None,
            is_trusted_network=False,
            reference=self.site.provider.randomness.reference(),
        )
        return replace(usual, **more)

    def try_to_enter(self, *proved: Factor, who: Account | None = None, **more: Any) -> Entered | None:  # noqa: ANN401 - the same
        with self.database.write() as connection:
            return self.entry.enter(
                connection, who or self.jane, proved, self.visit(**more), self.site.clock.now()
            )

    def enter(self, *proved: Factor, who: Account | None = None, **more: Any) -> Entered:  # noqa: ANN401 - the same
        entered = self.try_to_enter(*proved, who=who, **more)
        assert entered is not None
        return entered

    def step_up(self, session: BrowserSession, proved: Factor, **more: Any) -> Entered | None:  # noqa: ANN401 - the same
        with self.database.write() as connection:
            visit = self.visit(**more)
            return self.entry.step_up(connection, session, proved, visit, self.site.clock.now())

    def found(self, session: NewSession) -> tuple[str, BrowserSession] | None:
        """In which of three ways the session is found; never in two."""
        kinds: dict[str, Callable[..., BrowserSession | None]] = {
            "live": browser_session.find,
            "half": browser_session.find_half,
            "due": browser_session.find_due,
        }
        with self.database.read() as connection:
            now = self.site.clock.now()
            every = {name: find(connection, session.secret, now) for name, find in kinds.items()}
        there = [(name, one) for name, one in every.items() if one is not None]
        assert len(there) <= 1
        return there[0] if there else None

    def half(self, *proved: Factor, **more: Any) -> BrowserSession:  # noqa: ANN401 - the same
        entered = self.enter(*(proved or (PASSWORD,)), **more)
        assert entered.is_half
        return self.session(entered, "half")

    def session(self, entered: Entered | None, kind: str) -> BrowserSession:
        assert entered is not None
        found = self.found(entered.session)
        assert found is not None
        assert found[0] == kind
        return found[1]

    def guesses(self) -> list[tuple[str, str, int]]:
        key = self.entry.attempts.of_person(self.jane.person_id)
        with self.database.read() as connection:
            return [(one.factor, one.bucket.value, one.n) for one in attempt.of_key(connection, key)]

    def events(self, who: Account | None = None) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            found = audit.of_account(connection, (who or self.jane).id, 50)
        return [(event.event, event.outcome) for event in reversed(found)]

    def letters(self) -> list[Enclosed]:
        return mailbox.queued(self.database.url, self.site.provider.masters)


@pytest.fixture
def ward(site: Site) -> Ward:
    return Ward(site)


def facts(session: BrowserSession) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return session.acr, session.amr, session.factors


@pytest.mark.parametrize(
    ("proved", "acr", "amr"),
    [
        ((PASSWORD,), "AAL1_USERPASS", ("pwd",)),
        ((PASSKEY,), "AAL2_ANY", ("swk", "user", "mfa")),
        ((KEY,), "AAL3_FIDO2", ("hwk", "user", "mfa")),
        ((CARD,), "AAL3_SMARTCARD", ("sc", "pin", "mfa")),
    ],
)
def test_what_was_proved_is_what_the_session_says(
    ward: Ward, proved: tuple[Factor, ...], acr: str, amr: tuple[str, ...]
) -> None:
    entered = ward.enter(*proved)
    session = ward.session(entered, "live")
    assert facts(session) == (acr, amr, tuple(factor.value for factor in proved))
    assert (entered.is_half, session.auth_time) == (False, ward.site.clock.now())
    assert ward.events() == [(f"sign_in.{proved[0].value}", "success")]
    assert ward.read("918JSMITH01").last_sign_in_at == ward.site.clock.now()


@pytest.mark.parametrize("proved", [PASSKEY, KEY, CARD])
@pytest.mark.parametrize("rule", Rule)
def test_two_factors_at_once_are_never_asked_for_a_third(ward: Ward, rule: Rule, proved: Factor) -> None:
    enrolled.app(ward.site, ward.jane.id)
    assert not ward.rule(rule).enter(proved).is_half


def test_a_password_opens_half_a_session_for_who_has_a_second_factor(ward: Ward) -> None:
    enrolled.app(ward.site, ward.jane.id)
    entered = ward.enter(PASSWORD)
    assert (entered.is_half, entered.known_device) == (True, None)
    session = ward.session(entered, "half")
    assert facts(session) == ("second_factor_due", ("pwd",), ("password",))
    assert ward.events() == [("sign_in.password", "second_factor_due")]
    assert ward.read("918JSMITH01").last_sign_in_at is None


ENROLMENTS: list[tuple[str, Callable[[Site, UUID], None], bool]] = [
    ("app", enrolled.app, True),
    ("passkey", enrolled.passkey, True),
    ("security key", enrolled.security_key, True),
    ("an app without its first code", lambda site, who: enrolled.app(site, who, is_confirmed=False), False),
    # Another way in, which nobody has to take as well.
    ("smartcard", enrolled.smartcard, False),
]


@pytest.mark.parametrize(("name", "enrol", "is_half"), ENROLMENTS, ids=[name for name, *_ in ENROLMENTS])
def test_which_factors_are_asked_for_after_a_password(
    ward: Ward, name: str, enrol: Callable[[Site, UUID], None], *, is_half: bool
) -> None:
    del name
    other = ward.site.add_account("918JDOE01")
    enrol(ward.site, other.id)
    assert not ward.enter(PASSWORD).is_half
    assert ward.enter(PASSWORD, who=other).is_half is is_half


@pytest.mark.parametrize(
    ("rule", "has_app", "inside", "is_half"),
    [
        (Rule.WHEN_ENROLLED, False, False, False),
        (Rule.WHEN_ENROLLED, True, True, True),
        (Rule.OUTSIDE, False, False, True),
        (Rule.OUTSIDE, False, True, False),
        (Rule.OUTSIDE, True, True, False),
        (Rule.OUTSIDE, True, False, True),
        (Rule.ALWAYS, False, True, True),
        (Rule.ALWAYS, True, True, True),
    ],
)
def test_the_rule_decides(ward: Ward, rule: Rule, *, has_app: bool, inside: bool, is_half: bool) -> None:
    if has_app:
        enrolled.app(ward.site, ward.jane.id)
    assert ward.rule(rule).enter(PASSWORD, is_trusted_network=inside).is_half is is_half


def trust(ward: Ward, who: UUID) -> str:
    with ward.database.write() as connection:
        now = ward.site.clock.now()
        return ward.entry.trusted_devices.trust(connection, who, user_agent="a browser", now=now)


@pytest.mark.parametrize(
    ("rule", "is_half"), [(Rule.WHEN_ENROLLED, False), (Rule.OUTSIDE, False), (Rule.ALWAYS, True)]
)
def test_a_trusted_device_spares_the_question_and_raises_nothing(
    ward: Ward, rule: Rule, *, is_half: bool
) -> None:
    enrolled.app(ward.site, ward.jane.id)
    token = trust(ward, ward.jane.id)
    ward.site.clock.advance(timedelta(days=29))
    entered = ward.rule(rule).enter(PASSWORD, trusted_device=token)
    assert entered.is_half is is_half
    if not is_half:
        assert facts(ward.session(entered, "live")) == ("AAL1_USERPASS", ("pwd",), ("password",))


def test_a_device_is_trusted_by_one_account_and_for_thirty_days(ward: Ward) -> None:
    joan = ward.site.add_account("918JDOE01")
    for who in (ward.jane, joan):
        enrolled.app(ward.site, who.id)
    token = trust(ward, joan.id)
    assert ward.enter(PASSWORD, trusted_device=token).is_half
    assert not ward.enter(PASSWORD, who=joan, trusted_device=token).is_half
    ward.site.clock.advance(timedelta(days=30))
    assert ward.enter(PASSWORD, who=joan, trusted_device=token).is_half


@pytest.mark.parametrize(
    ("proved", "acr", "amr"),
    [
        (TOTP, "AAL2_TOTP", ("pwd", "otp", "mfa")),
        (CODE, "AAL2_ANY", ("pwd", "otp", "mfa")),
        (PASSKEY, "AAL2_ANY", ("pwd", "swk", "user", "mfa")),
        (KEY, "AAL3_FIDO2", ("pwd", "hwk", "user", "mfa")),
    ],
)
def test_the_second_factor_makes_a_half_session_live_under_a_new_secret(
    ward: Ward, proved: Factor, acr: str, amr: tuple[str, ...]
) -> None:
    enrolled.app(ward.site, ward.jane.id)
    begun = ward.enter(PASSWORD)
    half = ward.session(begun, "half")
    ward.site.clock.advance(timedelta(minutes=2))
    entered = ward.step_up(half, proved)
    assert entered is not None
    assert (entered.is_half, entered.session.sid) == (False, begun.session.sid)
    assert ward.found(begun.session) is None
    live = ward.session(entered, "live")
    assert facts(live) == (acr, amr, ("password", proved.value))
    # The oldest factor's: whoever asks for a younger sign-in means all of it.
    assert live.auth_time == half.auth_time
    assert live.expires_at == half.expires_at
    assert ward.events() == [
        ("sign_in.password", "second_factor_due"),
        (f"second_factor.{proved.value}", "success"),
    ]
    assert ward.read("918JSMITH01").last_sign_in_at == ward.site.clock.now()


def test_a_half_session_is_stepped_up_once(ward: Ward) -> None:
    enrolled.app(ward.site, ward.jane.id)
    half = ward.half()
    assert ward.step_up(half, TOTP) is not None
    assert ward.step_up(half, TOTP) is None


def test_of_twelve_that_step_up_a_half_session_one_gets_it(ward: Ward) -> None:
    enrolled.app(ward.site, ward.jane.id)
    half = ward.half()
    answers = together(lambda: ward.step_up(half, TOTP))
    (entered,) = [answer for answer in answers if answer is not None]
    assert facts(ward.session(entered, "live"))[0] == "AAL2_TOTP"


def test_two_factors_proved_at_once_are_both_remembered_or_one_is_refused(ward: Ward) -> None:
    live = ward.session(ward.enter(PASSWORD), "live")
    first, second = ward.step_up(live, TOTP), ward.step_up(live, PASSKEY)
    assert second is None
    stepped_up = ward.session(first, "live")
    again = ward.session(ward.step_up(stepped_up, PASSKEY), "live")
    assert facts(again) == (
        "AAL2_TOTP",
        ("pwd", "otp", "swk", "user", "mfa"),
        ("password", "totp", "passkey"),
    )


def test_a_live_session_steps_up_and_keeps_its_age(ward: Ward) -> None:
    entered = ward.enter(PASSWORD)
    before = ward.session(entered, "live")
    ward.site.clock.advance(timedelta(minutes=20))
    stepped_up = ward.step_up(before, TOTP)
    assert stepped_up is not None
    assert (stepped_up.is_half, stepped_up.known_device) == (False, None)
    assert ward.found(entered.session) is None
    after = ward.session(stepped_up, "live")
    assert after.auth_time == before.auth_time
    assert facts(after) == ("AAL2_TOTP", ("pwd", "otp", "mfa"), ("password", "totp"))
    assert ward.events() == [("sign_in.password", "success"), ("second_factor.totp", "success")]


def test_a_factor_that_is_proved_again_is_listed_once(ward: Ward) -> None:
    live = ward.session(ward.enter(PASSWORD), "live")
    once = ward.session(ward.step_up(live, TOTP), "live")
    twice = ward.session(ward.step_up(once, TOTP), "live")
    assert facts(twice) == facts(once)


@pytest.mark.parametrize(
    "state", [state for state in AccountState if state not in {AccountState.ACTIVE, DUE}]
)
def test_no_way_leads_into_a_closed_account(ward: Ward, state: AccountState) -> None:
    closed = ward.site.add_account("918JDOE01", state=state)
    for proved in (PASSWORD, PASSKEY, KEY, CARD):
        assert ward.try_to_enter(proved, who=closed) is None
    assert ward.events(closed) == []


def test_no_way_leads_into_an_account_whose_employment_has_ended(ward: Ward) -> None:
    ended = ward.site.add_account("918JDOE01", ends_on=date(2026, 11, 22))
    for proved in (PASSWORD, PASSKEY, KEY, CARD):
        assert ward.try_to_enter(proved, who=ended) is None


@pytest.mark.parametrize("after", [AccountState.DISABLED, AccountState.LEAVER, AccountState.INACTIVE])
def test_an_account_that_was_closed_since_it_was_read_opens_nothing(ward: Ward, after: AccountState) -> None:
    enrolled.app(ward.site, ward.jane.id)
    half, read = ward.half(), ward.jane
    with ward.database.write() as connection:
        assert account.set_state(connection, read.id, AccountState.ACTIVE, after)
    assert ward.try_to_enter(CARD, who=read) is None
    assert ward.try_to_enter(PASSWORD, who=read) is None
    assert ward.step_up(half, TOTP) is None


def test_a_password_that_was_changed_since_it_was_read_opens_not_even_half_a_session(ward: Ward) -> None:
    enrolled.app(ward.site, ward.jane.id)
    half, read = ward.half(), ward.jane
    with ward.database.write() as connection:
        assert account.set_password(connection, read, "another", ward.site.clock.now())
        session_rows.end_all(connection, read.id, ward.site.clock.now())
    assert ward.try_to_enter(PASSWORD, who=read) is None
    assert ward.step_up(half, TOTP) is None


class TestADuePassword:
    def test_comes_after_the_second_factor(self, ward: Ward) -> None:
        joan = ward.site.add_account("918JDOE01", state=DUE)
        enrolled.app(ward.site, joan.id)
        half = ward.half(who=joan)
        entered = ward.step_up(half, TOTP)
        assert entered is not None
        assert not entered.is_half
        due = ward.session(entered, "due")
        assert facts(due) == ("password_due", ("pwd", "otp", "mfa"), ("password", "totp"))
        assert ward.events(joan) == [
            ("sign_in.password", "second_factor_due"),
            ("second_factor.totp", "password_change_due"),
        ]

    def test_and_the_change_leaves_the_session_what_was_proved(self, ward: Ward) -> None:
        joan = ward.site.add_account("918JDOE01", state=DUE)
        enrolled.app(ward.site, joan.id)
        due = ward.session(ward.step_up(ward.half(who=joan), TOTP), "due")
        changed = ward.site.provider.passwords.change_due(due, "Cloud.Tiger.Sock48", address="192.0.2.7")
        assert facts(ward.session(Entered(changed.session, None, is_half=False), "live")) == (  # type: ignore[union-attr]  # it was due
            "AAL2_TOTP",
            ("pwd", "otp", "mfa"),
            ("password", "totp"),
        )

    @pytest.mark.parametrize("proved", [PASSKEY, CARD])
    def test_is_due_whatever_the_way_in(self, ward: Ward, proved: Factor) -> None:
        joan = ward.site.add_account("918JDOE01", state=DUE)
        assert ward.session(ward.enter(proved, who=joan), "due").acr == "password_due"
        assert ward.events(joan) == [(f"sign_in.{proved.value}", "password_change_due")]

    def test_is_not_forgotten_by_stepping_up(self, ward: Ward) -> None:
        joan = ward.site.add_account("918JDOE01", state=DUE)
        due = ward.session(ward.enter(PASSWORD, who=joan), "due")
        assert ward.session(ward.step_up(due, TOTP), "due").factors == ("password", "totp")

    def test_that_became_due_meanwhile_is_due_after_the_second_factor(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        half = ward.half()
        with ward.database.write() as connection:
            assert account.set_state(connection, ward.jane.id, AccountState.ACTIVE, DUE)
        assert ward.session(ward.step_up(half, TOTP), "due").acr == "password_due"


class TestSessions:
    def test_signing_in_again_asks_for_all_factors_again(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        full = ward.step_up(ward.half(), TOTP)
        live = ward.session(full, "live")
        again = ward.enter(PASSWORD, current=live)
        assert ward.session(again, "half").sid == live.sid
        assert full is not None
        assert ward.found(full.session) is None
        assert facts(ward.session(ward.step_up(ward.session(again, "half"), CODE), "live")) == (
            "AAL2_ANY",
            ("pwd", "otp", "mfa"),
            ("password", "recovery_code"),
        )

    def test_a_sign_in_between_ends_what_a_half_session_waited_for(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        before = ward.half()
        ward.site.clock.advance(timedelta(seconds=1))
        ward.enter(PASSWORD, current=before)
        assert ward.step_up(before, TOTP) is None

    def test_half_a_session_waits_for_half_an_hour(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        entered = ward.enter(PASSWORD)
        half = ward.session(entered, "half")
        ward.site.clock.advance(timedelta(minutes=30))
        assert ward.found(entered.session) is None
        assert ward.step_up(half, TOTP) is None

    @pytest.mark.parametrize(
        ("proved", "minutes"), [((PASSWORD,), 30), ((PASSKEY,), 30), ((KEY,), 15), ((CARD,), 15)]
    )
    def test_the_more_it_assures_the_sooner_it_ends_unused(
        self, ward: Ward, proved: tuple[Factor, ...], minutes: int
    ) -> None:
        entered = ward.enter(*proved)
        ward.site.clock.advance(timedelta(minutes=minutes) - timedelta(seconds=1))
        session = ward.session(entered, "live")
        browser_session.keep_alive(ward.database, session, ward.entry.lifetimes, ward.site.clock.now())
        ward.site.clock.advance(timedelta(minutes=minutes) - timedelta(seconds=1))
        ward.session(entered, "live")
        ward.site.clock.advance(timedelta(seconds=1))
        assert ward.found(entered.session) is None

    def test_another_person_at_the_same_computer_ends_the_session_before(self, ward: Ward) -> None:
        joan = ward.site.add_account("918JDOE01")
        enrolled.app(ward.site, joan.id)
        jane = ward.enter(PASSWORD)
        entered = ward.enter(PASSWORD, who=joan, current=ward.session(jane, "live"))
        assert ward.found(jane.session) is None
        assert ward.session(entered, "half").account_id == joan.id


class TestWhatIsCounted:
    def count(self, ward: Ward, known_device: str | None = None) -> Entered:
        """A right password, typed at the login page."""
        visit = ward.visit(known_device=known_device)
        credentials = Credentials("918JSMITH01", WORDS, visit, ward.site.provider.limits)
        entered = ward.site.provider.sign_in.with_password(credentials)
        assert isinstance(entered, Entered)
        return entered

    def test_the_right_password_alone_ends_no_guesses(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        for _ in range(3):
            entered = self.count(ward)
        assert ward.guesses() == [("password", "unknown", 3)]
        assert ward.step_up(ward.session(entered, "half"), TOTP) is not None
        assert ward.guesses() == [("password", "unknown", 0)]

    def test_in_a_browser_that_knows_the_person_too(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        first = ward.step_up(ward.session(self.count(ward), "half"), TOTP)
        assert first is not None
        cookie = first.known_device
        second = self.count(ward, cookie)
        assert ward.guesses() == [("password", "known", 1), ("password", "unknown", 0)]
        assert ward.step_up(ward.session(second, "half"), TOTP, known_device=cookie) is not None
        assert ward.guesses() == [("password", "known", 0), ("password", "unknown", 0)]

    def test_stepping_up_later_ends_no_guesses(self, ward: Ward) -> None:
        live = ward.session(ward.enter(PASSWORD), "live")
        enrolled.app(ward.site, ward.jane.id)
        self.count(ward)
        assert ward.step_up(live, TOTP) is not None
        assert ward.guesses() == [("password", "unknown", 1)]

    def test_a_card_says_nothing_of_the_password(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        self.count(ward)
        ward.enter(CARD)
        assert ward.guesses() == [("password", "unknown", 1)]


class TestADevice:
    def test_is_known_once_all_that_is_due_is_done(self, ward: Ward) -> None:
        enrolled.app(ward.site, ward.jane.id)
        entered = ward.step_up(ward.half(), TOTP)
        assert entered is not None
        now = ward.site.clock.now()
        assert ward.entry.known_devices.knows(entered.known_device, ward.jane.person_id, now)

    def test_that_is_new_is_told_of_from_the_second_time_on(self, ward: Ward) -> None:
        ward.enter(PASSWORD)
        assert ward.letters() == []
        ward.site.clock.advance(timedelta(minutes=5))
        ward.enter(PASSWORD, user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
        (letter,) = ward.letters()
        assert (letter.letter, letter.to, letter.language) == (
            "new_device",
            "918jsmith01@example.nhs.uk",
            "en",
        )
        assert letter.values == {
            "name": "Jane Smith",
            "username": "918JSMITH01",
            "employer": "NHS Blood and Transplant",
            "at": "2026-11-23T07:05:00+00:00",
            "device": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            "account_page": "https://id.example.nhs.uk/account",
            "forgotten": "https://id.example.nhs.uk/forgotten",
            "service_desk": "0117 496 0000",
        }
        assert "What the browser calls itself: Mozilla/5.0 (X11; Linux" in mailbox.text(letter)

    def test_that_says_nothing_of_itself_can_be_told_of(self, ward: Ward) -> None:
        ward.enter(PASSWORD)
        ward.enter(PASSWORD, user_agent=None)
        (letter,) = ward.letters()
        assert "What the browser calls itself: -" in mailbox.text(letter)

    def test_that_is_known_is_no_news(self, ward: Ward) -> None:
        cookie = ward.enter(PASSWORD).known_device
        ward.enter(PASSWORD, known_device=cookie)
        ward.enter(CARD, known_device=cookie)
        assert ward.letters() == []

    def test_is_news_only_when_nothing_is_due_any_more(self, ward: Ward) -> None:
        ward.enter(CARD)
        enrolled.app(ward.site, ward.jane.id)
        half = ward.half()
        assert ward.letters() == []
        ward.step_up(half, TOTP)
        assert [letter.letter for letter in ward.letters()] == ["new_device"]

    def test_is_news_to_a_person_in_whichever_account(self, ward: Ward) -> None:
        other = ward.site.add_account("432JSMITH01", person_id=ward.jane.person_id)
        ward.enter(PASSWORD)
        ward.enter(PASSWORD, who=other)
        assert [letter.values["username"] for letter in ward.letters()] == ["432JSMITH01"]

    def test_stepping_up_a_live_session_is_no_news(self, ward: Ward) -> None:
        live = ward.session(ward.enter(PASSWORD), "live")
        ward.step_up(live, TOTP)
        assert ward.letters() == []
