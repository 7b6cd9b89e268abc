"""Requests for login details: each taken by one worker at a time, and found again by its browser."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, recovery_request
from idp.db.recovery_request import RecoveryRequest
from idp.policy.recovery import Kind
from tests.builders import digest_of
from tests.crowd import together

LEASE = timedelta(seconds=60)


def a_request(now: datetime, name: str = "handle") -> RecoveryRequest:
    return RecoveryRequest(
        digest=digest_of(name),
        kind=Kind.UNLOCK,
        reference="7F3K-2Q",
        sealed=b"sealed",
        created_at=now,
        expires_at=now + timedelta(hours=1),
        next_attempt_at=now,
        attempts=0,
    )


def add(database: Database, *requests: RecoveryRequest) -> None:
    with database.write() as connection:
        for request in requests:
            recovery_request.add(connection, request)


def claim(database: Database, at: datetime) -> RecoveryRequest | None:
    with database.write_once() as connection:
        return recovery_request.claim(connection, at, LEASE)


def claimed(database: Database, at: datetime) -> RecoveryRequest:
    request = claim(database, at)
    assert request is not None
    return request


def test_a_request_is_read_as_it_was_stored(database: Database, now: datetime) -> None:
    add(database, a_request(now))

    with database.read() as connection:
        assert recovery_request.find(connection, digest_of("handle")) == a_request(now)
        assert recovery_request.find(connection, digest_of("another")) is None
        assert recovery_request.of_reference(connection, "7F3K-2Q") == [a_request(now)]
        assert recovery_request.of_reference(connection, "7F3K-2R") == []


def test_a_handle_is_given_once(database: Database, now: datetime) -> None:
    with pytest.raises(Conflict):
        add(database, a_request(now), a_request(now))


def test_what_has_waited_longest_is_claimed_first(database: Database, now: datetime) -> None:
    earlier = a_request(now - timedelta(seconds=1), "earlier")
    add(database, a_request(now), earlier, a_request(now + timedelta(seconds=1), "later"))

    first, second, third = (claim(database, now) for _ in range(3))

    assert first == replace(earlier, next_attempt_at=now + LEASE, attempts=1)
    assert second == replace(a_request(now), next_attempt_at=now + LEASE, attempts=1)
    assert third is None


def test_a_claim_ends_with_its_lease(database: Database, now: datetime) -> None:
    add(database, a_request(now))
    stale = claimed(database, now)
    assert claim(database, now + LEASE - timedelta(microseconds=1)) is None

    current = claimed(database, now + LEASE)

    assert current.attempts == 2
    with database.write() as connection:
        assert recovery_request.finish(connection, stale) is False
        assert recovery_request.put_off(connection, stale, now) is False
        assert recovery_request.finish(connection, current) is True
        assert recovery_request.finish(connection, current) is False
    assert claim(database, now + timedelta(days=1)) is None


def test_what_is_put_off_comes_back(database: Database, now: datetime) -> None:
    add(database, a_request(now))
    request, later = claimed(database, now), now + timedelta(seconds=5)
    with database.write() as connection:
        assert recovery_request.put_off(connection, request, later) is True

    assert claim(database, later - timedelta(microseconds=1)) is None
    assert claimed(database, later).attempts == 2


def test_only_what_is_finished_is_answered_again(database: Database, now: datetime) -> None:
    add(database, a_request(now))
    with database.write() as connection:
        assert recovery_request.again(connection, digest_of("handle"), now) is False
    request = claimed(database, now)
    with database.write() as connection:
        assert recovery_request.again(connection, digest_of("handle"), now) is False
        recovery_request.finish(connection, request)
        assert recovery_request.again(connection, digest_of("handle"), now) is True
        assert recovery_request.again(connection, digest_of("another"), now) is False
    assert claimed(database, now).attempts == 2


def test_a_request_is_claimed_by_one_of_many_workers(database: Database, now: datetime) -> None:
    add(database, a_request(now))

    answers = together(lambda: claim(database, now))

    assert Counter(request is not None for request in answers) == {True: 1, False: 11}


def test_many_workers_share_many_requests(database: Database, now: datetime) -> None:
    add(database, *(a_request(now, str(n)) for n in range(12)))

    answers = together(lambda: claim(database, now), times=36)

    assert sorted(request.digest for request in answers if request is not None) == sorted(
        digest_of(str(n)) for n in range(12)
    )
