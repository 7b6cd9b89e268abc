"""What is fetched comes from the address that was configured, soon, and is no larger than it may be."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from idp.services import http
from idp.services.http import Breaker, Declined, NotFetched
from tests.certificates import NOW

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server on this machine; its address, and what it was asked."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            answer(self)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/list.crl", asked
        server.shutdown()


def saying(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        try:
            request.wfile.write(b".")
            request.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def test_an_answer_is_fetched() -> None:
    with serving(saying(b"a list")) as (url, asked):
        assert http.get(url) == b"a list"
    assert asked == ["GET /list.crl"]


def test_a_question_is_posted() -> None:
    def echo(request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers["Content-Length"])
        saying(request.rfile.read(length) + request.headers["Content-Type"].encode())(request)

    with serving(echo) as (url, _):
        assert (
            http.post(url, b"question ", "application/ocsp-request") == b"question application/ocsp-request"
        )


def test_who_holds_a_token_shows_it() -> None:
    def echo(request: BaseHTTPRequestHandler) -> None:
        saying(request.headers["Authorization"].encode())(request)

    with serving(echo) as (url, _):
        assert http.get(url, bearer="2YotnFZFEjr1zCsicMWpAA") == b"Bearer 2YotnFZFEjr1zCsicMWpAA"


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, b'{"error": "invalid_grant"}'), (401, b'{"error": "invalid_grant"}'), (403, b""), (500, b"")],
)
def test_who_asked_wrongly_is_told_what_was_wrong(status: int, told: bytes) -> None:
    with (
        serving(saying(b'{"error": "invalid_grant"}', status)) as (url, _),
        pytest.raises(Declined) as declined,
    ):
        http.post(url, b"", "text/plain")
    assert (declined.value.status, declined.value.body) == (status, told)


def test_even_then_no_further_than_there_is_room_for() -> None:
    with serving(saying(b"x" * 1001, 400)) as (url, _), pytest.raises(NotFetched, match="larger"):
        http.get(url, largest=1000)


def test_a_redirect_is_followed_nowhere() -> None:
    with (
        serving(saying(b"inside")) as (inside, visited),
        serving(saying(b"", 302, Location=inside)) as (url, _),
        pytest.raises(NotFetched, match="configure that address"),
    ):
        http.get(url)
    assert visited == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (saying(b"", 404), "status 404"),
        (saying(b"", 500), "status 500"),
        (saying(b"x" * 1001), "larger than 1000 bytes"),
        (saying(b"x" * 10, Content_Encoding="gzip"), "compressed"),
    ],
)
def test_what_is_no_answer_is_told(answer: Answer, reason: str) -> None:
    with serving(answer) as (url, _), pytest.raises(NotFetched, match=reason):
        http.get(url, largest=1000)


def dripping_headers(request: BaseHTTPRequestHandler) -> None:
    for number in range(30):
        try:
            request.wfile.write(b"HTTP/1.1 200 OK\r\n" if number == 0 else b"X-%d: a\r\n" % number)
            request.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def test_nobody_is_waited_for_longer_than_allowed() -> None:
    def silent(_request: BaseHTTPRequestHandler) -> None:
        time.sleep(1)

    for answer in (silent, dripping, dripping_headers):
        started = time.monotonic()
        with serving(answer) as (url, _):
            with pytest.raises(NotFetched, match="too long"):
                http.get(url, seconds=0.3)
            assert time.monotonic() - started < 1


def test_a_server_that_is_not_there_is_no_accident() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(NotFetched, match="ConnectionError"):
            http.get(f"http://127.0.0.1:{port}/")


def test_the_environment_sends_us_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(b"a proxy's")) as (proxy, asked), serving(saying(b"its own")) as (url, _):
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert http.get(url) == b"its own"
    assert asked == []


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("http://crl.example/cards.crl", True),
        ("https://crl.example:8443/cards.crl?delta=no", True),
        ("http://10.0.0.1/cards.crl", True),
        ("ldap://crl.example/cn=cards", False),
        ("file:///etc/passwd", False),
        ("http://", False),
        ("http://user:secret@crl.example/", False),
        ("http://crl.example/#x", False),
        ("http://crl.example/a b", False),
        ("http://crl.example:99999/", False),
        ("http://crl.example/\n", False),
        ("http://[::1/", False),
    ],
)
def test_an_address_to_configure_is_judged(url: str, is_right: bool) -> None:
    assert (http.url_problem(url) is None) is is_right


def test_who_could_not_be_reached_is_left_alone_for_a_while() -> None:
    breaker = Breaker(timedelta(seconds=30))
    assert not breaker.is_open("http://a/", NOW)

    breaker.failed("http://a/", NOW)

    assert breaker.is_open("http://a/", NOW + timedelta(seconds=29))
    assert not breaker.is_open("http://b/", NOW)
    assert not breaker.is_open("http://a/", NOW + timedelta(seconds=30))
