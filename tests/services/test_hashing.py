import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, get_native_id

import argon2
import pytest
from argon2.low_level import hash_secret_raw
from structlog.testing import capture_logs

from idp.services import hashing
from idp.services.hashing import Busy, Hasher, HashParameters, PasswordTooLong, Verified

PEPPER = bytes(32)
CHEAP = HashParameters(memory=64, passes=2)
# Made with hmac, unicodedata and argon2-cffi alone: pepper of 32 zero bytes, salt "somesaltsomesalt".
PLAIN_TALE_7 = (
    "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0jhvjHOtQ8Jlx9qVUk+CizFe3S8ZT+3Fcj32UDPbtN0"
)
CAFE_FIN_12 = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Wq0ZpPxzouusAXOPbXjuhEIQVpYyITnly5Vh9ZQmLo0"
RIGHT = Verified(ok=True, needs_rehash=False)
WRONG = Verified(ok=False, needs_rehash=False)


@pytest.fixture
def hasher() -> Hasher:
    return Hasher(PEPPER, CHEAP)


class Gate:
    """Argon2 that waits until it is let through."""

    def __init__(self) -> None:
        self.opened = Event()
        self.priorities: list[int] = []

    def __call__(self, *args: object, **kwargs: object) -> bytes:
        self.priorities.append(os.getpriority(os.PRIO_PROCESS, get_native_id()))
        assert self.opened.wait(30)
        return hash_secret_raw(*args, **kwargs)  # type: ignore[arg-type] # passed on as it came


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(hashing, "hash_secret_raw", gate)
    return gate


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_default_costs_19_mib_and_two_passes() -> None:
    assert HashParameters() == HashParameters(memory=19456, passes=2, parallelism=1)
    assert Hasher(PEPPER).hash("Plain Tale 7").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_is_an_argon2id_phc_string_with_salt_16_and_tag_32(hasher: Hasher) -> None:
    parameters = argon2.extract_parameters(hasher.hash("Plain Tale 7"))

    assert parameters.type is argon2.Type.ID
    assert (parameters.salt_len, parameters.hash_len, parameters.version) == (16, 32, 19)


def test_the_right_password_verifies(hasher: Hasher) -> None:
    assert hasher.verify("Plain Tale 7", hasher.hash("Plain Tale 7")) == RIGHT
    assert hasher.verify("Plain Tale 7", PLAIN_TALE_7) == RIGHT


def test_a_wrong_password_does_not(hasher: Hasher) -> None:
    assert hasher.verify("plain tale 7", PLAIN_TALE_7) == WRONG
    assert hasher.verify("", PLAIN_TALE_7) == WRONG


def test_two_hashes_of_one_password_differ(hasher: Hasher) -> None:
    assert hasher.hash("Plain Tale 7") != hasher.hash("Plain Tale 7")


def test_a_hash_is_worth_nothing_under_another_pepper() -> None:
    assert Hasher(b"\x01" * 32, CHEAP).verify("Plain Tale 7", PLAIN_TALE_7) == WRONG


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("Caf\u00e9 \ufb01n 12", id="as stored"),
        pytest.param("Cafe\u0301 fin 12", id="a decomposed é and no ligature"),
        pytest.param("Caf\u00e9 fin \uff11\uff12", id="full-width digits"),
    ],
)
def test_every_keyboard_spells_the_same_password(hasher: Hasher, typed: str) -> None:
    assert hasher.verify(typed, CAFE_FIN_12) == RIGHT


@pytest.mark.parametrize(
    "phc",
    [
        pytest.param(Hasher(PEPPER, HashParameters(memory=32)).hash("a b c"), id="less memory"),
        pytest.param(Hasher(PEPPER, HashParameters(memory=128)).hash("a b c"), id="more memory"),
        pytest.param(Hasher(PEPPER, HashParameters(memory=64, passes=1)).hash("a b c"), id="fewer passes"),
        pytest.param(Hasher(PEPPER, HashParameters(memory=64, parallelism=2)).hash("a b c"), id="more lanes"),
    ],
)
def test_a_right_password_under_other_parameters_is_to_be_hashed_again(hasher: Hasher, phc: str) -> None:
    assert hasher.verify("a b c", phc) == Verified(ok=True, needs_rehash=True)
    assert hasher.verify("a b d", phc) == WRONG


def test_nobody_has_a_password_that_verifies(hasher: Hasher) -> None:
    assert hasher.verify("Plain Tale 7", None) == WRONG
    assert hasher.verify("", None) == WRONG


