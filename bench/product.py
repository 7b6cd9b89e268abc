"""Start the product for the bench and register the client and the people it is driven with.

Everything goes through its public surface: `idp` makes the installation, `idp serve` serves it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import process
from bench.target import DISCOVERY_PATH, Client, Target, discover

_REDIRECT_URI: Final = "https://rp.example/callback"
_PASSWORD: Final = "Tin.Horse.Lamp19"
_PEOPLE: Final = 12
BORN: Final = "1984-02-29"
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
    mail_port: int

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
            "IDP_RECOVERY_PER_TEN_MINUTES": "1000000",
            "IDP_RECOVERY_PER_HOUR": "1000000",
            "IDP_RECOVERY_PER_PERSON_HOUR": "1000000",
            "IDP_RECOVERY_PER_PERSON_DAY": "1000000",
            "IDP_SMTP_URL": f"smtp://127.0.0.1:{self.mail_port}",
            "IDP_MAIL_FROM": "no-reply@esr.example",
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
            "--email": email_of(number),
            "--date-of-birth": BORN,
            "--username": username,
        }
        words = [word for pair in who.items() for word in pair]
        self._run("user", "add", *words, "--password-stdin", "--json", told=_PASSWORD)
        return username

    def disable(self, username: str) -> None:
        """Disable the account of `username`."""
        self._run("user", "disable", username, "--json")

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run `idp worker` beside the server; its log lies in the data folder."""
        with (self.data / "worker.log").open("wb") as log:
            running = subprocess.Popen(
                [_idp(), "--data", str(self.data), "worker"], stdout=log, stderr=log, env=self._environment
            )
        try:
            yield
        finally:
            running.terminate()
            running.wait()

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "IDP_DATA": str(self.data)}

    def _run(self, *words: str, told: str = "") -> str:
        done = subprocess.run(
            [_idp(), *words], check=True, capture_output=True, text=True, input=told, env=self._environment
        )
        return done.stdout


def email_of(number: int) -> str:
    """The address on record of person `number`, from 1."""
    return f"bench{number}@example.nhs.uk"


def _idp() -> str:
    return str(Path(sys.executable).with_name("idp"))
