"""A mail is one worker's at a time, and marked by whoever claimed it last."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from idp.db import Connection, Database, outbox
from idp.db.engine import migration_engine
from idp.db.outbox import Claimed, Counts, State
from tests.builders import PERSON_ID
from tests.crowd import THREADS, together

LEASE = timedelta(minutes=2)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
FIRST, SECOND_ID, THIRD = (uuid.UUID(int=n) for n in (1, 2, 3))


def add(
    database: Database,
    mail_id: uuid.UUID,
    now: datetime,
    *,
    kind: str = "unlock",
    person_id: uuid.UUID | None = None,
    reference: str | None = None,
) -> None:
    with database.write() as connection:
        outbox.add(connection, mail_id, kind, b"sealed", person_id=person_id, reference=reference, now=now)


def claim(database: Database, now: datetime) -> Claimed | None:
    with database.write_once() as connection:
        return outbox.claim(connection, now, LEASE)


def claimed(database: Database, now: datetime) -> Claimed:
    found = claim(database, now)
    assert found is not None
    return found


def seen(database: Database, mail_id: uuid.UUID = FIRST) -> outbox.Mail:
    with database.read() as connection:
        found = outbox.find(connection, mail_id)
    assert found is not None
    return found


def give_up(database: Database, now: datetime) -> None:
    mine = claimed(database, now)
    with database.write() as connection:
        assert outbox.give_up(connection, mine.id, mine.attempts, now, "550")


def test_a_mail_is_claimed_as_it_was_stored_for_the_length_of_the_lease(
    database: Database, now: datetime
) -> None:
    add(database, FIRST, now)

    assert claim(database, now + SECOND) == Claimed(
        FIRST, "unlock", b"sealed", now, 1, datetime.fromisoformat("2026-11-23T07:02:01+00:00")
    )
    assert claim(database, now + LEASE) is None


def test_a_worker_that_died_leaves_its_mail_to_the_next_when_the_lease_is_over(
    database: Database, now: datetime
) -> None:
    add(database, FIRST, now)
    claimed(database, now)

    assert claim(database, now + LEASE - SECOND) is None
    assert claimed(database, now + LEASE).attempts == 2


def test_welcome_letters_wait_until_nothing_else_is_due(database: Database, now: datetime) -> None:
    add(database, FIRST, now - HOUR, kind="welcome")
    add(database, SECOND_ID, now - SECOND, kind="welcome")
    add(database, THIRD, now)

    assert [claimed(database, now).id for _ in range(3)] == [THIRD, FIRST, SECOND_ID]
    assert claim(database, now) is None


def test_a_mail_is_found_by_indexes_however_many_welcome_letters_wait(
    database: Database, now: datetime
) -> None:
    with database.write() as connection:
        for n in range(500):
            outbox.add(connection, uuid.UUID(int=n), "welcome", b"", person_id=None, reference=None, now=now)
    with migration_engine(database.url).begin() as connection:
        connection.execute(text("ANALYZE outbox"))

    for index in ("ix_outbox_urgent", "ix_outbox_next_attempt_at"):
        assert f"{index} " in plan_of_a_claim(database, now)


def plan_of_a_claim(database: Database, now: datetime) -> str:
    """How the database goes about it, in its own words."""
    seen: list[tuple[str, Any]] = []
    execute = Connection.execute

    def watched(self: Connection, sql: str, values: Any, take: Any) -> Any:  # noqa: ANN401 - the driver's
        seen.append((sql, values))
        return execute(self, sql, values, take)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "execute", watched)
        claim(database, now)
    [(sql, values)] = [each for each in seen if each[0].startswith("UPDATE")]
    explain = "EXPLAIN QUERY PLAN" if database.url.startswith("sqlite") else "EXPLAIN"
    with database.read() as connection:
        return str(connection.execute(f"{explain} {sql}", values, lambda cursor: cursor.fetchall()))


def test_a_newer_mail_takes_the_place_of_those_that_wait(database: Database, now: datetime) -> None:
    add(database, FIRST, now, person_id=PERSON_ID)
    put_off = claimed(database, now)
    with database.write() as connection:
        assert outbox.put_off(connection, FIRST, put_off.attempts, now + HOUR, "421")
    add(database, SECOND_ID, now, person_id=PERSON_ID)
    add(database, THIRD, now, person_id=PERSON_ID, kind="usernames")
    add(database, uuid.UUID(int=4), now, person_id=uuid.UUID(int=5))
    with database.write() as connection:
        assert outbox.supersede(connection, PERSON_ID, "unlock", now) == 2
        assert outbox.supersede(connection, PERSON_ID, "unlock", now) == 0

    for mail_id in (FIRST, SECOND_ID):
        mail = seen(database, mail_id)
        assert (mail.state, mail.has_content) == (State.SUPERSEDED, False)
        assert (mail.delivered_at, mail.failed_at, mail.next_attempt_at) == (None, None, None)
    with database.write() as connection:
        assert {mail.id for mail in outbox.newest(connection, 9, state=State.SUPERSEDED)} == {
            FIRST,
            SECOND_ID,
        }
        assert not outbox.retry(connection, FIRST, now)
        assert outbox.counts(connection) == Counts(2, 0, now)
    assert {claimed(database, now).id, claimed(database, now).id} == {THIRD, uuid.UUID(int=4)}


def test_a_mail_that_is_being_sent_goes_out_whatever_is_newer(database: Database, now: datetime) -> None:
    add(database, FIRST, now, person_id=PERSON_ID)
    mine = claimed(database, now)
    with database.write() as connection:
        assert outbox.supersede(connection, PERSON_ID, "unlock", now + SECOND) == 0
        assert outbox.delivered(connection, FIRST, mine.attempts, now + SECOND)

    assert seen(database).state is State.SENT


def test_a_mail_is_not_claimed_before_its_time(database: Database, now: datetime) -> None:
    add(database, FIRST, now + SECOND)

    assert claim(database, now) is None
    assert claim(database, now + SECOND) is not None


def test_the_mail_that_has_been_due_for_longest_comes_first(database: Database, now: datetime) -> None:
    for mail_id, age in ((FIRST, 1), (SECOND_ID, 3), (THIRD, 2)):
        add(database, mail_id, now - age * SECOND)

    assert [claimed(database, now).id for _ in range(3)] == [SECOND_ID, THIRD, FIRST]
    assert claim(database, now) is None


def test_twelve_workers_at_once_claim_a_mail_once(database: Database, now: datetime) -> None:
    add(database, FIRST, now)

    answers = together(lambda: claim(database, now))

    assert Counter(None if answer is None else answer.id for answer in answers) == {FIRST: 1, None: 11}
    assert seen(database).attempts == 1


def test_twelve_workers_at_once_claim_twelve_mails(database: Database, now: datetime) -> None:
    for n in range(THREADS):
        add(database, uuid.UUID(int=n), now)

    answers = together(lambda: claim(database, now))

    assert sorted(answer.id.int for answer in answers if answer) == list(range(12))


def test_workers_do_not_wait_for_one_another(postgresql_url: str, now: datetime) -> None:
    database = Database(postgresql_url)
    add(database, FIRST, now - SECOND)
    add(database, SECOND_ID, now)
    found: list[uuid.UUID] = []

    with database.write() as connection:
        mine = outbox.claim(connection, now, LEASE)
        other = threading.Thread(target=lambda: found.append(claimed(database, now).id))
        other.start()
        other.join(timeout=1)
    other.join()
    database.close()

    assert mine is not None
    assert (mine.id, found) == (FIRST, [SECOND_ID])


def test_what_was_sent_keeps_no_content(database: Database, now: datetime) -> None:
    add(database, FIRST, now)
    mine = claimed(database, now)

    with database.write() as connection:
        assert outbox.delivered(connection, FIRST, mine.attempts, now + SECOND)

    mail = seen(database)
    assert (mail.state, mail.delivered_at, mail.has_content) == (State.SENT, now + SECOND, False)
    assert (mail.attempts, mail.next_attempt_at, mail.last_error) == (1, None, None)
    assert claim(database, now + 365 * LEASE) is None


def test_what_was_put_off_is_due_again_then(database: Database, now: datetime) -> None:
    add(database, FIRST, now)
    mine = claimed(database, now)

    with database.write() as connection:
        assert outbox.put_off(connection, FIRST, mine.attempts, now + 5 * SECOND, "451 later")

    mail = seen(database)
    assert (mail.state, mail.last_error, mail.has_content) == (State.WAITING, "451 later", True)
    assert claim(database, now + 4 * SECOND) is None
    assert claimed(database, now + 5 * SECOND).attempts == 2


def test_what_was_given_up_is_not_tried_again_but_kept(database: Database, now: datetime) -> None:
    add(database, FIRST, now)
    mine = claimed(database, now)

    with database.write() as connection:
        assert outbox.give_up(connection, FIRST, mine.attempts, now, "550 unknown")

    mail = seen(database)
    assert (mail.state, mail.failed_at, mail.last_error) == (State.GIVEN_UP, now, "550 unknown")
    assert mail.has_content
    assert claim(database, now + 365 * LEASE) is None


def _delivered(connection: Connection, mine: Claimed, now: datetime) -> bool:
    return outbox.delivered(connection, mine.id, mine.attempts, now)


def _put_off(connection: Connection, mine: Claimed, now: datetime) -> bool:
    return outbox.put_off(connection, mine.id, mine.attempts, now, "late")


def _give_up(connection: Connection, mine: Claimed, now: datetime) -> bool:
    return outbox.give_up(connection, mine.id, mine.attempts, now, "late")


Mark = Callable[[Connection, Claimed, datetime], bool]
MARKS: list[Mark] = [_delivered, _put_off, _give_up]


@pytest.mark.parametrize("mark", MARKS)
def test_a_worker_whose_lease_another_one_holds_marks_nothing(
    database: Database, now: datetime, mark: Mark
) -> None:
    add(database, FIRST, now)
    held_up = claimed(database, now)
    other = claimed(database, now + LEASE)
    before = seen(database)

    with database.write() as connection:
        assert not mark(connection, held_up, now + LEASE)
    assert seen(database) == before

    with database.write() as connection:
        assert mark(connection, other, now + LEASE)


@pytest.mark.parametrize("late", MARKS)
@pytest.mark.parametrize("mark", [_delivered, _give_up])
def test_what_is_over_is_not_marked_again(database: Database, now: datetime, mark: Mark, late: Mark) -> None:
    add(database, FIRST, now)
    mine = claimed(database, now)
    with database.write() as connection:
        assert mark(connection, mine, now)
    before = seen(database)

    with database.write() as connection:
        assert not late(connection, mine, now + SECOND)
    assert seen(database) == before


def test_administrators_see_the_newest_first_and_as_many_as_they_ask_for(
    database: Database, now: datetime
) -> None:
    for mail_id, age in ((FIRST, 3), (SECOND_ID, 1), (THIRD, 2)):
        add(database, mail_id, now - age * SECOND)

    with database.read() as connection:
        assert [mail.id for mail in outbox.newest(connection, 9)] == [SECOND_ID, THIRD, FIRST]
        assert [mail.id for mail in outbox.newest(connection, 2)] == [SECOND_ID, THIRD]


@pytest.mark.parametrize(
    ("state", "expected"),
    [(State.SENT, [FIRST]), (State.GIVEN_UP, [SECOND_ID]), (State.WAITING, [THIRD])],
)
def test_administrators_see_the_mails_of_one_state(
    database: Database, now: datetime, state: State, expected: list[uuid.UUID]
) -> None:
    add(database, FIRST, now)
    sent = claimed(database, now)
    with database.write() as connection:
        outbox.delivered(connection, sent.id, sent.attempts, now)
    add(database, SECOND_ID, now)
    give_up(database, now)
    add(database, THIRD, now)

    with database.read() as connection:
        found = outbox.newest(connection, 9, state=state)
    assert [mail.id for mail in found] == expected
    assert found[0].state is state


def test_administrators_see_the_mails_of_a_person_and_of_a_reference(
    database: Database, now: datetime
) -> None:
    add(database, FIRST, now, person_id=PERSON_ID, reference="7F3K-2Q")
    add(database, SECOND_ID, now + SECOND, person_id=PERSON_ID)
    add(database, THIRD, now, person_id=uuid.UUID(int=9), reference="7F3K-2Q")

    with database.read() as connection:
        of_person = outbox.newest(connection, 9, person_id=PERSON_ID)
        of_both = outbox.newest(connection, 9, person_id=PERSON_ID, reference="7F3K-2Q")
        of_reference = outbox.newest(connection, 9, reference="7F3K-2Q")
    assert [mail.id for mail in of_person] == [SECOND_ID, FIRST]
    assert [mail.id for mail in of_both] == [FIRST]
    assert {mail.id for mail in of_reference} == {FIRST, THIRD}


def test_a_mail_that_was_given_up_is_due_again_when_an_administrator_says_so(
    database: Database, now: datetime
) -> None:
    add(database, FIRST, now)
    give_up(database, now)

    with database.write() as connection:
        assert outbox.retry(connection, FIRST, now + LEASE)

    assert seen(database).state is State.WAITING
    assert claimed(database, now + LEASE).attempts == 2


def test_a_mail_that_was_put_off_is_due_at_once_when_an_administrator_says_so(
    database: Database, now: datetime
) -> None:
    add(database, FIRST, now)
    mine = claimed(database, now)
    with database.write() as connection:
        outbox.put_off(connection, FIRST, mine.attempts, now + 100 * LEASE, "451")
        assert outbox.retry(connection, FIRST, now)

    assert claim(database, now) is not None


def test_a_mail_that_is_being_sent_is_not_given_to_a_second_worker(database: Database, now: datetime) -> None:
    add(database, FIRST, now)
    claimed(database, now)

    with database.write() as connection:
        assert not outbox.retry(connection, FIRST, now + SECOND)
        assert outbox.retry(connection, FIRST, now + LEASE)


def test_what_was_sent_cannot_be_sent_again(database: Database, now: datetime) -> None:
    add(database, FIRST, now)
    mine = claimed(database, now)
    with database.write() as connection:
        outbox.delivered(connection, FIRST, mine.attempts, now)

        assert not outbox.retry(connection, FIRST, now)
        assert not outbox.retry(connection, SECOND_ID, now)
    assert seen(database).state is State.SENT


def test_every_mail_that_was_given_up_is_due_again(database: Database, now: datetime) -> None:
    for mail_id in (FIRST, SECOND_ID):
        add(database, mail_id, now)
        give_up(database, now)
    add(database, THIRD, now)
    claimed(database, now)

    with database.write() as connection:
        assert outbox.retry_given_up(connection, now) == 2

    assert {claimed(database, now).id for _ in range(2)} == {FIRST, SECOND_ID}
    assert claim(database, now) is None


def test_what_there_is_to_worry_about_is_counted(database: Database, now: datetime) -> None:
    with database.read() as connection:
        assert outbox.counts(connection) == Counts(0, 0, None)

    add(database, FIRST, now - 3 * SECOND)
    give_up(database, now)
    add(database, SECOND_ID, now - 2 * SECOND)
    add(database, THIRD, now - SECOND)
    claimed(database, now)

    with database.read() as connection:
        assert outbox.counts(connection) == Counts(2, 1, now - 2 * SECOND)
