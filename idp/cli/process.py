"""Child processes that end with their parent, and ports that must be free before one is started."""

import ctypes
import errno
import os
import signal
import socket
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# Loaded before any fork: a child may not load anything until it is on its own.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, the process `parent`, is gone, even by SIGKILL.

    prctl(2) PR_SET_PDEATHSIG: on Linux alone, and only while the parent's thread that forked us lives.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # It was gone before we asked.
        os.kill(os.getpid(), signal.SIGKILL)


def why_not_free(host: str, port: int) -> str | None:
    """Why no server can listen there, as the end of a sentence, or None when one can.

    Asked of every address of the host, so that nobody else answers for half of `localhost`. A server that
    shares its port (SO_REUSEPORT, as granian does) is found as well: we do not offer to share.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        return f"{host!r} is not an address"
    missing = 0
    for family, kind, protocol, _, address in addresses:
        try:
            _listen(family, kind, protocol, address)
        except OSError as error:
            if error.errno not in _NO_SUCH_ADDRESS:
                return _reason(error, port)
            missing += 1
    return f"{host} is not an address of this machine" if missing == len(addresses) else None


def _listen(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> None:
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)


def _reason(error: OSError, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is in use by another program"
        case errno.EACCES:
            return f"port {port} is only for root"
        case _:
            return f"port {port} cannot be listened on ({error.strerror})"
