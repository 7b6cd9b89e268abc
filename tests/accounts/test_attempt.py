"""Guesses are counted and delayed before anyone looks at them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from idp.accounts.attempt import AddressThrottled, Attempts, Heard, Limits
from idp.db import Database, account, attempt
from idp.db.attempt import Bucket
from idp.db.cleanup import sweep
from idp.policy.lockout import LockoutRule
from idp.policy.rate import RateLimit
from tests.crowd import together
from tests.site import Site

GENEROUS = Limits(
    login_pages=RateLimit(1_000_000, timedelta(minutes=1)),
    sign_ins=RateLimit(1_000_000, timedelta(minutes=1)),
    names=RateLimit(1_000_000, timedelta(minutes=10)),
)
WARD, ELSEWHERE = b"a" * 32, b"b" * 32


@dataclass
class Gate:
    """The gate with its arguments filled in."""

    database: Database
    now: datetime
    attempts: Attempts
    limits: Limits = GENEROUS

    def guess(
        self, name: str = "918JSMITH01", bucket: Bucket = Bucket.UNKNOWN, address: bytes = WARD
    ) -> Heard | AddressThrottled:
        with self.database.write() as connection:
            return self.attempts.count(
                connection,
                whose=self.attempts.of_name(name),
                factor="password",
                bucket=bucket,
                address=address,
                limits=self.limits,
                stranger=True,
                now=self.now,
            )

    def is_heard(self, name: str = "918JSMITH01", bucket: Bucket = Bucket.UNKNOWN) -> bool:
        answer = self.guess(name, bucket)
        assert isinstance(answer, Heard)
        return answer.is_heard

    def succeed(self, bucket: Bucket, name: str = "918JSMITH01") -> None:
        with self.database.write() as connection:
            attempt.succeeded(connection, self.attempts.of_name(name), "password", bucket, self.now)


@pytest.fixture
def gate(database: Database, now: datetime) -> Gate:
    return Gate(database, now, Attempts(b"k" * 32, LockoutRule()))


def test_a_stranger_who_never_rests_is_heard_13_times_in_the_first_hour(gate: Gate) -> None:
    heard = 0
    for _ in range(360):
        heard += gate.is_heard()
        gate.now += timedelta(seconds=10)
    assert heard == 13


def test_the_delays_are_those_of_the_rule(gate: Gate) -> None:
    assert [gate.is_heard() for _ in range(7)] == [True] * 6 + [False]
    for seconds in (30, 60, 120, 240, 480, 900, 900):
        gate.now += timedelta(seconds=seconds - 1)
        assert not gate.is_heard()
        gate.now += timedelta(seconds=1)
        assert gate.is_heard()


def test_a_guess_that_is_not_heard_makes_the_wait_no_longer(gate: Gate) -> None:
    for _ in range(100):
        gate.guess()
    gate.now += timedelta(seconds=30)
    assert gate.is_heard()


def test_strangers_are_shut_out_at_80_until_the_owner_signs_in_from_a_known_device(
    gate: Gate,
) -> None:
    for _ in range(80):
        assert gate.is_heard()
        gate.now += timedelta(minutes=15)
    gate.now += timedelta(days=365)
    assert not gate.is_heard()

    assert gate.is_heard(bucket=Bucket.KNOWN)
    gate.succeed(Bucket.KNOWN)
    assert [gate.is_heard() for _ in range(7)] == [True] * 6 + [False]


def test_known_devices_are_shut_at_20(gate: Gate) -> None:
    for _ in range(20):
        assert gate.is_heard(bucket=Bucket.KNOWN)
        gate.now += timedelta(minutes=15)
    gate.now += timedelta(days=365)
    assert not gate.is_heard(bucket=Bucket.KNOWN)
    assert gate.is_heard()


def test_a_success_frees_its_own_bucket_and_leaves_a_delay_of_the_other(gate: Gate) -> None:
    for bucket in Bucket:
        for _ in range(6):
            gate.guess(bucket=bucket)
    gate.succeed(Bucket.KNOWN)
    assert gate.is_heard(bucket=Bucket.KNOWN)
    assert not gate.is_heard()


def test_every_name_is_counted_by_itself(gate: Gate) -> None:
    for _ in range(7):
        gate.guess()
    assert gate.is_heard("918JSMITH02")


def test_of_a_hundred_guesses_at_once_six_are_heard(postgresql_url: str, now: datetime) -> None:
    database = Database(postgresql_url)
    gate = Gate(database, now, Attempts(b"k" * 32, LockoutRule()))
    heard = together(gate.is_heard, times=100)
    assert heard.count(True) == 6
    database.close()


def test_an_address_may_try_so_often_in_a_minute(gate: Gate) -> None:
    gate.limits = replace(GENEROUS, sign_ins=RateLimit(3, timedelta(minutes=1)))
    for number in range(3):
        assert isinstance(gate.guess(f"918JSMITH{number:02}"), Heard)
    gate.now += timedelta(seconds=45)
    refused = gate.guess("918JSMITH04")
    assert isinstance(refused, AddressThrottled)
    assert refused.retry_after in {15, 16}
    assert isinstance(gate.guess(address=ELSEWHERE), Heard)
    gate.now += timedelta(seconds=refused.retry_after)
    assert isinstance(gate.guess(), Heard)


def test_a_guess_from_a_throttled_address_is_not_counted_against_its_victim(gate: Gate) -> None:
    gate.limits = replace(GENEROUS, sign_ins=RateLimit(1, timedelta(minutes=1)))
    for _ in range(20):
        gate.guess()
    gate.limits = GENEROUS
    assert [gate.is_heard() for _ in range(6)] == [True] * 5 + [False]


def test_what_is_stored_of_names_and_addresses_says_nothing_without_the_key() -> None:
    ours, theirs = Attempts(b"k" * 32, LockoutRule()), Attempts(b"x" * 32, LockoutRule())
    assert ours.of_name("918JSMITH01") != theirs.of_name("918JSMITH01")
    assert ours.of_name("10.0.0.1") != ours.of_address("10.0.0.1")
    assert len(ours.of_name("\ud800")) == 32


def test_both_accounts_of_a_person_share_one_count(site: Site) -> None:
    first = site.add_account("432JSMITH01")
    site.add_account("918JSMITH07", person_id=first.person_id)
    attempts = site.provider.sign_in.attempts
    visitor = site.browser()
    page = visitor.follow(visitor.authorize())
    for name in ("432JSMITH01", "918JSMITH07"):
        for _ in range(3):
            page = visitor.submit(page, username=name, password="wrong")
    with site.provider.database.read() as connection:
        (counted,) = attempt.of_key(connection, attempts.of_person(first.person_id))
    assert counted.n == 6
    assert visitor.log_in(page, "918JSMITH07").status_code == 422


def test_a_success_opens_the_other_bucket_when_it_was_shut(site: Site) -> None:
    attempts, now = site.provider.sign_in.attempts, site.clock.now()
    for shut, succeeded in ((Bucket.KNOWN, Bucket.UNKNOWN), (Bucket.UNKNOWN, Bucket.KNOWN)):
        key = attempts.of_name(shut)
        with site.provider.database.write() as connection:
            later = now
            for _ in range(80):
                later += timedelta(minutes=15)
                attempt.count(connection, attempts.rule, key, "password", shut, later)
            assert attempt.count(connection, attempts.rule, key, "password", shut, later) is None
            attempt.succeeded(connection, key, "password", succeeded, later)
            assert attempt.count(connection, attempts.rule, key, "password", shut, later) == 1


def test_guesses_at_a_name_that_nobody_has_are_forgotten_soon_and_those_at_a_person_are_not(
    site: Site,
) -> None:
    visitor = site.browser()
    page = visitor.follow(visitor.authorize())
    for name in ("918JSMITH01", "918NOBODY01"):
        visitor.submit(page, username=name, password="wrong")
    sweep(site.provider.database, site.clock.now() + timedelta(days=3))
    attempts = site.provider.sign_in.attempts
    with site.provider.database.read() as connection:
        person = account.find(connection, "918JSMITH01")
        assert person is not None
        assert len(attempt.of_key(connection, attempts.of_person(person.person_id))) == 1
        assert attempt.of_key(connection, attempts.of_name("918NOBODY01")) == []
