"""Start a server, time its start, weigh it, count its processor time, stop it.

Linux: proc(5). Figures cover the started process and all it started, threads included; what a database
server of its own spends is not in them.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.drive import Flow, Unexpected, once
from bench.message import get
from bench.target import address_of

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_START_TIMEOUT: Final = 30.0
_STOP_TIMEOUT: Final = 15.0
_POLL: Final = 0.01
_OK: Final = 200
# Fields of /proc/PID/stat after the command, which is in brackets: parent, user time, system time.
_PARENT, _USER, _SYSTEM = 1, 11, 12


@dataclass(slots=True)
class Server:
    """A running server: its name, its first process and the seconds it took to be ready."""

    name: str
    origin: str
    process: subprocess.Popen[bytes]
    ready_seconds: float

    def cpu_seconds(self) -> float:
        """Processor time spent so far by all its processes, in seconds."""
        ticks = 0
        for pid in self._pids():
            fields = _stat(pid)
            ticks += int(fields[_USER]) + int(fields[_SYSTEM])
        return ticks / _TICKS

    def worker_mebibytes(self) -> float:
        """Resident memory of its largest process, in MiB."""
        return max(_resident_kibibytes(pid) for pid in self._pids()) / 1024

    def stop(self) -> None:
        """Ask it to end, and end it by force when it does not."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _pids(self) -> list[int]:
        parents = {
            int(entry.name): _parent(int(entry.name))
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
        }
        tree = [self.process.pid]
        for pid in tree:
            tree += [child for child, parent in parents.items() if parent == pid]
        return tree


def start(
    name: str, origin: str, command: Sequence[str], environment: Mapping[str, str], log: Path, ready: str
) -> Server:
    """Start `command` and wait until GET `ready` answers 200; its output goes to `log`.

    Raises RuntimeError with the end of the log when it ends or does not become ready.
    """
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
    while time.perf_counter() - begin < _START_TIMEOUT and process.poll() is None:
        if _answers(origin, ready):
            return Server(name, origin, process, time.perf_counter() - begin)
        time.sleep(_POLL)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    raise RuntimeError(
        f"{name} did not become ready; its last words:\n{log.read_text(errors='replace')[-2000:]}"
    )


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(origin: str, path: str) -> bool:
    def flow() -> Flow:
        response = yield get(origin.partition("//")[2], path)
        if response.status != _OK:
            raise Unexpected("readiness", response)

    try:
        once(address_of(origin), flow())
    except (OSError, RuntimeError):
        return False
    return True


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * (_SYSTEM + 1)


def _parent(pid: int) -> int:
    return int(_stat(pid)[_PARENT])


def _resident_kibibytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
