"""A mail server for one test: it speaks real SMTP on loopback and keeps what it was given.

It can be told to misbehave as real ones do, for good (`sink.mode = "5xx"`) or for the next few messages
(`sink.next("die_after_data", times=3)`).
"""

import asyncio
import socket
import ssl
from collections import deque
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# ok              takes the message
# 4xx, 5xx        refuses it, at `refuse_at`
# die_after_data  takes the message and hangs up before it says so
# slow            takes the message and says so after `delay` seconds
# down            nobody listens; open connections are cut
Mode = Literal["ok", "4xx", "5xx", "die_after_data", "slow", "down"]
REFUSALS = {"4xx": "451 4.3.0 Try again later", "5xx": "550 5.1.1 No such mailbox here"}


class Received(NamedTuple):
    """A message that was taken: the id in its Message-ID, whom it was for, and what it says."""

    id: UUID
    to: str
    message: EmailMessage


@dataclass
class SmtpSink:
    """A server; `with SmtpSink() as sink` starts and stops it. `tls` offers STARTTLS, or is implicit.

    `login` is the user and password it wants. `stripped` hides STARTTLS, as an attacker on the line would.
    """

    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    login: tuple[str, str] | None = None
    stripped: bool = False
    refuse_at: Literal["mail", "rcpt", "data"] = "data"
    delay: float = 2.0
    host: str = "localhost"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    connections: int = 0
    logins: list[tuple[str, str]] = field(default_factory=list)
    _mode: Mode = "ok"
    _next: deque[Mode] = field(default_factory=deque)
    _controller: "_Controller | None" = None

    @property
    def url(self) -> str:
        """Where it listens, as the provider's setting wants it: without user and password."""
        return f"{'smtps' if self.implicit_tls else 'smtp'}://{self.host}:{self.port}"

    @property
    def mode(self) -> Mode:
        """How it answers."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "down":
            self.stop()
        elif self._controller is None:
            self.start()

    def next(self, mode: Mode, times: int = 1) -> None:
        """Answer the next messages so, and then as before."""
        self._next.extend([mode] * times)

    def start(self) -> None:
        """Listen, at the same port as before."""
        self.port = self.port or _free_port()
        self._controller = _Controller(self)
        self._controller.start()
        self.connections = 0  # the controller has knocked once itself

    def stop(self) -> None:
        """Hang up on everybody and stop to listen."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.hang_up()
            controller.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Controller(Controller):
    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink
        self._sessions: list[SMTP] = []
        super().__init__(
            _Handler(sink),
            hostname="127.0.0.1",
            port=sink.port,
            ssl_context=sink.tls if sink.implicit_tls else None,
            tls_context=None if sink.implicit_tls or sink.stripped else sink.tls,
            auth_require_tls=sink.tls is not None and not sink.implicit_tls,
            authenticator=self._authenticate if sink.login else None,
            server_hostname="sink.example",
        )

    def factory(self) -> SMTP:
        made: SMTP = super().factory()  # type: ignore[no-untyped-call]  # aiosmtpd's
        self._sink.connections += 1
        self._sessions.append(made)
        return made

    def hang_up(self) -> None:
        """Cut every open connection, in the server's own thread."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(10)

    async def _hang_up(self) -> None:
        for session in self._sessions:
            _cut(session)
        await asyncio.sleep(0)

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        pair = (given.login.decode(), given.password.decode())
        self._sink.logins.append(pair)
        return AuthResult(success=pair == self._sink.login, handled=False)


class _Handler:
    """aiosmtpd calls `handle_COMMAND` with its own objects."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._sink.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        refusal = self._refusal("mail")
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return refusal or "250 OK"

    async def handle_RCPT(  # noqa: N802 -- the same
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self._refusal("rcpt")
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        refusal = self._refusal("data")
        if refusal is not None:
            return refusal
        mode = self._now()
        self._take(envelope)
        if mode == "die_after_data":
            _cut(server)
            await asyncio.sleep(60)  # until the loss of the connection ends us
        if mode == "slow":
            await asyncio.sleep(self._sink.delay)
        return "250 OK"

    def _refusal(self, at: str) -> str | None:
        if at != self._sink.refuse_at:
            return None
        mode = self._sink._next[0] if self._sink._next else self._sink.mode  # noqa: SLF001 -- one module
        if mode in REFUSALS:
            self._now()
        return REFUSALS.get(mode)

    def _now(self) -> Mode:
        return self._sink._next.popleft() if self._sink._next else self._sink.mode  # noqa: SLF001 -- the same

    def _take(self, envelope: Envelope) -> None:
        content: Any = envelope.original_content
        message = BytesParser(policy=policy.default).parsebytes(content)
        assert isinstance(message, EmailMessage)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        self._sink.raw.append(content)
        self._sink.received.extend(Received(UUID(name), to, message) for to in envelope.rcpt_tos)


def _cut(session: SMTP) -> None:
    if isinstance(session.transport, asyncio.Transport):
        session.transport.abort()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
