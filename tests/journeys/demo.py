"""`idp demo` in a process of its own, on free ports, and an application that only listens."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from click.testing import CliRunner

from idp.cli import main
from idp.cli.demo.place import LAST_PORT
from idp.cli.process import end_with
from tests.journeys.live import free_port, without_settings
from tests.journeys.mail import Mailbox
from tests.site import request_for

BORN = date(1985, 6, 17)
"""When everybody whom tests hire was born."""

_STOP_SECONDS = 30
_WAIT_SECONDS = 15
_NO_SETTINGS = dict.fromkeys(name for name in os.environ if name.startswith("IDP_"))


@dataclass(frozen=True, slots=True)
class Received:
    """What came back to the application, and how."""

    method: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on record: one of the demo's own, or `hire`d by a test that would spoil those for others."""

    username: str
    password: str | None
    email: str
    born: date


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo. `described` is its demo.json; `received` is filled by the application that listens."""

    port: int
    folder: Path
    described: dict[str, Any]
    received: Queue[Received]
    mailbox: Mailbox

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def self_service(self) -> str:
        return f"http://localhost:{self.port + 1}"

    def in_the_reader(self, card: str | None) -> dict[str, Any]:
        """What a browser is opened with that has this card, or none."""
        # The card is shown by a proxy of the browser's driver, whose own certificate nobody knows.
        options: dict[str, Any] = {"ignore_https_errors": True}
        if card is not None:
            files = next(each for each in self.described["cards"] if each["name"] == card)
            shown = {"pfxPath": files["p12"], "passphrase": files["p12_password"]}
            options["client_certificates"] = [{"origin": self.described["smartcard_origin"], **shown}]
        return options

    @property
    def care_identity(self) -> str:
        return f"http://localhost:{self.port + 4}"

    @property
    def learning(self) -> str:
        return f"http://localhost:{self.port + 3}"

    def password(self, username: str) -> str:
        """A persona's password."""
        password = self.persona(username).password
        assert password is not None
        return password

    def persona(self, username: str) -> Person:
        """One of the demo's own people."""
        account = next(each for each in self.described["accounts"] if each["username"] == username)
        born = date.fromisoformat(account["date_of_birth"])
        return Person(username, account["password"], account["email"], born)

    def idp(self, *words: str, stdin: str | None = None) -> str:
        """What a command says that an operator runs on the demo."""
        result = CliRunner(env=_NO_SETTINGS).invoke(
            main, ["--data", str(self.folder), *words], input=stdin, catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        return result.stdout

    def hire(self, name: str, password: str | None, *more: str, employer: str = "918") -> Person:
        """Put somebody on record, or give who is there another account; pending without a password."""
        given, family = name.split()
        email = f"{given}.{family}@nhs.example".lower()
        said = self.idp(
            *("user", "add", "--employer", employer, "--given-name", given, "--family-name", family),
            *("--email", email, "--date-of-birth", BORN.isoformat()),
            *("--job-title", "Porter", "--locality", "Leeds", *more, "--json"),
            "--no-mail" if password is None else "--password-stdin",
            stdin=password,
        )
        return Person(json.loads(said)["username"], password, email, BORN)

    def authorize(self, client_id: str, **asked: str | None) -> str:
        """The address that starts a sign-in for one of the test clients."""
        client = next(each for each in self.described["clients"] if each["client_id"] == client_id)
        query = request_for(client_id, **{"redirect_uri": client["redirect_uris"][0], **asked})
        return f"{self.issuer}/authorize?{urlencode(query)}"

    def answer(self) -> Received:
        """What the application receives next."""
        return self.received.get(timeout=_WAIT_SECONDS)


@contextmanager
def running(folder: Path) -> Iterator[Demo]:
    """Run the demo until the block ends."""
    port = free_port(beside=tuple(range(1, LAST_PORT + 1)))
    command = [sys.executable, "-m", "idp", "demo", "--port", str(port), "--data", str(folder)]
    process = subprocess.Popen(
        command,
        env=without_settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is the test run's to answer.
        preexec_fn=partial(end_with, os.getpid()),  # noqa: PLW1509 - no other thread holds a lock now
    )
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if line.startswith("Ready."):
                break
        else:
            raise AssertionError(said)
        described = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        with listening(port + 5) as received:
            yield Demo(port, folder, described, received, Mailbox(Path(described["outbox"])))
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=_STOP_SECONDS)
    assert "Stopped." in said


@contextmanager
def listening(port: int) -> Iterator[Queue[Received]]:
    """An application that does nothing but remember what it receives."""
    received: Queue[Received] = Queue()

    class Application(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/callback":  # Browsers ask for an icon as well.
                received.put(Received("GET", dict(parse_qsl(asked.query))))
            self._thank()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(Received("POST", dict(parse_qsl(body.decode()))))
            self._thank()

        def _thank(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Received</title><h1>Received</h1>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Application) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield received
        server.shutdown()
