"""One thread at a time where threads have nothing to wait for but the interpreter.

SQLite answers a query in microseconds and gives the interpreter away around each; with many requests at once
its threads then spend more time handing it over than working (a userinfo call cost one and a half times as
much). Whoever answers programs takes a turn, and steps aside for every write, which has a queue of its own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A lock that its holder puts down while it waits for something else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for the others, then work alone."""
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let the others work meanwhile; nothing changes for a thread that has no turn."""
        if not getattr(self._mine, "is_held", False):
            yield
            return
        self._release()
        try:
            yield
        finally:
            self._acquire()

    def _acquire(self) -> None:
        self._lock.acquire()
        self._mine.is_held = True

    def _release(self) -> None:
        self._mine.is_held = False
        self._lock.release()
