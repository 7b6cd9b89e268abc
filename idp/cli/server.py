"""granian, set up for the provider: one process that watches, and the workers it forks.

What surprises: `backpressure` counts connections, the idle ones of a proxy included, not requests, so it
stays far above the number of threads. Every request is given a copy of the environment, so a worker forgets
our settings' variables before it serves.
"""

import gc
import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any, Final

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from idp import app
from idp.cli.companion import Companion
from idp.cli.process import end_with
from idp.services import logs
from idp.settings import Settings

_HEADER_MILLISECONDS: Final = 10_000
_MOST_HEADER_BYTES: Final = 16_384
_CONNECTIONS: Final = 1_024
_STOP_SECONDS: Final = 12

_log = logs.get()


def run(settings: Settings, worker: Companion | None = None) -> None:
    """Serve until SIGTERM or SIGINT, and finish what is in flight then.

    `worker` is a process beside it, which is started again when it dies. Raises OSError when the port is
    taken, SystemExit when workers keep failing.
    """
    logs.configure(level=settings.log_level)
    server = Granian(
        "idp.app:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        blocking_threads=settings.request_threads,
        runtime_threads=1,
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEADER_MILLISECONDS, max_buffer_size=_MOST_HEADER_BYTES
        ),
        websockets=False,
        # Its warnings about our threads come before it starts; those after are wanted.
        log_level=LogLevels.error,
        log_dictconfig=_logging(),
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    )
    server.on_startup(partial(_started, settings, worker))
    server.serve(target_loader=partial(_application, os.getpid()), wrap_loader=False)


def _logging() -> dict[str, Any]:
    """Let granian's records reach the root logger, which writes them as JSON."""
    silent: dict[str, Any] = {"handlers": [], "propagate": False}
    return {
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": silent},
    }


def _started(settings: Settings, worker: Companion | None) -> None:
    logging.getLogger("_granian").setLevel(logging.WARNING)
    if worker is not None:
        Thread(target=worker.watch, daemon=True).start()
    _log.info(
        "serving", issuer=settings.issuer, host=settings.host, port=settings.port, workers=settings.workers
    )


def _application(parent: int) -> Callable[..., Any]:
    """The WSGI application of one worker process, which ends with `parent`."""
    end_with(parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Inherited from the watcher, whose handlers would swallow them here until granian sets a worker's
        # own; nothing is in flight yet.
        signal.signal(number, signal.SIG_DFL)
    application = app.application()
    for name in [name for name in os.environ if name.startswith("IDP_")]:
        del os.environ[name]
    # What is there now stays for good: the collector need not visit it at every turn.
    gc.collect()
    gc.freeze()
    return application
