"""`idp worker` beside a server: started with it, started again when it dies, and stopped with it.

A worker that cannot live is tried less and less often, so that its log stays readable.
"""

import os
import subprocess
import sys
import time
from datetime import timedelta
from threading import Event, Lock
from typing import Final

from idp.policy import backoff
from idp.policy.backoff import Backoff
from idp.services import logs

_PAUSES: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))
_LONG_ENOUGH_SECONDS: Final = 60.0
_TOLD_TO_STOP: Final = frozenset({0, -15})
_log = logs.get()


class Companion:
    """One worker at a time, as long as the server runs."""

    def __init__(self) -> None:
        self._is_over = Event()
        # Starting one and stopping it exclude each other: none is left behind.
        self._lock = Lock()
        self._process = _start()

    def watch(self) -> None:
        """Start a worker again whenever it has died; return when it was told to stop. For a thread."""
        failures = 0
        while True:
            begun = time.monotonic()
            status = self._process.wait()
            if status in _TOLD_TO_STOP or self._is_over.is_set():
                return
            failures = 1 if time.monotonic() - begun > _LONG_ENOUGH_SECONDS else failures + 1
            pause = backoff.wait(_PAUSES, failures)
            _log.error("worker_ended", exit_status=status, again_in_seconds=pause.total_seconds())
            self._is_over.wait(pause.total_seconds())
            with self._lock:
                if self._is_over.is_set():
                    return
                self._process = _start()

    def stop(self) -> None:
        """Let the worker finish what it has in hand, and start no other."""
        with self._lock:
            self._is_over.set()
        self._process.terminate()
        self._process.wait()


def _start() -> subprocess.Popen[bytes]:
    # It sees to it itself that it ends with us: nothing can be run between fork and exec beside threads.
    command = [sys.executable, "-P", "-m", "idp", "worker", "--parent", str(os.getpid())]
    return subprocess.Popen(command)  # noqa: S603 - our own program, and no shell
