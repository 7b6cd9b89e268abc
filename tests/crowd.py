"""Many threads that do the same thing at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
THREADS = 12


def together(work: Callable[[], T], *, times: int = THREADS) -> list[T]:
    """What `work` answered each time, run by twelve threads that start at once."""
    start = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS, initializer=start.wait, initargs=(10,)) as crowd:
        return [done.result() for done in [crowd.submit(work) for _ in range(times)]]
