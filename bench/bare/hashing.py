"""The password hash alone: python -m bench.bare.hashing SECONDS THREADS prints hashes a second.

Argon2id 19 MiB, t = 2, p = 1, the product's default, in threads at nice 10 that are never without work.
"""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NICE: Final = 10


def _be_nice() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _verified_until(deadline: float, phc: str) -> int:
    count = 0
    while time.perf_counter() < deadline:
        _HASHER.verify(phc, "three random words")
        count += 1
    return count


def _rate(seconds: float, threads: int) -> float:
    phc = _HASHER.hash("three random words")
    begin = time.perf_counter()
    with ThreadPoolExecutor(threads, initializer=_be_nice) as pool:
        counts = [pool.submit(_verified_until, begin + seconds, phc) for _ in range(threads)]
        total = sum(each.result() for each in counts)
    return total / (time.perf_counter() - begin)


if __name__ == "__main__":
    print(_rate(float(sys.argv[1]), int(sys.argv[2])))
