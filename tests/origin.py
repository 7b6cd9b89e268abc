"""The smartcard origin as it is run: `idp smartcard` in a process of its own, real TLS, real time."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from idp.cli.process import end_with
from tests.certificates import DAY, Authority, Card, a_name

STATE = "A" * 43
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, and where to, as its query."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return {
            name: values[0] for name, values in parse_qs(urlsplit(self.headers["Location"]).query).items()
        }


@dataclass
class Origin:
    """A running origin, and a browser that shows it any card."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    is_tls: bool = True

    def log(self) -> str:
        return (self.folder / "smartcard.log").read_text(encoding="utf-8")

    def context(self, card: Card | None = None) -> ssl.SSLContext:
        """A browser's, with or without a card in the reader."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls-ca.pem"))
        if card is not None:
            chain, key = self.folder / "shown.pem", self.folder / "shown.key"
            more = b"".join(each.public_bytes(Encoding.PEM) for each in card.more)
            chain.write_bytes(card.pem + more)
            key.write_bytes(card.key_pem)
            context.load_cert_chain(chain, key)
        return context

    def ask(
        self,
        path: str = f"/smartcard?state={STATE}",
        card: Card | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Answer:
        connection = (
            http.client.HTTPSConnection(
                "localhost", self.port, context=context or self.context(card), timeout=_PATIENCE
            )
            if self.is_tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        )
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the processes we start have real time


def server_card(authority: Authority) -> Card:
    """A certificate for this machine's servers."""
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return authority.card(
        None,
        name=a_name("localhost"),
        begins=now() - DAY,
        extensions={"names": (names, False), "extended": (uses, False)},
    )


def make_tls(folder: Path) -> None:
    """A certificate for the origin, and the authority that browsers trust for it."""
    authority = Authority.root("Server CA", begins=now() - DAY)
    made = server_card(authority)
    (folder / "tls-ca.pem").write_bytes(authority.pem)
    (folder / "tls.pem").write_bytes(made.pem)
    (folder / "tls.key").write_bytes(made.key_pem)


@contextmanager
def running(
    folder: Path, port: int, settings: Mapping[str, str], *, proxies: str | None = None
) -> Iterator[Origin]:
    """Run the origin until the block ends: with TLS of its own, or for a proxy that has it."""
    make_tls(folder)
    own = {
        "IDP_SMARTCARD_ORIGIN": f"https://localhost:{port}",
        "IDP_SMARTCARD_PORT": str(port),
        **(
            {
                "IDP_SMARTCARD_CERTIFICATE": str(folder / "tls.pem"),
                "IDP_SMARTCARD_KEY": str(folder / "tls.key"),
            }
            if proxies is None
            else {"IDP_SMARTCARD_PROXIES": proxies}
        ),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
    parent = os.getpid()
    with (folder / "smartcard.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "idp", "smartcard"],
            env={**kept, **settings, **own},
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is the test run's to answer.
            preexec_fn=lambda: end_with(parent),  # noqa: PLW1509 - no other thread holds a lock now
        )
    origin = Origin(process, port, folder, is_tls=proxies is None)
    try:
        _wait(origin)
        yield origin
        process.terminate()
        assert process.wait(_PATIENCE) == 0, origin.log()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_PATIENCE)


def a_free_port() -> int:
    """One that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait(origin: Origin) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        assert origin.process.poll() is None, origin.log()
        assert time.monotonic() < deadline, origin.log()
        try:
            if origin.ask("/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
