import hashlib
from datetime import datetime, timedelta

import pytest

from idp.db import Database, attempt
from idp.db.attempt import NEVER, Attempts, Bucket
from idp.policy.lockout import LockoutRule

RULE = LockoutRule()
KEY = hashlib.sha256(b"someone").digest()
OTHER = hashlib.sha256(b"someone else").digest()


def _count(
    database: Database,
    now: datetime,
    *,
    rule: LockoutRule = RULE,
    key: bytes = KEY,
    factor: str = "password",
    bucket: Bucket = Bucket.UNKNOWN,
) -> int | None:
    with database.write_once() as connection:
        return attempt.count(connection, rule, key, factor, bucket, now)


def _bucket(database: Database, bucket: Bucket = Bucket.UNKNOWN) -> Attempts:
    with database.read() as connection:
        return next(each for each in attempt.of_key(connection, KEY) if each.bucket is bucket)


def test_each_guess_waits_as_long_as_the_rule_says(database: Database, now: datetime) -> None:
    waits = []
    for n in range(1, 15):
        assert _count(database, now) == n
        not_before = _bucket(database).not_before
        waits.append((not_before - now).total_seconds())
        now = not_before

    assert waits == [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900]


def test_a_guess_that_comes_too_early_is_neither_heard_nor_counted(database: Database, now: datetime) -> None:
    for _ in range(6):
        _count(database, now)

    assert _count(database, now + timedelta(seconds=29, microseconds=999_999)) is None
    assert _bucket(database).n == 6
    assert _count(database, now + timedelta(seconds=30)) == 7


@pytest.mark.parametrize(("bucket", "last"), [(Bucket.UNKNOWN, 80), (Bucket.KNOWN, 20)])
def test_a_bucket_shuts_for_good(database: Database, now: datetime, bucket: Bucket, last: int) -> None:
    heard = 0
    while (n := _count(database, now, bucket=bucket)) is not None:
        heard = n
        now += timedelta(minutes=15)

    assert heard == last
    assert _bucket(database, bucket).not_before == NEVER
    assert _count(database, now + timedelta(days=365), bucket=bucket) is None


@pytest.mark.parametrize(
    ("rule", "waits"),
    [
        pytest.param(
            LockoutRule(free=0, delays=(timedelta(seconds=30),)), [30, 30, 30], id="every guess waits alike"
        ),
        pytest.param(LockoutRule(free=1_000_000), [0, 0, 0], id="a bench never waits"),
        pytest.param(LockoutRule(free=100, shut_unknown=80), [0, 0, 0], id="it shuts before it waits"),
        pytest.param(
            LockoutRule(free=1, delays=(timedelta(seconds=1), timedelta(seconds=2))),
            [0, 1, 2, 2],
            id="it waits from the second guess on",
        ),
    ],
)
def test_any_rule_can_be_counted_by(
    database: Database, now: datetime, rule: LockoutRule, waits: list[int]
) -> None:
    for n, wait in enumerate(waits, 1):
        assert _count(database, now, rule=rule) == n
        not_before = _bucket(database).not_before
        assert not_before - now == timedelta(seconds=wait)
        now = not_before


def test_a_rule_may_shut_at_the_first_guess(database: Database, now: datetime) -> None:
    rule = LockoutRule(shut_unknown=1)

    assert _count(database, now, rule=rule) == 1
    assert _bucket(database).not_before == NEVER


def test_people_factors_and_devices_are_counted_apart(database: Database, now: datetime) -> None:
    for _ in range(6):
        _count(database, now)

    assert _count(database, now) is None
    assert _count(database, now, key=OTHER) == 1
    assert _count(database, now, factor="totp") == 1
    assert _count(database, now, bucket=Bucket.KNOWN) == 1


def test_success_starts_the_bucket_afresh(database: Database, now: datetime) -> None:
    for _ in range(6):
        _count(database, now)
    with database.write() as connection:
        attempt.succeeded(connection, KEY, "password", Bucket.UNKNOWN, now)

    assert _count(database, now) == 1


def _shut(database: Database, now: datetime) -> datetime:
    while _count(database, now) is not None:
        now += timedelta(minutes=15)
    return now


def test_success_on_a_known_device_opens_a_bucket_that_was_shut(database: Database, now: datetime) -> None:
    now = _shut(database, now)
    with database.write() as connection:
        attempt.succeeded(connection, KEY, "password", Bucket.KNOWN, now)

    assert _count(database, now) == 1


def test_success_on_a_known_device_leaves_a_bucket_that_only_waits(database: Database, now: datetime) -> None:
    for _ in range(6):
        _count(database, now)
    with database.write() as connection:
        attempt.succeeded(connection, KEY, "password", Bucket.KNOWN, now)

    assert _count(database, now) is None
    assert _bucket(database).n == 6


def test_success_elsewhere_does_not_open_a_bucket_that_was_shut(database: Database, now: datetime) -> None:
    now = _shut(database, now)
    with database.write() as connection:
        attempt.succeeded(connection, KEY, "totp", Bucket.KNOWN, now)
        attempt.succeeded(connection, OTHER, "password", Bucket.KNOWN, now)

    assert _count(database, now) is None


def test_the_service_desk_opens_everything(database: Database, now: datetime) -> None:
    now = _shut(database, now)
    _count(database, now, bucket=Bucket.KNOWN)
    _count(database, now, key=OTHER)
    with database.write() as connection:
        assert attempt.clear(connection, KEY) == 2

    assert _count(database, now) == 1
    assert _count(database, now, key=OTHER) == 2


def test_one_factor_is_cleared_and_every_other_counts_on(database: Database, now: datetime) -> None:
    now = _shut(database, now)
    _count(database, now, bucket=Bucket.KNOWN)
    _count(database, now, factor="totp")
    _count(database, now, key=OTHER)
    with database.write() as connection:
        assert attempt.clear(connection, KEY, "password") == 2
        assert attempt.clear(connection, KEY, "password") == 0

    assert _count(database, now) == 1
    assert _count(database, now, factor="totp") == 2
    assert _count(database, now, key=OTHER) == 2
