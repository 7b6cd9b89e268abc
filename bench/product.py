"""Start the product for the bench and register the client and the people it is driven with.

Everything goes through its public surface: `idp` makes the installation, `idp serve` serves it.
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
_PASSWORD: Final = "Tin.Horse.Lamp19"
_PEOPLE: Final = 12
_METADATA: Final = {
    "client_name": "Bench",
    "redirect_uris": [_REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "response_types": ["code"],
    "scope": "openid profile email api",
    "token_endpoint_auth_method": "client_secret_basic",
    "first_party": True,
}


@dataclass(frozen=True, slots=True)
class Product:
    """The product on a data folder of its own; without a `database_url`, on the embedded database there."""

    data: Path
    port: int
    database_url: str

    def make(self) -> None:
        """Make the installation: keys, schema, an employer and its staff."""
        self.data.mkdir(exist_ok=True)
        url = self.database_url or f"sqlite:///{self.data}/idp.db"
        settings = {
            "IDP_ISSUER": f"http://localhost:{self.port}",
            "IDP_DATABASE_URL": url,
            "IDP_KEYS_DIR": str(self.data / "keys"),
            "IDP_PORT": str(self.port),
            # One address sends everything here: what is measured is not how it is limited.
            "IDP_LOGIN_PAGES_PER_MINUTE": "1000000",
            "IDP_SIGN_INS_PER_MINUTE": "1000000",
            "IDP_FAILED_NAMES_PER_TEN_MINUTES": "1000000",
        }
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.data / "settings.env").write_text(lines)
        self._run("db", "upgrade")
        self._run("key", "init")
        self._run("employer", "add", "--code", "918", "--name", "Bench Trust")

    def start(self, log: Path) -> process.Server:
        """Start it with one worker and wait until it is ready."""
        command = [_idp(), "--data", str(self.data), "serve"]
        return process.start("product", f"http://localhost:{self.port}", command, {}, log, DISCOVERY_PATH)

    def target(self, server: process.Server) -> Target:
        """The running product as the operations see it, with a client and people made for the bench."""
        told = json.dumps(_METADATA)
        registered = json.loads(self._run("client", "add", "--metadata", "-", "--json", told=told))
        return Target(
            name=server.name,
            origin=server.origin,
            client=Client(registered["client_id"], registered["client_secret"], _REDIRECT_URI),
            people=tuple((self._add_person(number), _PASSWORD) for number in range(1, _PEOPLE + 1)),
            paths=discover(server.origin),
        )

    def _add_person(self, number: int) -> str:
        username = f"918BENCH{number:02d}"
        who = {
            "--employer": "918",
            "--given-name": "Ben",
            "--family-name": "Bench",
            "--email": f"bench{number}@example.nhs.uk",
            "--date-of-birth": "1984-02-29",
            "--username": username,
        }
        words = [word for pair in who.items() for word in pair]
        self._run("user", "add", *words, "--password-stdin", "--json", told=_PASSWORD)
        return username

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
