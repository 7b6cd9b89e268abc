"""One HTTP/1.1 request or answer as bytes.

RFC 9112 §3, §4, §6. Only what servers under measurement send: a length or chunks, never an answer that
ends with the connection. Bytes and not `http.client`, because the driver shares the machine with what it
measures.
"""

import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its status, its head as it came and its body."""

    status: int
    head: bytes
    body: bytes

    def headers(self, name: str) -> list[str]:
        """Every value of the header `name`, in order."""
        found = re.findall(rb"\r\n" + name.encode() + rb":[ \t]*([^\r]*)", self.head, re.IGNORECASE)
        return [value.decode("latin-1") for value in found]

    def header(self, name: str) -> str | None:
        """The first value of the header `name`."""
        return next(iter(self.headers(name)), None)

    @property
    def location(self) -> str:
        """Where a redirect leads; empty when nowhere."""
        return self.header("location") or ""

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection after this answer."""
        return _CLOSE.search(self.head) is not None

    def member(self, name: str) -> str:
        """A text member of a JSON body; ValueError when it has none."""
        value = json.loads(self.body).get(name)
        if not isinstance(value, str):
            raise ValueError(f"no {name} in {self.body[:200]!r}")  # noqa: TRY004 - the answer is wrong, not the call
        return value


def get(host: str, path: str, **headers: str) -> bytes:
    """A GET request; header names are written with underscores."""
    return _head("GET", host, path, headers) + b"\r\n"


def post(host: str, path: str, form: dict[str, str], **headers: str) -> bytes:
    """A POST of a form; header names are written with underscores."""
    body = urlencode(form).encode()
    described = {"content_type": "application/x-www-form-urlencoded", "content_length": str(len(body))}
    return _head("POST", host, path, described | headers) + b"\r\n" + body


def _head(method: str, host: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def parse(received: bytes | bytearray) -> Response | None:
    """The answer in `received`, or None while some of it is still to come."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    head = bytes(received[: end + 2])
    rest = bytes(received[end + len(_HEAD_END) :])
    status = int(head[9:12])
    if status in _BODILESS:
        return Response(status, head, b"")
    if length := _LENGTH.search(head):
        complete = len(rest) >= int(length[1])
        return Response(status, head, rest) if complete else None
    if _CHUNKED.search(head):
        body = _joined(rest)
        return None if body is None else Response(status, head, body)
    raise ValueError(f"an answer without a length: {head!r}")


def _joined(chunks: bytes) -> bytes | None:
    body = b""
    while True:
        size_text, line_end, chunks = chunks.partition(b"\r\n")
        if not line_end:
            return None
        size = int(size_text.partition(b";")[0], 16)
        if len(chunks) < size + 2:
            return None
        if size == 0:
            return body
        body += chunks[:size]
        chunks = chunks[size + 2 :]
