"""Hash passwords slowly, without slowing anything else down.

Argon2id (RFC 9106) over HMAC-SHA-256(pepper, NFKC(password)), kept as a PHC string. The pepper lives
outside the database, so a stolen database alone cannot be guessed against. Hashing happens on a few threads
of low priority behind a bounded queue: in a storm of sign-ins the queue answers `Busy`, memory stays
bounded and token requests keep their speed. Each `verify` costs one Argon2 run, whether or not the account
exists, its stored hash is damaged or the password is far too long: time tells a stranger nothing.
"""

import base64
import binascii
import hmac
import math
import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, get_native_id
from typing import Final, TypeVar

from argon2.low_level import Type, hash_secret, hash_secret_raw

from idp.services import logs

MAX_BYTES: Final = 1024
_SALT_BYTES: Final = 16
_TAG_BYTES: Final = 32
_PEPPER_BYTES: Final = 32
# NFKC keeps at least one character for every four it reads (ᾂ is a letter and three marks), so longer text
# cannot end up within MAX_BYTES. Measured before normalising, whose sorting of marks is quadratic.
_MAX_CHARACTERS: Final = 4 * MAX_BYTES
# KiB by passes. A damaged row must not occupy a thread for minutes: 64 passes over 64 MiB is the most we run.
_MAX_COST: Final = 64 * 1024 * 64
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,4}),p=([0-9]{1,3})"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})"
)
_log = logs.get()
_T = TypeVar("_T")


class Busy(Exception):
    """More passwords wait than may; nothing was hashed. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"The hash queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


class PasswordTooLong(ValueError):
    """The password is over `MAX_BYTES` bytes of UTF-8 after NFKC. It is never cut short."""


@dataclass(frozen=True, slots=True)
class HashParameters:
    """What one hash costs: `memory` in KiB, `passes` over it, `parallelism` lanes (RFC 9106 §3.1: m, t, p).

    The default is an equivalent setting of ASVS 5.0 appendix C, and the cheapest of them for the processor.
    """

    memory: int = 19 * 1024
    passes: int = 2
    parallelism: int = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the password was right, and whether its stored hash has other parameters than today's."""

    ok: bool
    needs_rehash: bool


@dataclass(frozen=True, slots=True)
class _Stored:
    parameters: HashParameters
    salt: bytes
    tag: bytes


def is_too_long(password: str) -> bool:
    """Say whether `password` is over `MAX_BYTES` bytes of UTF-8 after NFKC."""
    return _normalised(password) is None


def threads_for(workers: int) -> int:
    """Return how many hash threads each of `workers` processes may have: all cores but one, shared."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, (cores - 1) // workers)


class Hasher:
    """Hash and verify passwords on `threads` threads at niceness `nice`, with room for `queue` waiting calls.

    `pepper` has at least 256 bits. Threads start with the first password, so a forked process gets its own.
    Hashing takes at most `parameters.memory` for each of the threads.
    """

    def __init__(
        self,
        pepper: bytes,
        parameters: HashParameters | None = None,
        *,
        threads: int = 1,
        queue: int = 24,
        nice: int = 10,
    ) -> None:
        if len(pepper) < _PEPPER_BYTES:
            raise ValueError(f"The pepper has {len(pepper)} bytes; it needs at least {_PEPPER_BYTES}")
        self.parameters = parameters or HashParameters()
        self._pepper = pepper
        self._threads, self._queue, self._nice = threads, queue, nice
        # Costs what a stored hash costs, and matches nothing: no password is known to have a random tag.
        self._dummy = _Stored(self.parameters, os.urandom(_SALT_BYTES), os.urandom(_TAG_BYTES))
        self._pools: dict[int, _Pool] = {}

    @property
    def verifications(self) -> int:
        """How many times this process has run Argon2 to verify a password."""
        return self._pool().verifications

    def hash(self, password: str) -> str:
        """Return the PHC string to store for `password`.

        Raises `PasswordTooLong`, and `Busy` when the queue is full.
        """
        with self.place() as place:
            return place.hash(password)

    @contextmanager
    def place(self) -> Iterator["Place"]:
        """Take a place in the queue, for what has to happen between having one and hashing.

        Raises `Busy` when the queue is full: before anything was done, then.
        """
        pool = self._pool()
        pool.enter()
        try:
            yield Place(self, pool)
        finally:
            pool.leave()

    def verify(self, password: str, phc: str | None) -> Verified:
        """Compare `password` with the stored `phc` as `Place.verify` does. Raises `Busy`."""
        with self.place() as place:
            return place.verify(password, phc)

    def make(self, pool: "_Pool", password: str) -> str:
        """What `Place.hash` does, on its pool."""
        normal = _normalised(password)
        if normal is None:
            raise PasswordTooLong(f"A password has at most {MAX_BYTES} bytes")
        secret = self._peppered(normal)
        return pool.run(lambda: _hash(secret, self.parameters))

    def check(self, pool: "_Pool", password: str, phc: str | None) -> Verified:
        """What `Place.verify` does, on its pool."""
        normal = _normalised(password)
        stored = None if phc is None else _parse(phc)
        if phc is not None and stored is None:
            _log.error("password_hash_malformed")
        secret = self._peppered(normal or b"")
        same = pool.run_verification(lambda: _is_tag_of(secret, stored or self._dummy))
        ok = same and stored is not None and normal is not None
        return Verified(ok=ok, needs_rehash=ok and stored is not None and self._is_outdated(stored))

    def _peppered(self, normal: bytes) -> bytes:
        return hmac.digest(self._pepper, normal, "sha256")

    def _is_outdated(self, stored: _Stored) -> bool:
        """Say whether a new hash would be of another kind, cheaper included: the time taken would show it."""
        shape = (stored.parameters, len(stored.salt), len(stored.tag))
        return shape != (self.parameters, _SALT_BYTES, _TAG_BYTES)

    def _pool(self) -> "_Pool":
        """Return the pool of this process: threads and locks do not survive a fork, so each has its own."""
        pid = os.getpid()
        return self._pools.get(pid) or self._pools.setdefault(
            pid, _Pool(self._threads, self._queue, self._nice)
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue of a hasher: one run of Argon2 after another, as many as its holder needs."""

    _hasher: Hasher
    _pool: "_Pool"

    def hash(self, password: str) -> str:
        """Return the PHC string to store for `password`. Raises `PasswordTooLong`."""
        return self._hasher.make(self._pool, password)

    def verify(self, password: str, phc: str | None) -> Verified:
        """Compare `password` with the stored `phc`, or with nothing at all when the account does not exist.

        A password that is too long and a stored hash that cannot be read are answered `ok=False` after the
        same work; the second is logged as an error.
        """
        return self._hasher.check(self._pool, password, phc)


