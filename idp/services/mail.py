"""Hand a letter over to be delivered: to an SMTP server, or into a folder.

RFC 5321, RFC 5322; RFC 3207 (STARTTLS): required wherever the server is another machine, its certificate and
name checked, and without it nothing is said. RFC 4954: a password goes over TLS or loopback only. A letter
has the same Message-ID each time it is tried, so a receiver can drop the second of two. `NotSent` may mean
that the server took it and could not say so.
"""

import os
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from idp.policy import email_address

TIMEOUT: Final = 10.0
"""Seconds to wait for each answer of a server that we have only begun to talk to."""

PATIENCE: Final = 45.0
"""Seconds to wait for each answer about a letter. RFC 5321 §4.5.3.2.6: who hangs up on a server that is busy
filing a letter gets it delivered, and sends it again."""

_LONGEST_REASON: Final = 300
# A filter's refusal may repeat the link it dislikes; reasons are stored and shown.
_ADDRESS: Final = re.compile(r"(?i)https?:\S+")
_LONG_WORD: Final = re.compile(r"[\w-]{16,}")
_NO_SERVER: Final = (
    "The URL is not one of a mail server. Write it like smtp://USER:PASSWORD@mail.example.nhs.uk:587 or "
    "smtps://mail.example.nhs.uk:465, and / ? # @ : in a password as %2F %3F %23 %40 %3A"
)


class NotSent(Exception):
    """The letter was not handed over, as far as we know; `permanent` when the server refused it for good.

    `unreachable` when no letter would get through: there was no server, or no answer. `reason` is one short
    line, and has nothing of the letter in it.
    """

    def __init__(self, reason: str, *, permanent: bool, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Message:
    """A letter to one address; `id` stays the same however often it is tried, `at` is when it was written."""

    id: UUID
    to: str
    sender: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    at: datetime


class Mailer(Protocol):
    """What delivers letters, one at a time."""

    def send(self, message: Message) -> None:
        """Hand it over. Raises `NotSent`."""

    def close(self) -> None:
        """Let go of what is open. Sending again opens it anew."""


class Security(StrEnum):
    """How a connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A server to hand letters to; `ca` is a file of the only authorities it may be certified by."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None


_PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


def smtp_server(url: str) -> SmtpServer:
    """Read `smtp://USER:PASSWORD@HOST:PORT?tls=...&ca=...`. Raises ValueError, which never repeats the URL.

    `smtps` is TLS from the start. `smtp` is STARTTLS, and plain on loopback or with `tls=none`;
    `tls=starttls` asks for it on loopback too.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        raise ValueError(_NO_SERVER) from None
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError(_NO_SERVER)
    options = _options(parts.query)
    security = _security(parts.scheme, host, options.get("tls"))
    user, password = _credentials(parts.username, parts.password)
    if user is not None and security is Security.NONE and not _is_loopback(host):
        raise ValueError(
            "The URL sends its password in clear. Remove tls=none, or the user and the password."
        )
    ca = options.get("ca")
    if ca is not None:
        _check_authorities(ca, security)
    return SmtpServer(host, port or _PORTS[security], security, user, password, ca)


def address_problem(text: str) -> str | None:
    """What is wrong with an address to send to or from, to be said after it; None when it will do."""
    if email_address.is_address(text):
        return None
    return "is not one email address; write it like first.last@domain.com"


class SmtpMailer:
    """Sends over one connection, which it keeps open, and renews when it broke. For one thread."""

    def __init__(self, server: SmtpServer, timeout: float = TIMEOUT, patience: float = PATIENCE) -> None:
        self._server = server
        self._timeout = timeout
        self._patience = patience
        self._tls = None if server.security is Security.NONE else ssl.create_default_context(cafile=server.ca)
        self._connection: smtplib.SMTP | None = None

    def send(self, message: Message) -> None:
        """Hand it over. Raises `NotSent`."""
        content = _content(message)
        connection = self._connected()
        try:
            with _waiting(connection, self._patience):
                connection.sendmail(message.sender, [message.to], content)
        except OSError as error:  # every smtplib error is one
            code, said = _answer(error)
            if code is None or connection.sock is None:
                self._drop()
            raise NotSent(
                _without(message, said),
                permanent=code is not None and code >= 500,  # noqa: PLR2004 -- RFC 5321 §4.2.1
                unreachable=code in {None, 421},  # RFC 5321 §3.8: it is shutting down
            ) from None

    def close(self) -> None:
        """Say goodbye and hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.quit()
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        """The open connection when it still answers, or else a new one. Raises `NotSent`."""
        if self._connection is not None and not _is_alive(self._connection):
            self._drop()
        if self._connection is None:
            try:
                self._connection = self._open()
            except OSError as error:
                # Whatever the code: it is about us or the server, and no letter's fault.
                raise NotSent(_one_line(_answer(error)[1]), permanent=False, unreachable=True) from None
        return self._connection

    def _open(self) -> smtplib.SMTP:
        server = self._server
        if server.security is Security.TLS:
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=self._tls
            )
        else:
            made = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            made.ehlo_or_helo_if_needed()
            if server.security is Security.STARTTLS:
                _start_tls(made, self._tls)
            if server.user is not None:
                made.login(server.user, server.password or "")
        except OSError:
            made.close()
            raise
        return made

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class FolderMailer:
    """Writes each letter to a file of its own, oldest name first: a mailbox for one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: Message) -> None:
        """Write it; the same letter again takes the place of the first. Raises `NotSent`."""
        content = _content(message)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            earlier = next(self._folder.glob(f"*_{message.id}.eml"), None)
            path = earlier or self._folder / f"{message.at:%Y%m%dT%H%M%S.%fZ}_{message.id}.eml"
            _write(path, content)
        except OSError as error:
            reason = f"The folder cannot be written: {error.strerror or type(error).__name__}"
            raise NotSent(_one_line(reason), permanent=False, unreachable=True) from None

    def close(self) -> None:
        """Nothing stays open."""


