"""The pages, their headers, the inspector, and the command line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import learning
import pytest
import requests
import self_service
from flask import Flask
from relying_party import inspector
from relying_party.app import create_app
from relying_party.application import Application
from relying_party.hops import mask
from relying_party.session import IDLE_SECONDS, Session
from relying_party.settings import Settings, read

from tests.examples.fake_provider import FakeProvider
from tests.examples.test_sign_in import sign_in

EXAMPLES = Path(self_service.__file__).parent


def test_the_policy_lets_nothing_run_and_forms_reach_the_provider(app: Flask, provider: FakeProvider) -> None:
    headers = app.test_client().get("/").headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {provider.issuer}"
    )
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_another_name_for_this_machine_leads_to_the_one_address(app: Flask) -> None:
    response = app.test_client().get("/tokens?a=b", base_url="http://127.0.0.1")
    assert response.status_code == 308
    assert response.location == "http://localhost/tokens?a=b"
    assert app.test_client().get("/healthz", base_url="http://127.0.0.1").text == "ok\n"


def test_an_unknown_page_is_a_page(app: Flask) -> None:
    response = app.test_client().get("/nowhere")
    assert response.status_code == 404
    assert "<h1>Not Found</h1>" in response.text


def test_the_inspector_needs_a_sign_in_and_comes_back(app: Flask, provider: FakeProvider) -> None:
    browser = app.test_client()
    response = browser.get("/tokens")
    assert sign_in(browser, provider, response.location).location == "/tokens"


def test_the_inspector_shows_what_was_checked_and_sent(app: Flask, provider: FakeProvider) -> None:
    browser = app.test_client()
    sign_in(browser, provider)
    page = browser.get("/tokens").text
    assert page.count("Signature valid.") == 2
    assert "Algorithm RS256, checked with the provider's public key rsa-1" in page
    titles = [
        "Discovery",
        "Authorization request",
        "Authorization response",
        "Keys",
        "Token request",
        "UserInfo",
    ]
    places = [page.index(f"<h3>{title}:") for title in titles]
    assert places == sorted(places)
    assert "Basic self-service:••••••••" in page
    for secret in (
        provider.client_secret,
        provider.refresh_token,
        *dict(provider.requests[-1:])["/token"].values(),
    ):
        if secret.startswith(("code-", "refresh-", "s3cret")):
            assert secret not in page


def test_a_token_with_a_wrong_signature_is_called_that(provider: FakeProvider) -> None:
    keys = requests.get(f"{provider.issuer}/jwks.json", timeout=5).json()
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIn0.eyJzdWIiOiJ4In0.AAAA"
    found = inspector.opened(token, keys)
    assert found
    assert found.problem
    assert "bad_signature" in found.problem


def test_an_opaque_token_stays_closed() -> None:
    assert inspector.opened("opaque", {"keys": []}) is None


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("short", "…"), ("0123456789abcdef0123456789", "012345… (26 characters)")],
)
def test_a_mask_shows_too_little_to_use(secret: str, shown: str) -> None:
    assert mask(secret) == shown


@pytest.mark.parametrize(
    ("today", "paid"),
    [
        (date(2026, 3, 27), "27 March 2026"),
        (date(2026, 3, 26), "27 February 2026"),
        (date(2026, 1, 1), "27 December 2025"),
    ],
)
def test_the_latest_payslip_is_of_the_last_pay_day(today: date, paid: str) -> None:
    assert self_service.latest_payslip(today).pay_date == paid


def test_courses_come_most_urgent_first() -> None:
    found = learning.courses(date(2026, 3, 1))
    assert [course.status.value for course in found[:3]] == ["Overdue", "Due soon", "Up to date"]
    assert found[0].due == "20 February 2026"


def test_learning_has_its_own_cookie_and_page(settings: Settings, provider: FakeProvider) -> None:
    browser = create_app(learning.APPLICATION, settings).test_client()
    sign_in(browser, provider)
    assert browser.get_cookie("learning")
    assert "Your courses" in browser.get("/").text


@pytest.mark.parametrize(
    ("file", "application", "port"),
    [("self_service.json", self_service.APPLICATION, 8001), ("learning.json", learning.APPLICATION, 8003)],
)
def test_the_client_metadata_fits_the_application(file: str, application: Application, port: int) -> None:
    metadata = json.loads((EXAMPLES / file).read_text())
    assert metadata["client_name"] == application.name
    assert metadata["scope"] == application.scope
    assert metadata["redirect_uris"] == [f"http://localhost:{port}/callback"]
    assert metadata["post_logout_redirect_uris"] == [f"http://localhost:{port}/signed-out"]
    assert metadata["initiate_login_uri"] == f"http://localhost:{port}/start"


def test_a_session_ends_when_idle() -> None:
    session = Session()
    assert session.is_live(session.seen_at + IDLE_SECONDS - 1)
    assert not session.is_live(session.seen_at + IDLE_SECONDS + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--issuer", "idp.example"), "is not an address like"),
        (("--client-secret-file", "missing"), "cannot read the client secret"),
        (("--client-secret-file", "empty"), "is empty"),
        (("--ca-file", "missing"), "is not a file"),
    ],
)
def test_a_wrong_command_line_names_the_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("s")
    (tmp_path / "empty").write_text("\n")
    options = ["--issuer", "http://localhost:1", "--client-id", "c", "--client-secret-file", "secret"]
    with pytest.raises(SystemExit):
        read(self_service.APPLICATION, [*options, "--port", "1", *change])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("script", ["self_service.py", "learning.py"])
def test_a_script_serves_and_stops_without_fuss(tmp_path: Path, script: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--issuer", "http://localhost:1", "--client-id", "c", "--client-secret-file", str(secret)]
    # From elsewhere: the scripts find what lies beside them.
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / script), *options, "--port", str(port)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            page = requests.get(f"http://127.0.0.1:{port}/callback?code=in-the-address", timeout=5)
            assert page.status_code == 404 or "does not answer" in page.text
            assert "Python" not in page.headers["Server"]
        finally:
            process.terminate()
        log = process.communicate(timeout=10)[1]
    assert process.returncode == 0
    assert "/callback" in log
    assert "in-the-address" not in log


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            requests.get(url, timeout=1)
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
