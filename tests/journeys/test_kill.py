"""A worker is killed in the middle of its work: nothing that was said is lost, and nobody is signed out.

The worker dies as soon as the database shows that it has committed, most often before it has answered, or at
a moment drawn at random. The seed is printed when a test fails; `IDP_TEST_SEED=N` repeats its moments.
"""

import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from idp.db import authorization_code, refresh_token
from idp.services.digest import digest
from tests.journeys.live import Answer, Line, LiveServer, Person, redemption, renewal

ROUNDS = 2
CHAINS = 4
RESPAWN_SECONDS = 10
COMMIT_SECONDS = 5
LATEST_MOMENT = 0.015  # Seconds after the request was sent; answers take about half of it.

Moment = Callable[[Callable[[], bool]], None]


class Victims:
    """Kills workers in turn: granian takes one that dies twice within 5.5 s for broken, and gives up."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._newest: int | None = None

    def line(self) -> Line:
        """A connection to a worker that may be killed."""
        return self._server.line(avoid=self._newest)

    def kill(self, worker: int) -> None:
        """Kill it, and wait for its successor."""
        others = self._server.workers() - {worker}
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + RESPAWN_SECONDS
        while True:
            successors = self._server.workers() - others - {worker}
            if successors:
                (self._newest,) = successors
                return
            assert time.monotonic() < deadline, "the worker was not replaced"
            time.sleep(0.005)

    def any(self) -> int:
        """A worker that may be killed."""
        return min(self._server.workers() - {self._newest})


@pytest.fixture(scope="module")
def victims(server: LiveServer) -> Victims:
    return Victims(server)


@pytest.fixture
def person(server: LiveServer) -> Iterator[Person]:
    with server.person() as somebody:
        yield somebody


@pytest.fixture
def drawn() -> random.Random:
    seed = int(os.environ.get("IDP_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"IDP_TEST_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)  # noqa: S311 - moments, not secrets


@pytest.fixture(params=["at the commit", "at any moment"])
def moment(request: pytest.FixtureRequest, drawn: random.Random) -> Moment:
    """Waits until it is time to kill; it is told how to find out whether the worker has committed."""

    def at_the_commit(is_committed: Callable[[], bool]) -> None:
        deadline = time.monotonic() + COMMIT_SECONDS
        while not is_committed():
            assert time.monotonic() < deadline

    def at_any_moment(_is_committed: Callable[[], bool]) -> None:
        time.sleep(drawn.uniform(0, LATEST_MOMENT))

    return at_the_commit if request.param == "at the commit" else at_any_moment


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_a_code_whose_answer_was_lost_is_spent(
    server: LiveServer, victims: Victims, person: Person, moment: Moment, turn: int
) -> None:
    code = person.code()

    def is_spent() -> bool:
        with server.database.read() as connection:
            return authorization_code.find_redeemed(connection, digest(code), "payslips") is not None

    heard = killed_while_answering(victims, moment, is_spent, redemption(code))
    was_spent = is_spent()
    again = ask(server, "/token", redemption(code))

    assert heard is None or was_spent, turn
    if was_spent:
        assert (again.status, again.body["error"]) == (400, "invalid_grant")
    else:
        assert again.status == 200
    if heard is not None:
        assert is_stored(server, heard)
        revoked = ask(server, "/introspect", {"token": heard.body["access_token"]})
        assert revoked.body == {"active": False}


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_a_refresh_whose_answer_was_lost_is_answered_again_with_the_same_child(
    server: LiveServer, victims: Victims, person: Person, moment: Moment, turn: int
) -> None:
    parent = ask(server, "/token", redemption(person.code())).body["refresh_token"]

    def is_used() -> bool:
        with server.database.read() as connection:
            found = refresh_token.find(connection, digest(parent), "payslips")
            return found is not None and found.rotated_at is not None

    heard = killed_while_answering(victims, moment, is_used, renewal(parent))
    was_used = is_used()
    again = ask(server, "/token", renewal(parent))

    assert heard is None or was_used, turn
    assert again.status == 200
    assert is_stored(server, again)
    if heard is not None:
        assert heard.body["refresh_token"] == again.body["refresh_token"]
    # One child, whoever asks: the same once more, and it is alive.
    assert ask(server, "/token", renewal(parent)).body["refresh_token"] == again.body["refresh_token"]
    assert ask(server, "/token", renewal(again.body["refresh_token"])).status == 200


def test_applications_that_ask_again_never_notice(
    server: LiveServer, victims: Victims, person: Person, drawn: random.Random
) -> None:
    first = [ask(server, "/token", redemption(person.code())).body["refresh_token"] for _ in range(CHAINS)]
    stop = threading.Event()

    with ThreadPoolExecutor(CHAINS) as applications:
        running = [applications.submit(refresh_until, stop, server, token) for token in first]
        try:
            for _ in range(ROUNDS):
                time.sleep(drawn.uniform(0.1, 0.3))
                victims.kill(victims.any())
        finally:
            stop.set()
        answers = [answer for application in running for answer in application.result()]

    assert len(answers) > CHAINS * ROUNDS
    assert {answer.status for answer in answers} == {200}, [a.body for a in answers if a.status != 200]
    assert all(is_stored(server, answer) for answer in answers)


def killed_while_answering(
    victims: Victims, moment: Moment, is_committed: Callable[[], bool], form: dict[str, str]
) -> Answer | None:
    """Send the form to a worker and kill it; its answer, if that was faster."""
    with victims.line() as line:
        line.send("/token", "payslips", **form)
        moment(is_committed)
        victims.kill(line.worker)
        try:
            return line.receive()
        except (OSError, http.client.HTTPException):
            return None


def ask(server: LiveServer, path: str, form: dict[str, str]) -> Answer:
    """Post the form until there is an answer."""
    deadline = time.monotonic() + RESPAWN_SECONDS
    while True:
        try:
            with server.line() as line:
                return line.post(path, "payslips", **form)
        except (OSError, http.client.HTTPException, LookupError):
            assert time.monotonic() < deadline, "nobody answers"


def refresh_until(stop: threading.Event, server: LiveServer, token: str) -> list[Answer]:
    """Refresh again and again; what was heard."""
    heard: list[Answer] = []
    while not stop.is_set():
        answer = ask(server, "/token", renewal(token))
        heard.append(answer)
        if answer.status != 200:
            break
        token = answer.body["refresh_token"]
    return heard


def is_stored(server: LiveServer, answer: Answer) -> bool:
    """Whether the database knows the refresh token that was given."""
    with server.database.read() as connection:
        return refresh_token.find_any(connection, digest(answer.body["refresh_token"])) is not None
