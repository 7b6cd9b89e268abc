"""Codes prove a second factor once each, however many come together, and guesses at them are few."""

import io
import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import ColumnElement, Select, select, update

from idp.accounts import browser_session
from idp.accounts.attempt import AddressThrottled
from idp.accounts.mfa import Ended, NotProved, Proved
from idp.accounts.sign_in import Failed
from idp.db.browser_session import BrowserSession
from idp.db.engine import migration_engine
from idp.db.recovery_code import recovery_codes
from idp.db.totp_device import totp_devices
from idp.policy.assurance import Factor
from idp.policy.rate import RateLimit
from idp.policy.second_factor import Rule
from idp.services import logs
from tests.accounts.second_factors import JANE, Desk, Telephone, build
from tests.crowd import together
from tests.site import Site

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def desk(site: Site) -> Desk:
    return build(site)


def proved(outcome: object) -> Proved:
    assert isinstance(outcome, Proved), outcome
    return outcome


def found(desk: Desk, outcome: object) -> BrowserSession:
    session = desk.live(proved(outcome).entered.session)
    assert session is not None
    return session


class TestTotp:
    def test_a_code_makes_a_half_session_live_under_a_new_secret(self, desk: Desk) -> None:
        telephone = desk.add_app()
        entered = desk.sign_in()
        assert entered.is_half
        assert entered.known_device is None
        half = desk.half(entered.session)
        assert half is not None
        outcome = proved(desk.prove(half, telephone.code(desk.site)))
        session = found(desk, outcome)
        assert (session.sid, session.acr, session.amr) == (half.sid, "AAL2_TOTP", ("pwd", "otp", "mfa"))
        assert outcome.entered.known_device is not None
        assert desk.half(entered.session) is None
        assert desk.live(entered.session) is None

    def test_the_same_code_is_refused_a_second_time(self, desk: Desk) -> None:
        telephone = desk.add_app()
        first, second = desk.half_session(), desk.half_session()
        code = telephone.code(desk.site)
        proved(desk.prove(first, code))
        assert isinstance(desk.prove(second, code), NotProved)
        assert desk.events("second_factor.totp")[-1] == (
            "second_factor.totp",
            "failed",
            {"cause": "used_code"},
        )

    def test_of_one_code_twelve_times_at_once_one_succeeds(self, desk: Desk) -> None:
        telephone = desk.add_app()
        sessions = [desk.half_session() for _ in range(12)]
        code = telephone.code(desk.site)
        turns = iter(sessions)
        outcomes = together(lambda: desk.prove(next(turns), code))
        assert Counter(type(outcome) for outcome in outcomes) == {Proved: 1, NotProved: 11}

    def test_of_one_code_twelve_times_at_once_in_one_session_one_succeeds(self, desk: Desk) -> None:
        telephone = desk.add_app()
        session = desk.half_session()
        code = telephone.code(desk.site)
        outcomes = together(lambda: desk.prove(session, code))
        assert Counter(type(outcome) for outcome in outcomes)[Proved] == 1

    @pytest.mark.parametrize(
        ("steps", "is_right"),
        [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False), (3, False)],
    )
    def test_a_clock_may_be_one_step_off(self, desk: Desk, *, steps: int, is_right: bool) -> None:
        telephone = desk.add_app()
        outcome = desk.prove(desk.half_session(), telephone.code(desk.site, steps))
        assert isinstance(outcome, Proved) is is_right

    def test_no_code_from_before_the_last_one_is_right(self, desk: Desk) -> None:
        telephone = desk.add_app()
        sessions = [desk.half_session() for _ in range(4)]
        codes = [telephone.code(desk.site, steps) for steps in (1, 0, -1)]
        outcomes = [desk.prove(session, code) for session, code in zip(sessions, codes, strict=False)]
        assert [type(outcome) for outcome in outcomes] == [Proved, NotProved, NotProved]
        desk.site.clock.advance(timedelta(seconds=60))
        proved(desk.prove(sessions[3], telephone.code(desk.site)))

    @pytest.mark.parametrize("seconds", [-90, 90])
    def test_a_clock_that_is_wrong_is_an_alarm_and_opens_nothing(self, desk: Desk, seconds: int) -> None:
        telephone = desk.add_app()
        session = desk.half_session()
        code = telephone.code(desk.site)
        desk.site.clock.advance(timedelta(seconds=seconds))
        written = logged(lambda: desk.prove(session, code))
        assert "totp_clock_off" in written
        assert code not in written
        steps = -seconds // 30
        assert desk.events("second_factor.totp") == [
            ("second_factor.totp", "failed", {"cause": "clock_off", "steps": steps})
        ]

    def test_a_wrong_code_is_no_alarm(self, desk: Desk) -> None:
        telephone = desk.add_app()
        session = desk.half_session()
        assert "totp_clock_off" not in logged(lambda: desk.prove(session, telephone.wrong(desk.site)))

    def test_the_code_of_another_person_is_wrong(self, desk: Desk) -> None:
        desk.site.add_account("918JDOE01")
        desk.add_app()
        others = desk.add_app("918JDOE01")
        assert isinstance(desk.prove(desk.half_session(), others.code(desk.site)), NotProved)

    def test_any_of_several_apps_will_do_each_with_its_own_steps(self, desk: Desk) -> None:
        first, second = desk.add_app(name="Telephone"), desk.add_app(name="Tablet")
        for telephone in (second, first):
            proved(desk.prove(desk.half_session(), telephone.code(desk.site)))

    def test_a_secret_that_cannot_be_read_shuts_out_its_own_app_alone(self, desk: Desk) -> None:
        bad, good = desk.add_app(), desk.add_app(name="Tablet")
        with migration_engine(desk.site.provider.database.url).begin() as connection:
            (sealed,) = connection.execute(_sealed_of(good)).one()
            # Swapped from another row: what a thief who can write would try.
            connection.execute(update(totp_devices).where(_is(bad)).values(sealed=sealed))
        session = desk.half_session()
        for code in (bad.code(desk.site), bad.wrong(desk.site)):
            assert isinstance(desk.prove(session, code), NotProved)
        proved(desk.prove(session, good.code(desk.site)))


