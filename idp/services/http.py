"""Ask the world over HTTP: addresses an operator configured, and nothing they lead to.

OWASP ASVS 5.0 §13.2.4, §15.3.2. A redirect is not followed, wherever it leads: the operator configures the
address it names. No proxy, credential or certificate authority is taken from the environment. Nobody is
waited for longer than allowed, however slowly it speaks, nor read further than there is room for. Whom we
could not reach is left alone for a while, so that those who wait for an answer do not wait in vain again.

What surprises: every question has a thread of its own. The library's time limits are for one packet, so a
name server, a handshake or a header that comes byte by byte would outlast them all.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests
    import urllib3

SMALL: Final = 256 * 1024
"""Bytes that an answer may have, unless more is asked for."""

QUICK: Final = 3.0
"""Seconds that an answer may take, unless more are allowed."""

_CHUNK: Final = 64 * 1024
_LONGEST_REASON: Final = 200
# Whose body is read: what was asked for, and what was wrong with the question (RFC 6749 §5.2).
_TELLING: Final = frozenset({HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})


class NotFetched(Exception):
    """There is no answer. The message says why, for operators."""


class Unusable(NotFetched):
    """Somebody does answer, and not with what can be used."""


class Declined(Unusable):
    """There is an answer, of another status than 200; `body` is what a request that was wrong is told."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        super().__init__(f"it answers with status {status}")
        self.status = status
        self.body = body


def url_problem(url: str) -> str | None:
    """What is wrong with an address that an operator wants to configure, as the end of a sentence."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "is not an http or https address"
    if parts.username is not None or parts.fragment or not url.isascii() or not url.isprintable():
        return "may hold neither credentials nor a fragment, and no characters beyond ASCII"
    return "may not hold spaces" if " " in url else None


def get(url: str, *, bearer: str | None = None, largest: int = SMALL, seconds: float = QUICK) -> bytes:
    """What is there, or is there for who holds `bearer` (RFC 6750 §2.1). Raises `NotFetched`."""
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    return _ask("GET", url, None, headers, largest, seconds)


def post(url: str, body: bytes, content_type: str, *, largest: int = SMALL, seconds: float = QUICK) -> bytes:
    """What comes back. Raises `NotFetched`."""
    return _ask("POST", url, body, {"Content-Type": content_type}, largest, seconds)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Remembers who could not be reached, for `rest`."""

    rest: timedelta = timedelta(seconds=30)
    _until: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_open(self, url: str, now: datetime) -> bool:
        """Whether that address is left alone now."""
        with self._lock:
            return url in self._until and now < self._until[url]

    def failed(self, url: str, now: datetime) -> None:
        """It could not be reached."""
        with self._lock:
            self._until[url] = now + self.rest


def _ask(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], largest: int, seconds: float
) -> bytes:
    # Here, where it costs nothing of the time there is: it takes a third of a second, and few processes ask.
    import requests  # noqa: F401, PLC0415 - for the thread

    answer: Future[bytes] = Future()

    def ask() -> None:
        try:
            answer.set_result(_answer(method, url, body, headers, largest, seconds))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=ask, name="http", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise NotFetched("it takes too long to answer") from None


def _answer(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], largest: int, seconds: float
) -> bytes:
    import requests  # noqa: PLC0415 - as above
    import urllib3  # noqa: PLC0415 - the same

    deadline = time.monotonic() + seconds
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.request(
                method,
                url,
                data=body,
                # What is compressed may be larger than it looks.
                headers={**headers, "Accept-Encoding": "identity"},
                timeout=seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                _check(response)
                body = _read(response.raw, largest, deadline)
                if response.status_code != HTTPStatus.OK:
                    raise Declined(response.status_code, body)
                return body
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise NotFetched("it takes too long to answer") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise NotFetched(f"{type(error).__name__}: {error}"[:_LONGEST_REASON]) from error


def _check(response: "requests.Response") -> None:
    if response.is_redirect:
        there = response.headers["Location"]
        raise Unusable(f"it says to go to {there[:_LONGEST_REASON]!r}; configure that address")
    if response.status_code not in _TELLING:
        raise Declined(response.status_code)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unusable("it answers compressed")


def _read(raw: "urllib3.HTTPResponse", largest: int, deadline: float) -> bytes:
    found = bytearray()
    while chunk := raw.read1(_CHUNK):
        found += chunk
        if len(found) > largest:
            raise Unusable(f"its answer is larger than {largest} bytes")
        if time.monotonic() > deadline:
            raise NotFetched("it takes too long to answer")
    return bytes(found)
