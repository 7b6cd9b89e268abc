"""Stand-ins for the outside world: a clock that waits to be moved, and chance that repeats itself."""

import hashlib
import itertools
import uuid
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class FakeClock:
    """A clock that stands still until it is told to advance."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on; the new moment."""
        self._now += by
        return self._now


class FakeRandomness:
    """The same values in the same order in every run, each of them once. Different seeds share none."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._tokens = itertools.count()
        self._uuids = itertools.count()
        self._references = itertools.count(1)
        self._numbers = itertools.count()

    def token(self) -> str:
        return urlsafe_b64encode(self._draw("token", next(self._tokens))).decode().rstrip("=")

    def uuid(self) -> uuid.UUID:
        return uuid.UUID(bytes=self._draw("uuid", next(self._uuids))[:16], version=4)

    def reference(self) -> str:
        n = next(self._references)
        drawn = "".join(_CROCKFORD[n >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))
        return f"{drawn[:4]}-{drawn[4:]}"

    def below(self, n: int) -> int:
        return int.from_bytes(self._draw("number", next(self._numbers))) % n

    def _draw(self, kind: str, n: int) -> bytes:
        return hashlib.sha256(f"{self._seed} {kind} {n}".encode()).digest()