class TestGuessing:
    def test_after_five_wrong_codes_the_right_one_is_not_heard_until_an_hour_has_gone(
        self, desk: Desk
    ) -> None:
        telephone = desk.add_app()
        session = desk.half_session()
        for _ in range(12):
            assert isinstance(desk.prove(session, telephone.wrong(desk.site)), NotProved)
        assert isinstance(desk.prove(session, telephone.code(desk.site)), NotProved)
        assert desk.events("second_factor.totp")[-1][2] == {"cause": "throttled"}
        desk.site.clock.advance(HOUR)
        proved(desk.prove(desk.half_session(), telephone.code(desk.site)))
        assert desk.guesses() == []

    def test_a_right_password_is_no_fresh_start(self, desk: Desk) -> None:
        telephone = desk.add_app()
        for _ in range(6):
            session = desk.half_session()
            for _ in range(3):
                desk.prove(session, telephone.wrong(desk.site))
        assert desk.guesses() == [5], "what is not heard is not counted"
        assert isinstance(desk.prove(desk.half_session(), telephone.code(desk.site)), NotProved)

    def test_wrong_codes_do_not_wait_for_passwords_nor_passwords_for_codes(self, desk: Desk) -> None:
        telephone = desk.add_app()
        session = desk.half_session()
        for _ in range(5):
            desk.prove(session, telephone.wrong(desk.site))
        assert desk.half_session() is not None
        for _ in range(7):
            assert desk.try_to_sign_in(password="Wrong.Horse.Lamp19") == Failed()
        assert desk.guesses() == [5]

    def test_a_password_stays_counted_until_the_code_has_come(self, desk: Desk) -> None:
        telephone = desk.add_app()
        for _ in range(3):
            desk.try_to_sign_in(password="Wrong.Horse.Lamp19")
        session = desk.half_session(is_counted=True)
        assert desk.guesses("password") == [4]
        proved(desk.prove(session, telephone.code(desk.site)))
        assert desk.guesses("password") == []

    def test_a_stranger_with_the_password_is_heard_ten_times_a_day(self, desk: Desk) -> None:
        telephone = desk.add_app()
        heard = 0
        for _ in range(24 * 4):
            session = desk.half_session()
            before = sum(desk.guesses())
            desk.prove(session, telephone.wrong(desk.site))
            desk.prove(session, telephone.wrong(desk.site))
            heard += sum(desk.guesses()) - before
            desk.site.clock.advance(timedelta(minutes=15))
        assert heard == 10

    def test_the_owner_s_own_device_is_counted_apart(self, desk: Desk) -> None:
        telephone = desk.add_app()
        known = proved(desk.prove(desk.half_session(), telephone.code(desk.site))).entered.known_device
        session = desk.half_session()
        for _ in range(6):
            desk.prove(session, telephone.wrong(desk.site))
        desk.site.clock.advance(timedelta(minutes=1))
        at_home = desk.visit(known_device=known)
        proved(desk.prove(desk.half_session(), telephone.code(desk.site), at_home))

    def test_an_address_may_try_thirty_times_in_ten_minutes(self, desk: Desk) -> None:
        telephone = desk.add_app()
        session = desk.half_session()
        outcomes = [desk.prove(session, telephone.wrong(desk.site)) for _ in range(31)]
        assert isinstance(outcomes[29], NotProved)
        assert isinstance(outcomes[30], AddressThrottled)
        assert outcomes[30].retry_after > 0

    def test_a_hospital_s_address_may_try_ten_times_as_often(self, desk: Desk) -> None:
        telephone = desk.add_app()
        gate = replace(desk.mfa.gate, limit=RateLimit(1, timedelta(minutes=10)))
        desk = replace(desk, mfa=replace(desk.mfa, gate=gate))
        session = desk.half_session()
        visit = desk.visit(inside=True)
        outcomes = [desk.prove(session, telephone.wrong(desk.site), visit) for _ in range(11)]
        assert [isinstance(outcome, AddressThrottled) for outcome in outcomes] == [False] * 10 + [True]

    def test_the_answer_names_what_the_audit_log_knows(self, desk: Desk) -> None:
        telephone = desk.add_app()
        visit = desk.visit()
        assert desk.prove(desk.half_session(), telephone.wrong(desk.site), visit) == NotProved(
            visit.reference
        )


