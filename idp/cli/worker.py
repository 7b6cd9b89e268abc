"""`idp worker`: what must be done beside the servers.

Every second, requests for login details are answered and mail that is due is sent; every minute, expired
rows are deleted, keys whose last token has ended are retired, keys are rotated by schedule, lists of revoked
smartcards are fetched and administrators told of requests that reached nobody. Three threads, so that a mail
server that takes its time holds up mail alone, and a long clean-up nobody.

A task that fails is logged and tried again; the others go on. Several workers may run: every task is safe to
do twice. Told to stop, a worker finishes the row in hand, if that takes no more than a few seconds.
"""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from types import FrameType

import click

from idp.accounts.delivery import Delivered
from idp.cli.command import REFUSED, Answer, operates
from idp.cli.installation import Installation
from idp.cli.process import end_with
from idp.db import Unavailable, cleanup, outbox
from idp.policy import backoff
from idp.policy.backoff import Backoff
from idp.protocol import keyring
from idp.services import logs

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_FAILING = Backoff(first=_SECOND, longest=_MINUTE)
_REMIND = timedelta(hours=1)
_FINISH_SECONDS = 5.0
_log = logs.get()

Task = Callable[[Installation, threading.Event], object]


@click.command()
@click.option(
    "--once", is_flag=True, help="Do everything that is due once, and end with 1 if anything failed."
)
@click.option("--parent", type=int, hidden=True, help="The process to end with.")
@operates
def worker(installation: Installation, once: bool, parent: int | None) -> Answer:
    """Answer requests for login details, send mail, clean up and rotate keys, until SIGTERM.

    Cleaning up deletes expired rows only. A signing key that has been active for 90 days is followed by the
    one that is announced.
    """
    if parent is not None:
        end_with(parent)
    logs.configure(level=installation.settings.log_level)
    _ = installation.masters  # A folder without keys is told now, not once a minute.
    if once:
        _ = installation.database
        return _answer(work(installation, every_task(), threading.Event()))
    stop = _stop_by_signal()
    _log.info("worker_started")
    _wait_for_database(installation, stop)
    _work_until(stop, installation)
    _log.info("worker_stopped")
    return Answer({"stopped": True}, [])


def every_task() -> dict[str, Task]:
    """Every task by its name, in the order in which they run once: what one queues, the next sends."""
    return {
        "recovery": _recover,
        "report_misses": _report_misses,
        "mail": _Mail(),
        "fetch_crls": _fetch_crls,
        "sweep": _sweep,
        "retire_keys": _retire,
        "rotate_keys": _rotate,
    }


QUICK = ("recovery", "mail")
"""Tasks that people wait for: each every second, in a thread of its own."""


def work(installation: Installation, tasks: Mapping[str, Task], stop: threading.Event) -> dict[str, object]:
    """Every task once, until told to stop; what each did, or None for one that failed."""
    results: dict[str, object] = {}
    for name, task in tasks.items():
        if stop.is_set():
            break
        try:
            results[name] = task(installation, stop)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other tasks and the next round go on
            results[name] = None
            _log.error("worker_task_failed", task=name, exc_info=error)
        else:
            if results[name]:
                _log.info("worker_task_done", task=name, result=results[name])
    return results


def _work_until(stop: threading.Event, installation: Installation) -> None:
    tasks = every_task()
    slow = {name: task for name, task in tasks.items() if name not in QUICK}
    loops = [({name: tasks[name]}, _SECOND) for name in QUICK if name in tasks]
    # Daemons: a mail server that never answers must not keep the process from ending.
    threads = [
        threading.Thread(target=_repeat, args=(installation, some, every, stop), daemon=True)
        for some, every in [*loops, (slow, _MINUTE)]
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(_FINISH_SECONDS)


def _repeat(
    installation: Installation, tasks: Mapping[str, Task], every: timedelta, stop: threading.Event
) -> None:
    failures = 0
    while not stop.is_set():
        has_failed = None in work(installation, tasks, stop).values()
        failures = failures + 1 if has_failed else 0
        pause = max(every, backoff.wait(_FAILING, failures)) if failures else every
        stop.wait(pause.total_seconds())


def _wait_for_database(installation: Installation, stop: threading.Event) -> None:
    failures = 0
    while not stop.is_set():
        try:
            _ = installation.database
        except Unavailable as unavailable:
            failures += 1
            _log.error("worker_waits_for_database", cause=str(unavailable))
            stop.wait(backoff.wait(_FAILING, failures).total_seconds())
        else:
            return


def _recover(installation: Installation, stop: threading.Event) -> int:
    """Answer every request for login details that is due; how many those were."""
    answered = 0
    while not stop.is_set() and (some := installation.recovery.work(stop=stop)):
        answered += some
    return answered


def _report_misses(installation: Installation, _stop: threading.Event) -> int:
    return installation.recovery.report_misses()


class _Mail:
    """Sends every mail that is due. Without a mail server it says so, once an hour, and the mails wait."""

    def __init__(self) -> None:
        self._reminded_at: datetime | None = None

    def __call__(self, installation: Installation, stop: threading.Event) -> dict[str, int]:
        if installation.delivery is None:
            self._remind(installation)
            return {}
        total: Counter[str] = Counter()
        while not stop.is_set() and (some := installation.delivery.due(stop=stop)) != Delivered():
            total.update(asdict(some))
        return {outcome: count for outcome, count in total.items() if count}

    def _remind(self, installation: Installation) -> None:
        now = installation.now()
        if self._reminded_at is not None and now < self._reminded_at + _REMIND:
            return
        with installation.database.read() as connection:
            waiting = outbox.counts(connection).waiting
        _log.warning(
            "mail_not_set_up", waiting=waiting, remedy="Set IDP_SMTP_URL and IDP_MAIL_FROM, and start again"
        )
        self._reminded_at = now


def _fetch_crls(installation: Installation, stop: threading.Event) -> Mapping[str, int]:
    """Fetch the revocation lists whose turn it is. One that fails has its alarm in the log, and no more."""
    return installation.smartcards.lists.fetch_due(stop)


def _sweep(installation: Installation, _stop: threading.Event) -> dict[str, int]:
    swept = cleanup.sweep(installation.database, installation.now())
    return {table: deleted for table, deleted in swept.items() if deleted}


def _retire(installation: Installation, _stop: threading.Event) -> list[str]:
    return keyring.retire_finished(installation.database, installation.lifetimes, installation.now())


def _rotate(installation: Installation, _stop: threading.Event) -> list[str]:
    database, masters, lifetimes = installation.database, installation.masters, installation.lifetimes
    now = installation.now()
    algorithms = keyring.due(database, lifetimes, now)
    for alg in algorithms:
        keyring.rotate(database, masters, alg, lifetimes, now)
    for alg in keyring.without_successor(database):
        _log.warning("no_key_announced", alg=alg, remedy="idp key init")
    return algorithms


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