@pytest.mark.parametrize(
    ("password", "phc"),
    [
        pytest.param("Plain Tale 7", PLAIN_TALE_7, id="right"),
        pytest.param("wrong", PLAIN_TALE_7, id="wrong"),
        pytest.param("wrong", None, id="unknown user"),
        pytest.param("x" * 1025, PLAIN_TALE_7, id="too long"),
        pytest.param("x" * 1025, None, id="too long, unknown user"),
        pytest.param("wrong", "not a hash", id="damaged hash"),
    ],
)
def test_every_answer_costs_one_hash(hasher: Hasher, gate: Gate, password: str, phc: str | None) -> None:
    gate.opened.set()

    hasher.verify(password, phc)

    assert hasher.verifications == 1
    assert len(gate.priorities) == 1


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("x" * 1025, id="1,025 letters"),
        pytest.param("é" * 513, id="1,026 bytes"),
        pytest.param("\ufdfa" * 40, id="40 characters that NFKC makes 18 each"),
        pytest.param("a" + "\u0301\u0316" * 500_000, id="a million marks on one letter"),
    ],
)
def test_a_password_that_is_too_long_is_never_cut(hasher: Hasher, password: str) -> None:
    assert hashing.is_too_long(password)
    with pytest.raises(PasswordTooLong, match="1024 bytes"):
        hasher.hash(password)
    assert hasher.verify(password, hasher.hash(password[:30])) == WRONG
    assert hasher.verify(password, hasher.hash("")) == WRONG


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("x" * 1024, id="1,024 letters"),
        pytest.param("\u03b1\u0313\u0300\u0345" * 341, id="341 letters written with three marks each"),
        pytest.param("\x00\x00", id="NUL"),
        pytest.param("\ud800 half", id="half a surrogate pair"),
        pytest.param("", id="nothing: whether it may be is policy"),
    ],
)
def test_any_other_text_can_be_a_password(hasher: Hasher, password: str) -> None:
    assert not hashing.is_too_long(password)
    assert hasher.verify(password, hasher.hash(password)) == RIGHT
    assert hasher.verify(password + "x", hasher.hash(password)) == WRONG


@pytest.mark.parametrize(
    "phc",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 100_000, id="long"),
        pytest.param(PLAIN_TALE_7[:-10], id="cut"),
        pytest.param(PLAIN_TALE_7[:-2], id="impossible base64"),
        pytest.param(PLAIN_TALE_7 + "\n", id="line break at the end"),
        pytest.param(PLAIN_TALE_7.replace("argon2id", "argon2i"), id="argon2i"),
        pytest.param(PLAIN_TALE_7.replace("v=19", "v=16"), id="old version"),
        pytest.param(PLAIN_TALE_7.replace("m=64", "m=7"), id="too little memory for Argon2"),
        pytest.param(PLAIN_TALE_7.replace("t=2", "t=0"), id="no pass"),
        pytest.param(PLAIN_TALE_7.replace("p=1", "p=0"), id="no lane"),
        pytest.param(PLAIN_TALE_7.replace("m=64", "m=9999999"), id="10 GiB"),
        pytest.param(PLAIN_TALE_7.replace("m=64,t=2", "m=65536,t=9999"), id="minutes of work"),
        pytest.param(PLAIN_TALE_7.replace("m=64", "m=\u0666\u0664"), id="digits that are not ASCII"),
        pytest.param("$2b$12$" + "x" * 53, id="bcrypt"),
        pytest.param("\ud800", id="not Unicode"),
    ],
)
def test_a_damaged_hash_is_a_wrong_password_and_a_logged_error_without_it(hasher: Hasher, phc: str) -> None:
    with capture_logs() as events:
        assert hasher.verify("Plain Tale 7", phc) == WRONG

    assert events == [{"event": "password_hash_malformed", "log_level": "error"}]


def test_a_hash_with_another_tag_does_not_match(hasher: Hasher) -> None:
    assert hasher.verify("Plain Tale 7", PLAIN_TALE_7.replace("0jhv", "1jhv")) == WRONG


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Hasher(b"short")


def test_more_callers_than_places_are_turned_away_at_once(gate: Gate) -> None:
    hasher = Hasher(PEPPER, CHEAP, threads=1, queue=2)
    answers: list[Verified] = []
    refusals: list[Busy] = []

    def call() -> None:
        try:
            answers.append(hasher.verify("Plain Tale 7", PLAIN_TALE_7))
        except Busy as busy:
            refusals.append(busy)

    callers = [threading.Thread(target=call) for _ in range(12)]
    for caller in callers:
        caller.start()
    wait_until(lambda: len(refusals) == 9)
    assert answers == []
    gate.opened.set()
    for caller in callers:
        caller.join(30)

    assert answers == [RIGHT] * 3
    assert len(refusals) == 9
    assert all(busy.retry_after >= 1 for busy in refusals)
    assert hasher.verifications == 3


