"""What owners change of their factors needs all of them and is told to them; and the desk's reset."""

from datetime import timedelta

import pytest

from idp.accounts import browser_session
from idp.accounts.factors import Reset, read_name
from idp.accounts.mfa import NotProved, Proved
from idp.accounts.permission import Withheld
from idp.db import recovery_code, trusted_device
from idp.db.browser_session import BrowserSession
from idp.policy.enrolment import Permission
from tests.accounts.second_factors import HERE, Desk, Telephone, build
from tests.site import Site

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(site: Site) -> Desk:
    return build(site)


@pytest.fixture
def telephone(desk: Desk) -> Telephone:
    return desk.add_app()


def proved(desk: Desk, telephone: Telephone, *, trust: bool = False) -> tuple[BrowserSession, str | None]:
    """A session that has just proved both factors."""
    desk.site.clock.advance(MINUTE)
    outcome = desk.prove(desk.half_session(), telephone.code(desk.site), trust=trust)
    assert isinstance(outcome, Proved), outcome
    session = desk.live(outcome.entered.session)
    assert session is not None
    return session, outcome.trusted


class TestNewRecoveryCodes:
    def test_are_the_end_of_the_old_and_told_to_the_owner(self, desk: Desk, telephone: Telephone) -> None:
        old = desk.add_codes()
        session, _ = proved(desk, telephone)
        codes = desk.factors.make_recovery_codes(session, address=HERE)
        assert isinstance(codes, tuple)
        assert len(codes) == 10
        assert isinstance(desk.recover(desk.half_session(), old[0]), NotProved)
        assert isinstance(desk.recover(desk.half_session(), codes[0]), Proved)
        (letter,) = desk.letters_about("factor_added")
        assert letter.values["factor"] == "recovery_codes"
        assert desk.events("factor.added") == [
            ("factor.added", "success", {"factor": "recovery_codes", "label": None})
        ]

    def test_need_a_proof_of_all_factors_just_now(self, desk: Desk, telephone: Telephone) -> None:
        assert desk.factors.make_recovery_codes(desk.half_session(), address=HERE) == Withheld(
            Permission.PROVE
        )
        session, _ = proved(desk, telephone)
        desk.site.clock.advance(5 * MINUTE)
        assert desk.factors.make_recovery_codes(session, address=HERE) == Withheld(Permission.LOG_IN)
        with desk.site.provider.database.read() as connection:
            assert recovery_code.left(connection, desk.jane().id) == 0

    def test_are_not_made_in_a_session_that_has_ended(self, desk: Desk, telephone: Telephone) -> None:
        session, _ = proved(desk, telephone)
        end(desk, session)
        assert desk.factors.make_recovery_codes(session, address=HERE) == Withheld(Permission.LOG_IN)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Work   telephone ", "Work telephone"),
        ("Ffôn", "Ffôn"),
        ("x" * 60, "x" * 60),
        ("x" * 61, None),
        ("", None),
        (" \t\n", None),
        ("a\x00b", None),
        ("a\u202eb", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_name_is_a_short_line(typed: str, name: str | None) -> None:
    assert read_name(typed) == name


class TestTheReset:
    def test_removes_every_factor_ends_every_session_and_is_told(
        self, desk: Desk, telephone: Telephone
    ) -> None:
        desk.add_app(name="Tablet")
        desk.add_codes()
        session, _ = proved(desk, telephone, trust=True)
        for _ in range(3):
            desk.prove(session, telephone.wrong(desk.site))
        assert desk.reset() == Reset(apps=2, passkeys=0, recovery_codes=10, sessions=1)
        assert desk.mfa.ways(desk.jane().id) == ()
        assert desk.guesses() == []
        with desk.site.provider.database.read() as connection:
            assert trusted_device.of_account(connection, desk.jane().id, desk.site.clock.now()) == []
        (letter,) = desk.letters_about("factor_removed")
        assert letter.values["factor"] == "all"
        assert desk.events("account.factors_reset") == [
            (
                "account.factors_reset",
                "success",
                {"username": "918JSMITH01", "apps": 2, "passkeys": 0, "sessions": 1},
            )
        ]

    def test_of_nothing_does_nothing(self, desk: Desk) -> None:
        session = desk.live_session()
        assert desk.reset() is None
        assert desk.letters() == []
        assert session is not None

    def test_leaves_other_accounts_alone(self, desk: Desk, telephone: Telephone) -> None:
        desk.site.add_account("918JDOE01", person_id=desk.jane().person_id)
        desk.add_app("918JDOE01")
        assert desk.reset() is not None
        assert desk.mfa.ways(desk.jane("918JDOE01").id) != ()
        assert telephone is not None


def end(desk: Desk, session: BrowserSession) -> None:
    with desk.site.provider.database.write() as connection:
        browser_session.end(connection, session, address=None, client_id=None, now=desk.site.clock.now())
