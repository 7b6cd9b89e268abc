import threading
from contextlib import suppress

from idp.db import Database
from idp.db.turn import Turn
from tests.crowd import together


def test_one_thread_works_at_a_time() -> None:
    turn, inside, most = Turn(), [0], [0]

    def work() -> None:
        with turn.take():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1

    together(work)
    assert most == [1]


def test_who_steps_aside_lets_another_work_and_then_goes_on() -> None:
    turn, done = Turn(), threading.Event()

    def other() -> None:
        with turn.take():
            done.set()

    with turn.take():
        helper = threading.Thread(target=other)
        helper.start()
        assert not done.wait(0.05)
        with turn.aside():
            assert done.wait(5)
        helper.join()


def test_stepping_aside_without_a_turn_changes_nothing() -> None:
    turn = Turn()
    with turn.aside(), turn.take():
        pass


def test_a_turn_is_given_back_when_its_work_fails() -> None:
    turn = Turn()
    for _ in range(2):
        with suppress(ZeroDivisionError), turn.take(), turn.aside():
            1 / 0  # noqa: B018 - it fails


def test_writers_and_readers_in_turn_never_wait_for_each_other_for_ever(database: Database) -> None:
    counted = []

    def work() -> None:
        for _ in range(20):
            with database.turn():
                with database.read():
                    pass
                with database.write():
                    counted.append(1)
                with database.write_once():
                    pass

    together(work)
    assert len(counted) == 12 * 20
