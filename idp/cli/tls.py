"""TLS with browsers that may present any certificate, or none: what it is worth is decided later.

RFC 8446 §4.3.2, OWASP ASVS 5.0 §12.1. Python's own `ssl` ends the handshake with a certificate that it does
not trust, and the person would see the browser's error page instead of being told what is wrong with the
card; nor does it show the certificates in between. So here OpenSSL proves that the key is there and checks
nothing else. Every connection starts afresh: no session, no ticket, no renegotiation; a card that was taken
out has not been there. A handshake holds a thread while a person types a PIN, so one address has its share of
them and no more.

`Context` and `Connection` have what gunicorn's threaded worker uses of `ssl.SSLContext` and `ssl.SSLSocket`.
"""

import errno
import os
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from OpenSSL import SSL, crypto

T = TypeVar("T")

_HANDSHAKE_SECONDS: Final = 60.0
"""A person may have to look for the card and remember the PIN."""

_MOST_OF_AN_ADDRESS: Final = 64
"""Connections at once: a quarter of the threads, for a hospital that has one address."""

_REQUEST_SECONDS: Final = 10.0
"""After the handshake there is one short request, however few bytes come at a time."""

_IDLE_SECONDS: Final = 10.0
_LARGEST_RECORD: Final = 16 * 1024


class Context:
    """The server's certificate and key. Raises `OpenSSL.SSL.Error` when they cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        # OpenSSL refuses to hear of sessions from clients that show certificates unless they have a name.
        self._context.set_session_id(os.urandom(16))
        self._context.use_certificate_chain_file(str(certificate))
        self._context.use_privatekey_file(str(key))
        self._context.check_privatekey()
        self._context.set_verify(SSL.VERIFY_PEER, _whatever_it_is)
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def wrap_socket(self, raw: socket.socket, **_options: object) -> "Connection":
        """Shake hands over an accepted socket. Raises OSError when that fails or takes too long.

        So it does at once when its address has too many connections already.
        """
        try:
            with ExitStack() as share:
                share.enter_context(self._share_of(raw.getpeername()[0]))
                connection = Connection(self._context, raw)
                connection.keep(share.pop_all())
                return connection
        except OSError:
            # gunicorn would wait for the other side to hang up, and let everybody else wait meanwhile.
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            raise

    @contextmanager
    def _share_of(self, address: str) -> Iterator[None]:
        with self._lock:
            if self._open[address] >= _MOST_OF_AN_ADDRESS:
                raise ConnectionResetError(errno.ECONNRESET, "its address has too many connections")
            self._open[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[address] -= 1
                if not self._open[address]:
                    del self._open[address]


class Connection:
    """One connection after its handshake; `presented` are the browser's certificates, its own first."""

    def __init__(self, context: SSL.Context, raw: socket.socket) -> None:
        raw.settimeout(0)
        self._raw = raw
        self._tls = SSL.Connection(context, raw)
        self._tls.set_accept_state()
        self._timeout: float | None = _IDLE_SECONDS
        self._has_said_goodbye = False
        self._kept = ExitStack()
        try:
            self._patiently(self._tls.do_handshake, _HANDSHAKE_SECONDS)
        except SSL.ZeroReturnError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the browser has thought better of it") from error
        self.presented = _presented(self._tls)
        self._asks_until = time.monotonic() + _REQUEST_SECONDS

    def keep(self, held: ExitStack) -> None:
        """Hold this until the connection is closed."""
        self._kept = held

    def recv(self, size: int) -> bytes:
        """Up to so many bytes; none when the browser has finished, or we have."""
        if self._has_said_goodbye:
            # gunicorn waits for the other side to hang up, and lets everybody else wait meanwhile.
            return b""
        seconds = _IDLE_SECONDS if self._timeout is None else self._timeout
        seconds = min(seconds, self._asks_until - time.monotonic())
        try:
            return self._patiently(lambda: self._tls.recv(min(size, _LARGEST_RECORD)), seconds)
        except SSL.ZeroReturnError:
            return b""

    def send(self, content: bytes) -> int:
        """Send some of it; how many bytes."""
        return self._patiently(lambda: self._tls.send(content[:_LARGEST_RECORD]), self._timeout)

    def sendall(self, content: bytes) -> None:
        """Send all of it."""
        while content:
            content = content[self.send(content) :]

    def settimeout(self, seconds: float | None) -> None:
        """How long to wait for the browser from now on; never for ever."""
        self._timeout = _IDLE_SECONDS if seconds is None else seconds

    def gettimeout(self) -> float | None:
        """How long it is waited for."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """Wait, or do not."""
        self.settimeout(None if flag else 0.0)

    def fileno(self) -> int:
        """Of the socket."""
        return self._raw.fileno()

    def shutdown(self, how: int) -> None:
        """Say goodbye, and wait for nothing more."""
        self._has_said_goodbye = True
        with suppress(SSL.Error):
            self._tls.shutdown()
        self._raw.shutdown(how)

    def close(self) -> None:
        """Close the socket."""
        self._kept.close()
        self._raw.close()

    def _patiently(self, act: Callable[[], T], seconds: float | None) -> T:
        """Do it, waiting for the browser for at most so long. Raises OSError, or `SSL.ZeroReturnError`."""
        deadline = time.monotonic() + (_IDLE_SECONDS if seconds is None else seconds)
        while True:
            try:
                return act()
            except SSL.WantReadError:
                self._wait(deadline, reading=True)
            except SSL.WantWriteError:
                self._wait(deadline, reading=False)
            except SSL.ZeroReturnError:
                raise
            except SSL.Error as error:
                # With the number that gunicorn takes for a browser that went away: no fault of ours to log.
                raise ConnectionResetError(errno.ECONNRESET, f"TLS: {error}") from error

    def _wait(self, deadline: float, *, reading: bool) -> None:
        left = deadline - time.monotonic()
        heard = select.poll()
        heard.register(self._raw, select.POLLIN if reading else select.POLLOUT)
        if left <= 0 or not heard.poll(left * 1000):
            raise ConnectionResetError(errno.ECONNRESET, "the browser does not answer")


def presented(environ: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The certificates of the connection that a request came over, in DER."""
    connection = environ.get("gunicorn.socket")
    return connection.presented if isinstance(connection, Connection) else ()


def _whatever_it_is(*_: object) -> bool:
    """Accept what the browser presents: it has the key, and all else is `services.x509`'s to say."""
    return True


def _presented(tls: SSL.Connection) -> tuple[bytes, ...]:
    own = tls.get_peer_certificate()
    if own is None:
        return ()
    chain = tls.get_peer_cert_chain() or []
    found = [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in (own, *chain)]
    # A server's chain may or may not begin with the browser's own certificate.
    return tuple(dict.fromkeys(found))