class TestRecoveryCodes:
    def test_a_code_is_right_once(self, desk: Desk) -> None:
        desk.add_app()
        codes = desk.add_codes()
        session = found(desk, desk.recover(desk.half_session(), codes[3]))
        assert (session.acr, session.amr) == ("AAL2_ANY", ("pwd", "otp", "mfa"))
        assert isinstance(desk.recover(desk.half_session(), codes[3]), NotProved)
        assert desk.events("second_factor.recovery_code")[-1][2] == {"cause": "used_code"}
        proved(desk.recover(desk.half_session(), codes[9]))

    def test_of_one_code_twelve_times_at_once_one_succeeds(self, desk: Desk) -> None:
        desk.add_app()
        codes = desk.add_codes()
        sessions = iter([desk.half_session() for _ in range(12)])
        outcomes = together(lambda: desk.recover(next(sessions), codes[0]))
        assert Counter(type(outcome) for outcome in outcomes) == {Proved: 1, NotProved: 11}

    def test_twelve_wrong_codes_stop_the_right_one(self, desk: Desk) -> None:
        desk.add_app()
        codes = desk.add_codes()
        session = desk.half_session()
        for _ in range(12):
            assert isinstance(desk.recover(session, "3-00000-00000-00000-0"), NotProved)
        assert isinstance(desk.recover(session, codes[3]), NotProved)
        assert desk.guesses("recovery_code") == [5]
        assert desk.guesses("totp") == []

    def test_a_wrong_code_costs_one_hash_whether_or_not_there_are_any(self, desk: Desk) -> None:
        desk.add_app()
        hasher = desk.mfa.recovery_codes.hasher
        session = desk.half_session()
        for _ in range(2):
            before = hasher.verifications
            desk.recover(session, "3-00000-00000-00000-0")
            assert hasher.verifications == before + 1
            desk.add_codes()

    def test_are_hashed_like_passwords_each_with_its_own_salt(self, desk: Desk) -> None:
        codes = desk.add_codes()
        with migration_engine(desk.site.provider.database.url).connect() as connection:
            hashes = list(connection.execute(select(recovery_codes.c.code_hash)).scalars())
        assert len(hashes) == 10
        for code in codes:
            assert code not in str(hashes)
            assert code.replace("-", "") not in str(hashes)
        salts = [
            re.fullmatch(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=1\$([^$]{22})\$[^$]{43}", each) for each in hashes
        ]
        assert len({salt[1] for salt in salts if salt is not None}) == 10

    def test_codes_of_another_account_are_wrong(self, desk: Desk) -> None:
        desk.site.add_account("918JDOE01")
        desk.add_app()
        desk.add_codes()
        others = desk.add_codes("918JDOE01")
        assert isinstance(desk.recover(desk.half_session(), others[0]), NotProved)

    def test_without_a_factor_they_stand_in_for_nothing(self, desk: Desk) -> None:
        codes = desk.add_codes()
        assert isinstance(desk.recover(desk.live_session(), codes[0]), NotProved)

    def test_the_codes_are_unlike_and_long(self, desk: Desk) -> None:
        codes = desk.add_codes()
        assert [code[0] for code in codes] == list("0123456789")
        assert len({code[2:] for code in codes}) == 10
        assert {len(code) for code in codes} == {21}


class TestTheSession:
    def test_which_was_ended_meanwhile_is_not_stepped_up_and_no_code_is_lost(self, desk: Desk) -> None:
        telephone = desk.add_app()
        session, other = desk.half_session(), desk.half_session()
        with desk.site.provider.database.write() as connection:
            browser_session.end(connection, session, address=None, client_id=None, now=desk.site.clock.now())
        code = telephone.code(desk.site)
        assert desk.prove(session, code) == Ended()
        proved(desk.prove(other, code))

    def test_which_is_live_is_stepped_up_too(self, desk: Desk) -> None:
        live = desk.live_session()
        telephone = desk.add_app()
        desk.site.clock.advance(timedelta(minutes=20))
        session = found(desk, desk.prove(live, telephone.code(desk.site)))
        assert (session.acr, session.auth_time) == ("AAL2_TOTP", live.auth_time)


class TestWays:
    def test_are_none_without_a_factor(self, desk: Desk) -> None:
        desk.add_codes()
        assert desk.mfa.ways(desk.jane().id) == ()

    def test_are_the_app_and_the_codes_that_are_left(self, desk: Desk) -> None:
        desk.add_app()
        assert desk.mfa.ways(desk.jane().id) == (Factor.TOTP,)
        desk.add_codes()
        assert desk.mfa.ways(desk.jane().id) == (Factor.TOTP, Factor.RECOVERY_CODE)


class TestTrustedDevices:
    def test_spare_the_code_for_thirty_days(self, desk: Desk) -> None:
        telephone = desk.add_app()
        token = proved(desk.prove(desk.half_session(), telephone.code(desk.site), trust=True)).trusted
        assert token is not None
        desk.site.clock.advance(30 * DAY - timedelta(seconds=1))
        assert not desk.sign_in(visit=desk.visit(trusted_device=token)).is_half
        assert desk.sign_in().is_half
        desk.site.clock.advance(timedelta(seconds=1))
        assert desk.sign_in(visit=desk.visit(trusted_device=token)).is_half

    def test_are_trusted_only_when_asked_and_only_when_policy_lets_one_ask(self, desk: Desk) -> None:
        telephone = desk.add_app()
        assert proved(desk.prove(desk.half_session(), telephone.code(desk.site))).trusted is None
        always = replace(desk, mfa=replace(desk.mfa, entry=replace(desk.mfa.entry, rule=Rule.ALWAYS)))
        desk.site.clock.advance(timedelta(minutes=1))
        assert not always.mfa.may_trust
        outcome = always.prove(desk.half_session(), telephone.code(desk.site), trust=True)
        assert proved(outcome).trusted is None

    def test_are_those_of_one_account(self, desk: Desk) -> None:
        desk.site.add_account("918JDOE01")
        desk.add_app("918JDOE01")
        telephone = desk.add_app()
        token = proved(desk.prove(desk.half_session(JANE), telephone.code(desk.site), trust=True)).trusted
        assert desk.sign_in("918JDOE01", desk.visit(trusted_device=token)).is_half


def logged(work: Callable[[], object]) -> str:
    """What is logged while this is done."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream, "DEBUG")
    try:
        work()
    finally:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
    return stream.getvalue()


def _is(telephone: Telephone) -> ColumnElement[bool]:
    return totp_devices.c.id == telephone.device_id


def _sealed_of(telephone: Telephone) -> Select[tuple[bytes]]:
    return select(totp_devices.c.sealed).where(_is(telephone))
