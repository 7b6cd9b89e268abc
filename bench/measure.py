"""Windows into figures, rounds into medians.

A window is one operation on one server for a few seconds. A ratio is formed inside a round, from windows a
few seconds apart, and only then is the median of the rounds taken.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.browser import Browser
from bench.drive import drive
from bench.operations import Operation
from bench.process import Server
from bench.target import Target


@dataclass(frozen=True, slots=True)
class Figure:
    """What one window measured: a rate, latencies and processor time in milliseconds, the first errors."""

    operation: str
    server: str
    count: int
    per_second: float
    p50: float
    p99: float
    cpu: float
    driver_cpu: float
    failed: int
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under measurement with the browsers that are signed in at it."""

    server: Server
    target: Target
    browsers: tuple[Browser, ...]


def window(subject: Subject, name: str, operation: Operation, lanes: int, seconds: float) -> Figure:
    """Drive one operation on one server with as many `lanes` for `seconds`."""
    prepared = [operation(subject.target, browser) for browser in subject.browsers[:lanes]]
    server_before, driver_before = subject.server.cpu_seconds(), time.process_time()
    seen = drive(subject.target.address, prepared, seconds)
    server_spent = subject.server.cpu_seconds() - server_before
    driver_spent = time.process_time() - driver_before
    count = len(seen.latencies)
    return Figure(
        operation=name,
        server=subject.target.name,
        count=count,
        per_second=count / seen.seconds,
        p50=_quantile(seen.latencies, 0.50) * 1000,
        p99=_quantile(seen.latencies, 0.99) * 1000,
        cpu=server_spent * 1000 / max(count, 1),
        driver_cpu=driver_spent * 1000 / max(count, 1),
        failed=seen.failed,
        errors=tuple(seen.errors),
    )


def median(figures: Iterable[Figure], value: Callable[[Figure], float]) -> float:
    """The median of `value` over the rounds of one operation on one server."""
    return statistics.median(value(figure) for figure in figures)


def ratio(ours: Iterable[Figure], theirs: Iterable[Figure], value: Callable[[Figure], float]) -> float:
    """The median over the rounds of ours ÷ theirs; 0 where theirs did nothing."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(value(our) / (value(their) or float("inf")) for our, their in pairs)


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
