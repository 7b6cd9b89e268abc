"""One run: start the servers, sign people in, and measure everything in turns.

All servers are up throughout and one is busy at a time. In a round an operation's windows follow one
another, so that what is compared is seconds apart.
"""

import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from bench import bare, guessing, machine, peer, postgresql, process, recovery
from bench.browser import Browser
from bench.drive import once
from bench.measure import Subject, window
from bench.operations import BARE_VIEW, OPERATIONS, sign_in
from bench.process import Server
from bench.product import Product
from bench.report import BARE, SIGN_IN, Run
from bench.target import Target

_LANES: Final = 8
_SIGN_IN_LANES: Final = 4
_WARM_UP_SECONDS: Final = 1.0
_STARTS: Final = 3
_BLOCKING_THREADS: Final = 32  # as `idp serve` has them


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, how often and how long."""

    database: str
    rounds: int
    seconds: float
    operations: tuple[str, ...]
    with_peer: bool
    with_product: bool


def measure(plan: Plan) -> Run:
    """Carry out the plan. Raises RuntimeError when a server does not start or a person cannot sign in."""
    settings = {"rounds": str(plan.rounds), "window": f"{plan.seconds:g} s", "connections": str(_LANES)}
    run = Run(plan.database, machine.facts(), settings)
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        storage = stack.enter_context(_storage(plan.database, work))
        subjects = {}
        if plan.with_product:
            product = Product(work / "product", process.free_port(), storage["product"], process.free_port())
            subjects["product"] = _product(stack, product, work, run)
        if plan.with_peer:
            peer.install()
            run.facts |= peer.versions()
            server = _kept(stack, peer.start(storage["peer"], process.free_port(), work / "peer.log"))
            subjects["peer"] = _signed_in(server, peer.target(server, _LANES))
        server = _kept(
            stack, bare.start(storage[BARE], process.free_port(), _BLOCKING_THREADS, work / "bare.log")
        )
        subjects[BARE] = Subject(server, bare.target(server), (Browser(server.origin, ""),) * _LANES)
        _measure_rounds(plan, subjects, run)
        for name, subject in subjects.items():
            run.worker_mebibytes[name] = subject.server.worker_mebibytes()
        if plan.with_product and SIGN_IN in plan.operations:
            run.guessing_milliseconds = guessing.medians(subjects["product"].target, product.disable)
            run.recovery_milliseconds = recovery.medians(subjects["product"].target, product)
    return run


def _measure_rounds(plan: Plan, subjects: dict[str, Subject], run: Run) -> None:
    _measure_round(plan, subjects, Run(run.database, {}, {}), min(plan.seconds, _WARM_UP_SECONDS))
    for number in range(plan.rounds):
        _measure_round(plan, subjects, run, plan.seconds)
        print(f"round {number + 1} of {plan.rounds}: {run.failed} errors so far", flush=True)


def _measure_round(plan: Plan, subjects: dict[str, Subject], run: Run, seconds: float) -> None:
    run.add(BARE, window(subjects[BARE], BARE, BARE_VIEW, _LANES, seconds))
    for name in plan.operations:
        for role, subject in subjects.items():
            if role == BARE or (name == SIGN_IN and role != "product"):
                continue
            lanes = _SIGN_IN_LANES if name == SIGN_IN else _LANES
            run.add(role, window(subject, name, OPERATIONS[name], lanes, seconds))
    if SIGN_IN in plan.operations:
        run.hashes_per_second.append(bare.hashes_per_second(seconds, max(1, (os.cpu_count() or 1) - 1)))


def _product(stack: contextlib.ExitStack, product: Product, work: Path, run: Run) -> Subject:
    product.make()
    starts = []
    for _ in range(_STARTS - 1):
        server = product.start(work / "product.log")
        starts.append(server.ready_seconds)
        server.stop()
    server = _kept(stack, product.start(work / "product.log"))
    run.ready_seconds["product"] = statistics.median([*starts, server.ready_seconds])
    target = product.target(server)
    return _signed_in(
        server, replace(target, people=tuple(filter(partial(_may_sign_in, target), target.people)))
    )


def _kept(stack: contextlib.ExitStack, server: Server) -> Server:
    stack.callback(server.stop)
    return server


def _signed_in(server: Server, target: Target) -> Subject:
    browsers = tuple(
        Browser(target.origin, *target.people[lane % len(target.people)]) for lane in range(_LANES)
    )
    for browser in browsers:
        once(target.address, sign_in(target, browser))
    return Subject(server, target, browsers)


def _may_sign_in(target: Target, person: tuple[str, str | None]) -> bool:
    """Whether this person of the demo gets in with a password alone; some are there to show a refusal."""
    try:
        once(target.address, sign_in(target, Browser(target.origin, *person)))
    except RuntimeError:
        return False
    return True


@contextlib.contextmanager
def _storage(database: str, work: Path) -> Iterator[dict[str, str]]:
    """Where each server keeps its rows, as that server is told it."""
    if database == "sqlite":
        yield {"product": "", "peer": str(work / "peer.db"), BARE: f"sqlite:///{work / 'bare.db'}"}
        return
    with postgresql.running(("product", "peer", BARE)) as addresses:
        yield {**addresses, "product": addresses["product"].replace("postgresql:", "postgresql+psycopg:", 1)}