class _Pool:
    """A few slow threads, and a limit on how many callers may wait for them."""

    def __init__(self, threads: int, queue: int, nice: int) -> None:
        self.verifications = 0
        self._turns = (threads + queue) / threads
        self._seconds = 0.0
        self._lock = Lock()
        self._places = BoundedSemaphore(threads + queue)
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_give_way, initargs=(nice,))

    def run_verification(self, job: Callable[[], _T]) -> _T:
        """Run `job` like `run`, and count it."""
        result = self.run(job)
        with self._lock:
            self.verifications += 1
        return result

    def enter(self) -> None:
        """Take a place. Raises `Busy` at once when every place is taken."""
        if not self._places.acquire(blocking=False):
            raise Busy(max(1, math.ceil(self._turns * self._seconds)))

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    def run(self, job: Callable[[], _T]) -> _T:
        """Return what `job` returns, or raise what it raises, when its turn comes; the caller has a place."""
        return self._executor.submit(self._timed, job).result()

    def _timed(self, job: Callable[[], _T]) -> _T:
        started = time.monotonic()
        try:
            return job()
        finally:
            self._seconds = time.monotonic() - started


def _give_way(nice: int) -> None:
    """Lower this thread's priority where a thread has one of its own, and never raise it."""
    if sys.platform == "linux":
        thread = get_native_id()
        with suppress(OSError):  # a sandbox may forbid it; hashing then only competes on equal terms
            os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))


def _normalised(password: str) -> bytes | None:
    """Return the UTF-8 of the password's NFKC, so that every keyboard's é is one; None when too long."""
    if len(password) > _MAX_CHARACTERS:
        return None
    # Half of a surrogate pair is no Unicode text, but JSON may carry one: a wrong password, not a failure.
    normal = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return normal if len(normal) <= MAX_BYTES else None


def _hash(secret: bytes, parameters: HashParameters) -> str:
    return hash_secret(
        secret,
        os.urandom(_SALT_BYTES),
        time_cost=parameters.passes,
        memory_cost=parameters.memory,
        parallelism=parameters.parallelism,
        hash_len=_TAG_BYTES,
        type=Type.ID,
    ).decode("ascii")


def _is_tag_of(secret: bytes, stored: _Stored) -> bool:
    tag = hash_secret_raw(
        secret,
        stored.salt,
        time_cost=stored.parameters.passes,
        memory_cost=stored.parameters.memory,
        parallelism=stored.parameters.parallelism,
        hash_len=len(stored.tag),
        type=Type.ID,
    )
    return hmac.compare_digest(tag, stored.tag)


def _parse(phc: str) -> _Stored | None:
    """Read an argon2id PHC string; None when it is not one, or asks for more work than we ever run."""
    found = _PHC.fullmatch(phc)
    if found is None:
        return None
    memory, passes, parallelism = (int(number) for number in found.groups()[:3])
    if passes < 1 or parallelism < 1 or memory < 8 * parallelism or memory * passes > _MAX_COST:
        return None
    try:
        salt, tag = (_unpadded(text) for text in found.groups()[3:])
    except binascii.Error:
        return None
    return _Stored(HashParameters(memory, passes, parallelism), salt, tag)


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
