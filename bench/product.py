"""Start the product for the bench and register the client and the people it is driven with.

Everything goes through its public surface: `idp demo` makes the data, `idp client add` the client,
DIR/demo.json names the people.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import process
from bench.target import DISCOVERY_PATH, Client, Target, discover

_REDIRECT_URI: Final = "https://rp.example/callback"
_METADATA: Final = {
    "client_name": "Bench",
    "redirect_uris": [_REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "response_types": ["code"],
    "scope": "openid profile email",
    "token_endpoint_auth_method": "client_secret_basic",
    "first_party": True,
}


@dataclass(frozen=True, slots=True)
class Product:
    """The product on a data folder of its own; without a `database_url`, on the embedded database there."""

    data: Path
    port: int
    database_url: str

    def start(self, log: Path) -> process.Server:
        """Start it with one worker and wait until it is ready."""
        command = [_idp(), "demo", "--data", str(self.data), "--port", str(self.port), "--workers", "1"]
        if self.database_url:
            command += ["--database-url", self.database_url]
        return process.start("product", f"http://localhost:{self.port}", command, {}, log, DISCOVERY_PATH)

    def target(self, server: process.Server) -> Target:
        """The running product as the operations see it, with a client made for the bench."""
        people = json.loads((self.data / "demo.json").read_text())["accounts"]
        registered = json.loads(
            self._run("client", "add", "--metadata", "-", "--json", told=json.dumps(_METADATA))
        )
        return Target(
            name=server.name,
            origin=server.origin,
            client=Client(registered["client_id"], registered["client_secret"], _REDIRECT_URI),
            people=tuple((each["username"], each["password"]) for each in people if each["password"]),
            paths=discover(server.origin),
        )

    def disable(self, username: str) -> None:
        """Disable the account of `username`."""
        self._run("user", "disable", username, "--json")

    def _run(self, *words: str, told: str = "") -> str:
        environment = {**os.environ, "IDP_DATA": str(self.data)}
        done = subprocess.run(
            [_idp(), *words], check=True, capture_output=True, text=True, input=told, env=environment
        )
        return done.stdout


def _idp() -> str:
    return str(Path(sys.executable).with_name("idp"))
