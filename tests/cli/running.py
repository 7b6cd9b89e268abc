"""Start `idp` as a process of its own, wait for what it says, and know who its descendants are."""

import http.client
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from idp.cli.process import why_not_free

PATIENCE = 60.0


def idp(*words: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without settings but those given."""
    return subprocess.run(
        _command(words), env=_environ(environ), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def start(log: Path, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command that goes on; what it says is in `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(_command(words), env=_environ(environ), stdout=output, stderr=output)


def wait_until(condition: Callable[[], object], log: Path) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask it to stop; its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


def status(port: int, path: str) -> int | None:
    """How a server on this machine answers a GET; None when there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def free_port(offsets: Iterable[int] = (0,)) -> int:
    """A port that is free, as are those at the offsets after it."""
    while True:
        port = random.randint(20_000, 30_000)  # noqa: S311 - below what the system hands out
        if all(why_not_free("localhost", port + offset) is None for offset in offsets):
            return port


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    children = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children |= {int(child) for child in task.read_text().split()}
    return children | {below for child in children for below in descendants(child)}


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _command(words: Iterable[str]) -> list[str]:
    return [sys.executable, "-m", "idp", *words]


def _environ(more: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
    return {**kept, **(more or {})}
