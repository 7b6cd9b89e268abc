"""`idp worker`: what must be done beside the servers, once a minute.

Clean-up, retirement of keys whose last token has ended, and rotation by schedule. A task that fails is logged
and tried again; the others go on. Several workers may run: every task is safe to do twice.
"""

import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType

import click

from idp.cli.command import REFUSED, Answer, operates
from idp.cli.installation import Installation
from idp.db import cleanup
from idp.protocol import keyring
from idp.services import logs

_EVERY = 60.0
_log = logs.get()

Task = Callable[[Installation], object]


@click.command()
@click.option("--once", is_flag=True, help="Do everything once, and end with 1 if anything failed.")
@operates
def worker(installation: Installation, once: bool) -> Answer:
    """Clean up and rotate keys, once a minute until SIGTERM.

    Cleaning up deletes expired rows only. A signing key that has been active for 90 days is followed by the
    one that is announced.
    """
    logs.configure(level=installation.settings.log_level)
    _ = installation.masters  # A folder without keys is told now, not once a minute.
    if once:
        _ = installation.database
        return _answer(work(installation, threading.Event()))
    stop = _stop_by_signal()
    _log.info("worker_started")
    while not stop.is_set():
        work(installation, stop)
        stop.wait(_EVERY)
    _log.info("worker_stopped")
    return Answer({"stopped": True}, [])


def work(installation: Installation, stop: threading.Event) -> dict[str, object]:
    """Every task once, until told to stop; what each did, or None for one that failed."""
    results: dict[str, object] = {}
    for name, task in TASKS.items():
        if stop.is_set():
            break
        try:
            results[name] = task(installation)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other tasks and the next minute go on
            results[name] = None
            _log.error("worker_task_failed", task=name, exc_info=error)
        else:
            if results[name]:
                _log.info("worker_task_done", task=name, result=results[name])
    return results


def _sweep(installation: Installation) -> dict[str, int]:
    swept = cleanup.sweep(installation.database, installation.now())
    return {table: deleted for table, deleted in swept.items() if deleted}


def _retire(installation: Installation) -> list[str]:
    return keyring.retire_finished(installation.database, installation.lifetimes, installation.now())


def _rotate(installation: Installation) -> list[str]:
    database, masters, lifetimes = installation.database, installation.masters, installation.lifetimes
    now = installation.now()
    algorithms = keyring.due(database, lifetimes, now)
    for alg in algorithms:
        keyring.rotate(database, masters, alg, lifetimes, now)
    for alg in keyring.without_successor(database):
        _log.warning("no_key_announced", alg=alg, remedy="idp key init")
    return algorithms


TASKS: Mapping[str, Task] = {"sweep": _sweep, "retire_keys": _retire, "rotate_keys": _rotate}
"""In the order in which they run."""


def _answer(results: dict[str, object]) -> Answer:
    failed = [name for name, result in results.items() if result is None]
    lines = [f"{name}: {_said(result)}" for name, result in results.items()]
    return Answer({"results": results, "failed": failed}, lines, exit_code=REFUSED if failed else 0)


def _said(result: object) -> object:
    return "failed; the log says why" if result is None else result or "nothing to do"


def _stop_by_signal() -> threading.Event:
    stop = threading.Event()

    def stop_soon(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_soon)
    return stop
