"""Misses: reported once, at most hourly, by whoever gets the oldest one."""

import uuid
from datetime import datetime, timedelta

from idp.db import Database, recovery_miss
from idp.db.recovery_miss import RecoveryMiss, Report
from tests.crowd import together

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def a_miss(at: datetime, n: int = 1, *, is_on_record: bool = False) -> RecoveryMiss:
    return RecoveryMiss(uuid.UUID(int=n), at, f"sealed {n}".encode(), is_on_record)


def add(database: Database, *misses: RecoveryMiss) -> None:
    with database.write() as connection:
        for miss in misses:
            recovery_miss.add(connection, miss)


def report(database: Database, at: datetime, most: int = 50) -> Report | None:
    with database.write() as connection:
        return recovery_miss.report(connection, at, since=at - HOUR, most=most)


def is_due(database: Database, at: datetime) -> bool:
    with database.read() as connection:
        return recovery_miss.is_due(connection, at - HOUR)


def test_nothing_is_reported_when_there_is_nothing(database: Database, now: datetime) -> None:
    assert not is_due(database, now)
    assert report(database, now) is None


def test_what_is_missed_is_reported_once(database: Database, now: datetime) -> None:
    add(database, a_miss(now, 2), a_miss(now - MINUTE, 1))
    assert is_due(database, now)

    assert report(database, now) == Report(now - MINUTE, (a_miss(now - MINUTE, 1), a_miss(now, 2)), 0)
    assert report(database, now + 2 * HOUR) is None


def test_the_oldest_are_listed_and_the_others_counted(database: Database, now: datetime) -> None:
    add(database, *(a_miss(now - n * MINUTE, n) for n in range(10)))

    found = report(database, now, most=3)

    assert found is not None
    assert [miss.id.int for miss in found.listed] == [9, 8, 7]
    assert found.more == 7
    assert report(database, now + 2 * HOUR) is None


def test_those_whose_address_is_on_record_are_listed_before_the_others(
    database: Database, now: datetime
) -> None:
    add(database, *(a_miss(now + n * MINUTE, n, is_on_record=n > 6) for n in range(10)))

    found = report(database, now + HOUR, most=5)

    assert found is not None
    assert [miss.id.int for miss in found.listed] == [7, 8, 9, 0, 1]
    assert (found.since, found.more) == (now, 5)


def test_the_next_report_is_an_hour_later(database: Database, now: datetime) -> None:
    add(database, a_miss(now, 1))
    assert report(database, now) is not None
    add(database, a_miss(now, 2))

    early = now + HOUR - timedelta(microseconds=1)
    assert not is_due(database, early)
    assert report(database, early) is None
    assert is_due(database, now + HOUR)
    assert report(database, now + HOUR) == Report(now, (a_miss(now, 2),), 0)


def test_one_of_many_workers_reports(database: Database, now: datetime) -> None:
    add(database, *(a_miss(now, n) for n in range(1, 9)))

    reports = [found for found in together(lambda: report(database, now, most=3)) if found is not None]

    assert [(len(found.listed), found.more) for found in reports] == [(3, 5)]


def test_what_is_missed_while_workers_report_waits_for_the_next_report(
    database: Database, now: datetime
) -> None:
    add(database, a_miss(now, 1))
    with database.write() as connection:
        first = recovery_miss.report(connection, now, since=now - HOUR, most=50)
        assert first is not None
    add(database, a_miss(now, 2))

    assert [found for found in together(lambda: report(database, now)) if found] == []
