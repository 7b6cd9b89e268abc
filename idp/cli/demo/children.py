"""The processes of a demo: started together, ready together, and none left behind."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final, Self

import click

from idp.cli.demo import care_identity, certificates
from idp.cli.demo.clients import LEARNING, SELF_SERVICE
from idp.cli.demo.place import Place, bundled
from idp.cli.process import end_with

_READY_SECONDS: Final = 60
_STOP_SECONDS: Final = 15
_POLL_SECONDS: Final = 0.03
_ANSWER_SECONDS: Final = 5
_LAST_LINES: Final = 15
_OK: Final = 200


@dataclass(slots=True)
class Child:
    """A process, where it says that it is ready, and what it has said; `ca` vouches for it, if it has TLS."""

    name: str
    log: Path
    address: tuple[str, int]
    path: str
    process: subprocess.Popen[bytes]
    ca: Path | None = None
    is_ready: bool = False

    def ask(self) -> None:
        """Find out whether it is ready."""
        host, port = self.address
        if self.ca is None:
            connection = HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
        else:
            trusting = ssl.create_default_context(cafile=str(self.ca))
            connection = HTTPSConnection(host, port, timeout=_ANSWER_SECONDS, context=trusting)
        try:
            connection.request("GET", self.path, headers={"Host": f"localhost:{port}"})
            self.is_ready = connection.getresponse().status == _OK
        except (OSError, HTTPException):
            self.is_ready = False
        finally:
            connection.close()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])


class Children:
    """The processes of one demo; leaving the block stops them all."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def start_relying_parties(self, place: Place) -> None:
        """Start both; they ask nothing of the provider before a person comes."""
        here, there = (SELF_SERVICE, place.port + 1), (LEARNING, place.port + 3)
        self._start_relying_party(place, "self_service", here, there)
        self._start_relying_party(place, "learning", there, here)

    def start_authority(self, place: Place) -> None:
        """Start what says which smartcards are revoked."""
        command = (
            sys.executable,
            str(bundled("examples") / "card_authority.py"),
            f"--certificate={place.ca}",
            f"--key={place.ca_key}",
            *(f"--revoked={card}" for card in certificates.revoked(place)),
            f"--port={place.authority_port}",
        )
        self._start("card-authority", command, place, ("127.0.0.1", place.authority_port), "/healthz", {})

    def start_care_identity(self, place: Place) -> None:
        """Start the stand-in for NHS Care Identity; it asks for the provider's keys when somebody comes."""
        command = (
            sys.executable,
            str(bundled("examples") / "care_identity.py"),
            f"--port={place.care_identity_port}",
            f"--client-id={care_identity.CLIENT_ID}",
            f"--client-jwks-uri={place.issuer}/care-identity/jwks.json",
            f"--redirect-uri={place.issuer}/care-identity/return",
            f"--backchannel-logout-uri={place.issuer}/care-identity/logout",
            f"--people={place.care_identity_people}",
        )
        self._start("care-identity", command, place, ("127.0.0.1", place.care_identity_port), "/healthz", {})

    def start_provider(self, place: Place) -> None:
        """Start the provider on the folder's settings."""
        command = (sys.executable, "-P", "-m", "idp", "serve", "--with-worker")
        self._start(
            "issuer", command, place, (place.host, place.port), "/readyz", {"IDP_DATA": str(place.folder)}
        )

    def start_smartcard_origin(self, place: Place) -> None:
        """Start what asks browsers for a smartcard, on the same settings."""
        command = (sys.executable, "-P", "-m", "idp", "smartcard")
        address, more = (place.host, place.smartcard_port), {"IDP_DATA": str(place.folder)}
        self._start("smartcard", command, place, address, "/healthz", more, ca=place.ca)

    def wait_until_ready(self, *names: str) -> None:
        """Return when the processes of these names, or all, answer.

        Raises ClickException when one ends or takes too long.
        """
        deadline = time.monotonic() + _READY_SECONDS
        wanted = [child for child in self._all if not names or child.name in names]
        while waiting := [child for child in wanted if not child.is_ready]:
            for child in waiting:
                child.ask()
            self.refuse_dead()
            if time.monotonic() > deadline:
                child = waiting[0]
                raise click.ClickException(
                    f"{child.name} does not get ready. Its log ends:\n{child.last_words()}"
                )
            time.sleep(_POLL_SECONDS)

    def refuse_dead(self) -> None:
        """Raise ClickException when a process has ended."""
        for child in self._all:
            status = child.process.poll()
            if status is not None:
                raise click.ClickException(
                    f"{child.name} ended ({status}). Its log ends:\n{child.last_words()}"
                )

    def _start_relying_party(
        self, place: Place, script: str, here: tuple[str, int], there: tuple[str, int]
    ) -> None:
        client_id, port = here
        command = (
            sys.executable,
            str(bundled("examples") / f"{script}.py"),
            f"--issuer={place.issuer}",
            f"--client-id={client_id}",
            f"--client-secret-file={place.clients / client_id}.secret",
            f"--port={port}",
            f"--other-url=http://localhost:{there[1]}",
        )
        self._start(client_id, command, place, ("127.0.0.1", port), "/healthz", {})

    def _start(
        self,
        name: str,
        command: Sequence[str],
        place: Place,
        address: tuple[str, int],
        path: str,
        more: Mapping[str, str],
        *,
        ca: Path | None = None,
    ) -> None:
        log = place.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own programs, and no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=place.folder,
                env={**_environment(), **more},
                start_new_session=True,  # Ctrl-C is ours to hand on.
                preexec_fn=partial(end_with, os.getpid()),  # noqa: PLW1509 - we have no threads
            )
        self._all.append(Child(name, log, address, path, process, ca))

    def _stop(self) -> None:
        for child in self._all:
            child.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._all:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def _environment() -> dict[str, str]:
    """What children inherit: nothing that would settle a demo otherwise, and no way round to this machine."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("IDP_") or _is_taste(name)
    }
    local = _joined(
        [*kept.get("NO_PROXY", kept.get("no_proxy", "")).split(","), "localhost", "127.0.0.1", "::1"]
    )
    return {**kept, "NO_PROXY": local, "no_proxy": local}


def _is_taste(name: str) -> bool:
    return name in {"IDP_LOG_LEVEL", "IDP_REQUEST_THREADS", "IDP_HASH_THREADS", "IDP_DATABASE_POOL"}


def _joined(parts: Iterable[str]) -> str:
    return ",".join(part for part in parts if part)