def test_one_place_serves_one_password_after_another(gate: Gate) -> None:
    gate.opened.set()
    hasher = Hasher(PEPPER, CHEAP, threads=1, queue=0)
    with hasher.place() as place:
        answers = [place.verify("Plain Tale 7", phc) for phc in (CAFE_FIN_12, PLAIN_TALE_7, None)]
        made = place.hash("Plain Tale 7")
        with pytest.raises(Busy):
            hasher.hash("another")

    assert answers == [WRONG, RIGHT, WRONG]
    assert hasher.verify("Plain Tale 7", made) == RIGHT
    assert hasher.verifications == 4


def test_a_place_makes_no_hash_of_what_is_too_long(hasher: Hasher) -> None:
    with hasher.place() as place, pytest.raises(PasswordTooLong, match="1024 bytes"):
        place.hash("x" * 1025)


def test_the_queue_takes_callers_again_once_it_has_emptied(gate: Gate) -> None:
    hasher = Hasher(PEPPER, CHEAP, threads=1, queue=0)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(hasher.verify, "Plain Tale 7", PLAIN_TALE_7)
        wait_until(lambda: len(gate.priorities) == 1)
        with pytest.raises(Busy):
            hasher.verify("Plain Tale 7", PLAIN_TALE_7)
        with pytest.raises(Busy):
            hasher.hash("Plain Tale 7")
        gate.opened.set()
        assert first.result(30) == RIGHT

    assert hasher.verify("Plain Tale 7", PLAIN_TALE_7) == RIGHT


def test_retry_after_is_the_time_that_a_full_queue_takes(gate: Gate) -> None:
    hasher = Hasher(PEPPER, CHEAP, threads=1, queue=0)
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(hasher.verify, "Plain Tale 7", PLAIN_TALE_7)
        time.sleep(1.1)
        gate.opened.set()
        slow.result(30)
        gate.opened.clear()
        next_one = other.submit(hasher.verify, "Plain Tale 7", PLAIN_TALE_7)
        wait_until(lambda: len(gate.priorities) == 2)
        with pytest.raises(Busy, match="try again in") as refusal:
            hasher.verify("Plain Tale 7", PLAIN_TALE_7)
        gate.opened.set()
        next_one.result(30)

    assert 2 <= refusal.value.retry_after <= 30


def test_a_failure_of_argon2_reaches_the_caller_and_frees_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher(PEPPER, CHEAP, threads=1, queue=0)

    def fail(*_args: object, **_kwargs: object) -> bytes:
        raise argon2.exceptions.HashingError("Memory allocation error")

    with monkeypatch.context() as patch:
        patch.setattr(hashing, "hash_secret_raw", fail)
        for _ in range(3):
            with pytest.raises(argon2.exceptions.HashingError):
                hasher.verify("Plain Tale 7", PLAIN_TALE_7)

    assert hasher.verify("Plain Tale 7", PLAIN_TALE_7) == RIGHT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a niceness of its own")
def test_hashing_gives_way_to_everything_else(gate: Gate) -> None:
    gate.opened.set()
    before = os.getpriority(os.PRIO_PROCESS, get_native_id())

    Hasher(PEPPER, CHEAP, nice=10).verify("Plain Tale 7", PLAIN_TALE_7)

    assert gate.priorities == [max(10, before)]
    assert os.getpriority(os.PRIO_PROCESS, get_native_id()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_forked_after_the_first_password_hashes_too() -> None:
    script = """
import os
from idp.services.hashing import Hasher, HashParameters
hasher = Hasher(bytes(32), HashParameters(memory=64))
phc = hasher.hash("a b c")
child = os.fork()
if child == 0:
    os._exit(7 if hasher.verify("a b c", phc).ok and hasher.verifications == 1 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert hasher.verify("a b c", phc).ok
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(
    ("cores", "workers", "threads"), [(1, 1, 1), (2, 1, 1), (2, 2, 1), (8, 1, 7), (8, 2, 3), (8, 16, 1)]
)
def test_one_core_is_left_to_everything_else(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)

    assert hashing.threads_for(workers) == threads
