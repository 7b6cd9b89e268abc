"""Keep many HTTP connections busy from one thread.

A flow is a generator that yields a request and is sent the answer; a lane is one keep-alive connection
that runs flows one after another. One thread and epoll, because on a small machine a driver of threads
would take from the server what it wants to measure. A flow that meets an unexpected answer raises
`Unexpected`: it is counted and reported, and its lane goes on with a new connection.
"""

import selectors
import socket
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from bench.message import Response, parse

Flow: TypeAlias = Generator[bytes, Response, None]
Address: TypeAlias = tuple[str, int]

ANSWER_TIMEOUT = 30.0
_READ = 65536
_ERRORS_KEPT = 5


class Unexpected(Exception):
    """An answer the flow cannot go on with."""

    def __init__(self, wanted: str, response: Response) -> None:
        where = f" to {response.location}" if response.location else ""
        super().__init__(f"wanted {wanted}, got {response.status}{where}: {response.body[:200]!r}")


@dataclass(slots=True)
class Window:
    """A stretch of driving: seconds, the time of each finished flow, how many failed, the first errors."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Lane:
    flows: Iterator[Flow]
    connection: socket.socket
    flow: Flow | None = None
    started: float = 0.0
    received: bytearray = field(default_factory=bytearray)


def drive(address: Address, lanes: Iterable[Iterator[Flow]], seconds: float | None = None) -> Window:
    """Run every lane's flows until `seconds` are over, or until no lane has any left.

    A flow in flight at the end is finished and counted. Raises TimeoutError when no server answers any more.
    """
    return _Drive(address, seconds).run(lanes)


def once(address: Address, flow: Flow) -> float:
    """Run one flow and say how long it took; raises RuntimeError when it failed."""
    window = drive(address, [iter([flow])])
    if window.errors:
        raise RuntimeError(window.errors[0])
    return window.latencies[0]


class _Drive:
    def __init__(self, address: Address, seconds: float | None) -> None:
        self.address = address
        self.seconds = seconds
        self.window = Window()
        self.selector = selectors.EpollSelector()
        self.deadline = float("inf")

    def run(self, flows: Iterable[Iterator[Flow]]) -> Window:
        lanes = [_Lane(each, socket.create_connection(self.address)) for each in flows]
        begin = time.perf_counter()
        if self.seconds is not None:
            self.deadline = begin + self.seconds
        for lane in lanes:
            self._register(lane)
            self._next_flow(lane)
        while self.selector.get_map():
            ready = self.selector.select(ANSWER_TIMEOUT)
            if not ready:
                raise TimeoutError(f"no answer from {self.address} for {ANSWER_TIMEOUT:.0f} s")
            for key, _events in ready:
                self._receive(key.data)
        self.selector.close()
        self.window.seconds = time.perf_counter() - begin
        return self.window

    def _register(self, lane: _Lane) -> None:
        lane.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(lane.connection, selectors.EVENT_READ, lane)

    def _next_flow(self, lane: _Lane) -> None:
        lane.flow = None if time.perf_counter() >= self.deadline else next(lane.flows, None)
        if lane.flow is None:
            self.selector.unregister(lane.connection)
            lane.connection.close()
            return
        lane.started = time.perf_counter()
        self._advance(lane, None)

    def _receive(self, lane: _Lane) -> None:
        try:
            part = lane.connection.recv(_READ)
        except ConnectionError as error:
            self._failed(lane, repr(error))
            return
        if not part:
            self._failed(lane, "the server closed the connection before it answered")
            return
        lane.received += part
        response = parse(lane.received)
        if response is None:
            return
        lane.received.clear()
        if response.closes:
            self._reconnect(lane)
        self._advance(lane, response)

    def _advance(self, lane: _Lane, response: Response | None) -> None:
        if lane.flow is None:
            return
        try:
            request = next(lane.flow) if response is None else lane.flow.send(response)
        except StopIteration:
            self.window.latencies.append(time.perf_counter() - lane.started)
            self._next_flow(lane)
        except (Unexpected, ValueError) as error:
            self._failed(lane, str(error))
        else:
            self._send(lane, request)

    def _send(self, lane: _Lane, request: bytes) -> None:
        try:
            lane.connection.sendall(request)
        except ConnectionError as error:
            self._failed(lane, repr(error))

    def _failed(self, lane: _Lane, why: str) -> None:
        self.window.failed += 1
        if len(self.window.errors) < _ERRORS_KEPT:
            self.window.errors.append(why)
        self._reconnect(lane)
        self._next_flow(lane)

    def _reconnect(self, lane: _Lane) -> None:
        self.selector.unregister(lane.connection)
        lane.connection.close()
        lane.received.clear()
        lane.connection = socket.create_connection(self.address)
        self._register(lane)