def _options(query: str) -> dict[str, str]:
    """Each option's last value. Raises ValueError for one that does not exist."""
    options = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if not options.keys() <= {"tls", "ca"}:
        raise ValueError("The URL has an option that does not exist. There are tls and ca.")
    return options


def _security(scheme: str, host: str, tls: str | None) -> Security:
    if scheme == "smtps":
        if tls is not None:
            raise ValueError("The URL has a tls option that smtps does not need. Remove it.")
        return Security.TLS
    if tls not in {None, "starttls", "none"}:
        raise ValueError(
            "The URL has another tls than starttls or none. Remove it: STARTTLS is required by itself."
        )
    is_plain = _is_loopback(host) if tls is None else tls == "none"
    return Security.NONE if is_plain else Security.STARTTLS


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(user: str | None, password: str | None) -> tuple[str | None, str | None]:
    if not user and not password:
        return None, None
    if not user or not password:
        raise ValueError(
            "The URL has a user or a password without the other. Write USER:PASSWORD@, or neither."
        )
    given = unquote(user), unquote(password)
    if not all(text.isascii() and text.isprintable() for text in given):
        raise ValueError(
            "The URL has a user or a password that is not ASCII, which mail servers do not agree on."
        )
    return given


def _check_authorities(ca: str, security: Security) -> None:
    if security is Security.NONE:
        raise ValueError("The URL names a ca but no TLS. Add tls=starttls, or remove it.")
    try:
        ssl.create_default_context(cafile=ca)
    except OSError:
        raise ValueError("The URL names a ca that is not a readable file of PEM certificates.") from None


def _content(message: Message) -> bytes:
    """The message as it goes over the wire: ASCII, short lines. Raises `NotSent` for a wrong address."""
    for address in (message.to, message.sender):
        if address_problem(address) is not None:
            raise NotSent("The address is not one email address", permanent=True)
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = message.sender
    mail["To"] = message.to
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = message.at
    mail["Message-ID"] = f"<{message.id}@{message.sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no holiday notes in answer
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = message.language  # last: Content-* moves into the first part otherwise
    return mail.as_bytes()


def _is_alive(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == 250  # noqa: PLR2004 -- RFC 5321 §4.2.3
    except OSError:
        return False


@contextmanager
def _waiting(connection: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Wait that long for each answer, and as before afterwards."""
    before = connection.timeout
    if connection.sock is not None:
        connection.sock.settimeout(seconds)
    try:
        yield
    finally:
        if connection.sock is not None:
            connection.sock.settimeout(before)


def _start_tls(connection: smtplib.SMTP, tls: ssl.SSLContext | None) -> None:
    """RFC 3207 §6: whoever strips the offer from the line gets nothing to read."""
    if not connection.has_extn("starttls"):
        raise OSError("The server does not offer STARTTLS, so nothing was said to it")
    connection.starttls(context=tls)
    connection.ehlo()


def _answer(error: OSError) -> tuple[int | None, str]:
    """The server's code, if it said one, and what is to be known of it."""
    said: bytes | str
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
        case smtplib.SMTPResponseException():
            code, said = error.smtp_code, error.smtp_error
        case _:
            return None, error.strerror or str(error) or type(error).__name__
    return code, f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"


def _without(message: Message, said: str) -> str:
    """What a server said, without what it repeats of the letter."""
    written = message.text + message.html
    shown = _LONG_WORD.sub(
        lambda word: "[...]" if word[0] in written else word[0], _ADDRESS.sub("[...]", said)
    )
    return _one_line(shown)


def _one_line(text: str) -> str:
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:_LONGEST_REASON]


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, for the owner alone."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
