"""The provider as it is run: `idp serve` in a process of its own, with real workers and real time.

A `Line` is one connection that stays open, so that one worker process serves whatever is sent over it; its
number can be asked. A `Person` holds cookies and fills in forms as a browser without scripts would.
"""

import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, quote_plus, urlencode, urljoin, urlsplit

import requests

from idp.cli.process import end_with
from idp.db import Database
from tests.machine import cannot
from tests.site import CALLBACK, PASSWORD, VERIFIER, Site, request_for

_START_SECONDS = 20
_STOP_SECONDS = 20
_TIMEOUT = 30
_BELOW_CONNECTIONS = range(12_000, 32_000)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over a line."""

    status: int
    body: dict[str, Any]


class Line:
    """A connection that is kept alive, to one worker process."""

    def __init__(self, server: "LiveServer") -> None:
        self._server = server
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_TIMEOUT)
        try:
            self._http.request("GET", "/healthz")
            self._http.getresponse().read()
            self.worker = _owner(self._http.sock.getsockname()[1], server.port, server.workers())
        except BaseException:
            self.close()
            raise

    def post(self, path: str, client_id: str, **form: str) -> Answer:
        """What a client's server posts, authenticated with its secret if it has one."""
        self.send(path, client_id, **form)
        return self.receive()

    def send(self, path: str, client_id: str, **form: str) -> None:
        """Post, and do not wait."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        secret = self._server.site.secrets.get(client_id)
        if secret is None:
            form["client_id"] = client_id
        else:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        self._http.request("POST", path, urlencode(form), headers)

    def receive(self) -> Answer:
        """The answer. Raises OSError or HTTPException when the connection ends before it is whole."""
        response = self._http.getresponse()
        return Answer(response.status, json.loads(response.read() or b"{}"))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A running `idp serve`. `site` reaches the same database, to add people and clients to it."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    site: Site

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def database(self) -> Database:
        return self.site.provider.database

    def workers(self) -> frozenset[int]:
        """The worker processes that live now."""
        if not Path("/proc/self/task").exists():
            cannot("Worker processes are found through /proc.", remedy="run this test on Linux.")
        children = ""
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            with suppress(FileNotFoundError):  # It has ended meanwhile.
                children += (thread / "children").read_text()
        return frozenset(int(pid) for pid in children.split())

    def line(self, *, avoid: int | None = None) -> Line:
        """A connection to any worker but the one to avoid. The kernel chooses, so we try until it suits."""
        while True:
            line = Line(self)
            if line.worker != avoid:
                return line
            line.close()

    def lines(self, number: int) -> list[Line]:
        """As many connections, fairly shared among the workers."""
        lines: list[Line] = []
        fair_share = -(-number // len(self.workers()))
        while len(lines) < number:
            line = self.line()
            if [other.worker for other in lines].count(line.worker) < fair_share:
                lines.append(line)
            else:
                line.close()
        return lines

    def person(self) -> "Person":
        """Someone with a browser of their own."""
        return Person(self.issuer)

    def errors(self) -> list[dict[str, Any]]:
        """What the server has logged as an error, but for workers that a test has killed."""
        events = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [
            event
            for event in events
            if event["level"] in {"error", "critical"} and not event["event"].startswith("Unexpected exit")
        ]


class Person:
    """A browser without scripts: keeps cookies, follows redirects while they stay with us, sends forms."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._http = requests.Session()

    def get(self, url: str) -> requests.Response:
        """Go there, and on to where it leads."""
        return self._follow(self._http.get(url, allow_redirects=False, timeout=_TIMEOUT))

    def submit(self, page: requests.Response, **fields: str) -> requests.Response:
        """Fill in the form of the page and send it."""
        action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert action, page.text
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        form = {name: unescape(value) for name, value in hidden} | fields
        # What browsers say of themselves, and what the provider relies on.
        headers = {"Origin": self.issuer, "Sec-Fetch-Site": "same-origin"}
        target = urljoin(page.url, unescape(action[1]))
        return self._follow(
            self._http.post(target, form, headers=headers, allow_redirects=False, timeout=_TIMEOUT)
        )

    def sign_in(self, url: str, username: str = "918JSMITH01") -> str:
        """Go to an authorization request, log in if asked; the address the client is called back at."""
        response = self.get(url)
        if response.status_code == 200:
            response = self.submit(response, username=username, password=PASSWORD)
        assert response.is_redirect, (response.status_code, response.text)
        return response.headers["Location"]

    def code(self, client_id: str = "payslips", **asked: str) -> str:
        """A code for that client."""
        query = urlencode(request_for(client_id, **asked))
        callback = self.sign_in(f"{self.issuer}/authorize?{query}")
        return dict(parse_qsl(urlsplit(callback).query))["code"]

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self, response: requests.Response) -> requests.Response:
        while response.is_redirect and response.headers["Location"].startswith(f"{self.issuer}/"):
            response = self._http.get(response.headers["Location"], allow_redirects=False, timeout=_TIMEOUT)
        return response


def redemption(code: str) -> dict[str, str]:
    """The form that exchanges a code."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }


def renewal(refresh_token: str) -> dict[str, str]:
    """The form that uses a refresh token."""
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


@contextmanager
def serve(site: Site, *, keys_dir: Path, folder: Path, workers: int, **more: str) -> Iterator[LiveServer]:
    """Run `idp serve` on the site's database until the block ends, then let it stop in its own time.

    `more` are settings of a test's own.
    """
    port = free_port()
    log = folder / "serve.log"
    settings = {
        "IDP_ISSUER": f"http://localhost:{port}",
        "IDP_DATABASE_URL": site.provider.database.url,
        "IDP_KEYS_DIR": str(keys_dir),
        "IDP_PORT": str(port),
        "IDP_WORKERS": str(workers),
        **more,
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "idp", "serve"],
            env=without_settings() | settings,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is the test run's to answer.
            preexec_fn=partial(end_with, os.getpid()),  # noqa: PLW1509 - no other thread holds a lock now
        )
    server = LiveServer(process, port, log, site)
    try:
        wait_until_ready(server.issuer, process, log)
        yield server
        process.terminate()
        assert process.wait(_STOP_SECONDS) == 0, log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_STOP_SECONDS)


def wait_until_ready(issuer: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the provider says that it is ready."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            if requests.get(f"{issuer}/readyz", timeout=_TIMEOUT).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.02)


def free_port(beside: tuple[int, ...] = ()) -> int:
    """A port that nobody uses, as are those at these distances from it.

    Not one that the kernel gives to connections: one of those might take it before the server does.
    """
    while True:
        port = _BELOW_CONNECTIONS.start + secrets.randbelow(len(_BELOW_CONNECTIONS))
        if all(_is_free(port + distance) for distance in (0, *beside)):
            return port


def without_settings() -> dict[str, str]:
    """Our environment, as a process gets it that has settings of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except (OSError, OverflowError):
        return False


def _owner(client_port: int, server_port: int, workers: frozenset[int]) -> int:
    """The worker that holds the other end of a connection: /proc/net/tcp names its inode."""
    ends = (f"0100007F:{server_port:04X}", f"0100007F:{client_port:04X}")
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    inode = next(row[9] for row in rows if tuple(row[1:3]) == ends)
    for pid in workers:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # Closed meanwhile.
                if str(descriptor.readlink()) == f"socket:[{inode}]":
                    return pid
    raise LookupError(f"No worker of {sorted(workers)} holds the connection from port {client_port}.")
