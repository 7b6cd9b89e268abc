from datetime import datetime, timedelta

from idp.db import Database, rate
from tests.builders import digest_of

HOSPITAL, HOME = digest_of("192.0.2.1"), digest_of("198.51.100.7")


def test_requests_are_counted_by_address_and_window(database: Database, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with database.write() as connection:
        assert [rate.hit(connection, HOSPITAL, now) for _ in range(3)] == [1, 2, 3]
        assert rate.hit(connection, HOME, now) == 1
        assert [rate.hit(connection, HOSPITAL, later) for _ in range(2)] == [1, 2]


def test_failures_are_counted_by_different_names(database: Database, now: datetime) -> None:
    with database.write() as connection:
        for name in ("a", "b", "a"):
            rate.failed(connection, HOSPITAL, digest_of(name), now)

        assert rate.names_failed(connection, HOSPITAL, now - timedelta(minutes=10)) == 2
        assert rate.names_failed(connection, HOME, now - timedelta(minutes=10)) == 0
        assert rate.names_failed(connection, HOSPITAL, now) == 0


def test_a_name_that_fails_again_is_recent_again(database: Database, now: datetime) -> None:
    with database.write() as connection:
        rate.failed(connection, HOSPITAL, digest_of("a"), now - timedelta(hours=1))
        rate.failed(connection, HOSPITAL, digest_of("a"), now)

        assert rate.names_failed(connection, HOSPITAL, now - timedelta(minutes=10)) == 1
