"""The floor under every figure: a Flask view with one SELECT and one INSERT, and the password hash alone."""

import subprocess
import sys
from pathlib import Path

from bench import process
from bench.target import Client, Target


def start(database_url: str, port: int, threads: int, log: Path) -> process.Server:
    """Start the view on a database, under the product's server with as many blocking `threads`."""
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "warning"]
    shape = ["--workers", "1", "--runtime-threads", "1", "--blocking-threads", str(threads)]
    command = [*server, *shape, "--host", "127.0.0.1", "--port", str(port), "bench.bare.app:app"]
    environment = {"BENCH_DATABASE_URL": database_url}
    return process.start("bare view", f"http://localhost:{port}", command, environment, log, "/bare")


def target(server: process.Server) -> Target:
    """The running view as the operation sees it; it has neither client nor people."""
    return Target(name=server.name, origin=server.origin, client=Client("", "", ""), people=(), paths={})


def hashes_per_second(seconds: float, threads: int) -> float:
    """The rate of the product's password hash in a pool of `threads`, with nothing else running."""
    command = [sys.executable, "-m", "bench.bare.hashing", str(seconds), str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
