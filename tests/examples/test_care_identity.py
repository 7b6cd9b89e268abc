"""The stand-in for Care Identity is one: the product's own client signs people in with it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import care_identity
import pytest
import requests
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no annotations
from care_identity_provider.settings import Person, read
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Page, sync_playwright

from idp.policy.care_identity import factor_of
from idp.services.clock import SystemClock
from idp.services.upstream import LoggedOut, NotBelieved
from tests.examples.stand_in import (
    CHALLENGE,
    CLIENT_ID,
    KEY,
    NONCE,
    RETURN,
    SIAN,
    VERIFIER,
    StandIn,
    returned,
    standing_in,
)

SCRIPT = Path(care_identity.__file__)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with standing_in(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "asked", "acr", "amr", "level", "factor"),
    [
        ("smartcard", ("AAL3_ANY",), "AAL3_ANY", "N3_SMARTCARD", "3", "smartcard"),
        ("smartcard", ("AAL3_SMARTCARD",), "AAL3_SMARTCARD", "N3_SMARTCARD", "3", "smartcard"),
        ("smartcard", ("AAL2_OR_AAL3_ANY",), "AAL2_OR_AAL3_ANY", "N3_SMARTCARD", "3", "smartcard"),
        ("smartcard", (), "AAL3_ANY", "N3_SMARTCARD", "3", "smartcard"),
        ("security_key", ("AAL3_ANY",), "AAL3_ANY", "FIDO2", "3", "security_key"),
        ("security_key", ("AAL3_SMARTCARD", "AAL3_FIDO2"), "AAL3_FIDO2", "FIDO2", "3", "security_key"),
        ("app", ("AAL3_ANY",), "AAL2_ANY", "TOTP", "2", "care_identity"),
        ("app", ("AAL2_OR_AAL3_ANY",), "AAL2_OR_AAL3_ANY", "TOTP", "2", "care_identity"),
        ("password", ("AAL3_ANY",), "AAL1_USERPASS", "USERPASS", "1", None),
    ],
)
def test_each_way_to_sign_in_is_told_as_what_it_is(
    stand_in: StandIn,
    method: str,
    asked: tuple[str, ...],
    acr: str,
    amr: str,
    level: str,
    factor: str | None,
) -> None:
    told = stand_in.redeem(stand_in.sign_in(method, url=stand_in.url(acr_values=asked)))
    assert (told.acr, told.amr, told.level) == (acr, (amr,), level)
    assert factor_of(told.acr, told.amr, told.level) == factor


def test_the_person_is_the_one_that_was_chosen(stand_in: StandIn) -> None:
    told = stand_in.redeem(stand_in.sign_in(person=SIAN))
    assert (told.issuer, told.subject, told.nhsid_useruid) == (
        stand_in.address,
        "656005750105",
        "656005750105",
    )
    assert told.auth_time is not None
    assert abs(told.auth_time.timestamp() - time.time()) < 30


def test_the_page_says_what_it_is_and_what_would_not_do(stand_in: StandIn) -> None:
    page = stand_in.get(stand_in.url())
    assert "it is not the\n    NHS service" in page.text
    assert "localhost:8000 wants to know who you are, proved by one of these: AAL3_ANY." in page.text
    assert page.text.count("and the application should refuse it") == 2
    assert "Siân O&#39;Connor" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_the_answer_names_its_state_and_its_issuer(stand_in: StandIn) -> None:
    page = stand_in.get(stand_in.url())
    answer = returned(
        stand_in.choose(page.text, person="656005750104", method="smartcard", action="continue")
    )
    assert answer.pop("code")
    assert answer == {"state": "af0ifjsldkj", "iss": stand_in.address}
    assert stand_in.client.demands_iss


def test_who_cancels_is_not_signed_in(stand_in: StandIn) -> None:
    page = stand_in.get(stand_in.url())
    answer = returned(stand_in.choose(page.text, action="cancel"))
    assert (answer["error"], answer["state"]) == ("access_denied", "af0ifjsldkj")
    assert "Nobody is signed in" in stand_in.get(stand_in.address).text


def test_a_session_answers_for_itself_until_it_is_not_enough(stand_in: StandIn) -> None:
    stand_in.sign_in("app", url=stand_in.url(acr_values=("AAL2_ANY",)))
    assert "code" in returned(stand_in.get(stand_in.url(acr_values=("AAL2_OR_AAL3_ANY",))))
    assert "code" in returned(stand_in.get(stand_in.url(acr_values=("AAL2_ANY",), max_age=60)))
    for url in (
        stand_in.url(acr_values=("AAL2_ANY",), prompt="login"),
        stand_in.url(acr_values=("AAL2_ANY",), max_age=0),
        stand_in.url(acr_values=("AAL3_ANY",)),
    ):
        assert "Who are you today?" in stand_in.get(url).text


def test_without_a_session_nobody_is_signed_in_silently(stand_in: StandIn) -> None:
    assert returned(stand_in.get(stand_in.url(prompt="none")))["error"] == "login_required"


def _asked(stand_in: StandIn, **changes: str | None) -> requests.Response:
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": RETURN,
        "scope": "openid",
        "state": "s",
        "nonce": NONCE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return stand_in.browser.get(
        f"{stand_in.address}/authorize", params=asked, allow_redirects=False, timeout=5
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": "http://localhost:8000/care-identity/return/"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": None},
    ],
)
def test_a_stranger_gets_nobody_back(stand_in: StandIn, changes: dict[str, str | None]) -> None:
    response = _asked(stand_in, **changes)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "This cannot go on" in response.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"nonce": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_so(stand_in: StandIn, changes: dict[str, str | None], error: str) -> None:
    answer = returned(_asked(stand_in, **changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s", stand_in.address)


def test_what_is_said_twice_is_told_too(stand_in: StandIn) -> None:
    assert returned(stand_in.get(f"{stand_in.url()}&scope=openid"))["error"] == "invalid_request"


def test_the_page_serves_the_browser_that_it_was_shown_in_once(stand_in: StandIn) -> None:
    page = stand_in.get(stand_in.url()).text
    chosen = {"person": "656005750104", "method": "smartcard", "action": "continue"}
    with requests.Session() as another:
        other = StandIn(stand_in.address, stand_in.client, another)
        assert other.choose(page, **chosen).status_code == 400
    assert stand_in.choose(page, **chosen).status_code == 400
    page = stand_in.get(stand_in.url()).text
    assert stand_in.choose(page, **chosen).status_code == 303
    assert stand_in.choose(page, **chosen).status_code == 400


@pytest.mark.parametrize(("person", "method"), [("1", "smartcard"), ("656005750104", "telepathy"), ("", "")])
def test_nobody_is_somebody_who_was_not_offered(stand_in: StandIn, person: str, method: str) -> None:
    page = stand_in.get(stand_in.url()).text
    assert stand_in.choose(page, person=person, method=method, action="continue").status_code == 400


def test_a_code_is_good_once(stand_in: StandIn) -> None:
    code = stand_in.sign_in()
    stand_in.redeem(code)
    with pytest.raises(NotBelieved, match="400 invalid_grant"):
        stand_in.redeem(code)


def test_a_code_is_good_for_who_asked(stand_in: StandIn) -> None:
    code = stand_in.sign_in()
    with pytest.raises(NotBelieved, match="400 invalid_grant"):
        stand_in.client.redeem(code, code_verifier="x" * 43, nonce=NONCE, now=SystemClock().now())


def _post_token(stand_in: StandIn, **changes: object) -> requests.Response:
    now = int(time.time())
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": f"{stand_in.address}/token",
        "jti": f"jti-{time.monotonic_ns()}",
        "exp": now + 60,
        **{name: value for name, value in changes.items() if name != "key"},
    }
    key = changes.get("key", KEY.key)
    assert isinstance(key, RSAKey)
    form = {
        "grant_type": "authorization_code",
        "code": stand_in.sign_in(url=stand_in.url(prompt="login")),
        "redirect_uri": RETURN,
        "code_verifier": VERIFIER,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "RS256", "kid": KEY.kid}, claims, key),
    }
    return requests.post(f"{stand_in.address}/token", data=form, timeout=5)


def test_the_application_signs_for_itself(stand_in: StandIn) -> None:
    assert _post_token(stand_in).status_code == 200
    assert _post_token(stand_in, aud=stand_in.address).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"sub": "another"},
        {"aud": "https://idp.example/token"},
        {"exp": 1},
        {"exp": 99_999_999_999},
        {"exp": None},
        {"jti": None},
        {"key": RSAKey.generate_key(2048)},
    ],
)
def test_nobody_else_signs_for_it(stand_in: StandIn, changes: dict[str, object]) -> None:
    response = _post_token(stand_in, **changes)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_its_signature_is_good_once(stand_in: StandIn) -> None:
    assert _post_token(stand_in, jti="the same").status_code == 200
    response = _post_token(stand_in, jti="the same")
    assert response.json()["error_description"] == "the client assertion was used before"


def test_without_a_signature_there_are_no_tokens(stand_in: StandIn) -> None:
    form = {"grant_type": "authorization_code", "code": stand_in.sign_in(), "client_id": CLIENT_ID}
    assert requests.post(f"{stand_in.address}/token", data=form, timeout=5).status_code == 401


def test_userinfo_is_for_who_holds_a_token(stand_in: StandIn) -> None:
    for headers in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic made-up"}):
        response = requests.get(f"{stand_in.address}/userinfo", headers=headers, timeout=5)
        assert response.status_code == 401


# The end of a session.


@contextmanager
def _application(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    told: list[str] = []

    class Application(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.append(parse_qs(body)["logout_token"][0])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/care-identity/logout", told
        server.shutdown()


def test_the_application_is_told_when_a_session_ends(tmp_path: Path) -> None:
    with _application() as (uri, told), standing_in(tmp_path, backchannel_logout_uri=uri) as stand_in:
        said = stand_in.redeem(stand_in.sign_in())
        page = stand_in.get(stand_in.address).text
        assert "You are Jane Smith (656005750104), by Smartcard and PIN." in page
        ended = stand_in.choose(page)
        assert "The application was told, and answered 200." in ended.text
        logged_out = stand_in.client.read_logout(told[0], SystemClock().now())
        assert "Nobody is signed in" in stand_in.get(stand_in.address).text
        assert "Who are you today?" in stand_in.get(stand_in.url()).text
    assert said.sid is not None
    assert logged_out == LoggedOut("656005750104", said.sid, logged_out.iat)


def test_a_forged_end_is_none(tmp_path: Path) -> None:
    with _application() as (uri, told), standing_in(tmp_path, backchannel_logout_uri=uri) as stand_in:
        stand_in.sign_in()
        forged = stand_in.browser.post(
            f"{stand_in.address}/end-session", data={"form_token": "forged"}, timeout=5
        )
        assert forged.status_code == 400
        assert "You are signed in" in stand_in.get(stand_in.address).text
    assert told == []


def test_an_application_that_cannot_be_told_is_no_accident(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with standing_in(tmp_path, backchannel_logout_uri=uri) as stand_in:
            stand_in.sign_in()
            ended = stand_in.choose(stand_in.get(stand_in.address).text)
    assert "The application could not be told: ConnectionError." in ended.text


def test_where_nobody_is_signed_in_nothing_ends(stand_in: StandIn) -> None:
    response = stand_in.browser.post(f"{stand_in.address}/end-session", allow_redirects=False, timeout=5)
    assert response.headers["Location"] == "/"


# The command line.


def test_a_script_serves_people_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(KEY.public_jwks))
    (tmp_path / "people.json").write_text('[{"nhsid_useruid": "1", "name": "Ŵyn"}]', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--client-id", CLIENT_ID, "--client-jwks-file", "jwks.json", "--redirect-uri", RETURN]
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *options, "--people", "people.json", "--port", str(port)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            document = requests.get(
                f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=5
            ).json()
            assert document["issuer"] == f"http://localhost:{port}"
            moved = requests.get(f"http://127.0.0.1:{port}/?a=b", allow_redirects=False, timeout=5)
            assert moved.headers["Location"] == f"http://localhost:{port}/?a=b"
            with requests.Session() as browser:
                stand_in = StandIn(f"http://localhost:{port}", None, browser)  # type: ignore[arg-type] # not asked
                assert "Ŵyn" in _asked(stand_in).text
        finally:
            process.terminate()
        log = process.communicate(timeout=10)[1]
    assert process.returncode == 0
    assert "/authorize" in log
    assert NONCE not in log


def test_the_command_line_is_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    settings, port = read(
        [
            *("--port", "8004", "--client-id", "c", "--ca-file", str(tmp_path / "ca.pem")),
            *("--client-jwks-uri", "https://localhost:8000/care-identity/jwks.json"),
            *("--redirect-uri", "https://localhost:8000/care-identity/return"),
            *("--backchannel-logout-uri", "https://localhost:8000/care-identity/logout"),
        ]
    )
    assert (port, settings.base_url) == (8004, "http://localhost:8004")
    assert settings.client_jwks == "https://localhost:8000/care-identity/jwks.json"
    assert settings.backchannel_logout_uri == "https://localhost:8000/care-identity/logout"
    assert settings.people == (Person("555000000101", "Alex Example"), Person("555000000102", "Sam Sample"))


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ("", "cannot read the people"),
        ("{}", "must be a list of people"),
        ("[]", "not an empty one"),
        ("[1]", "everybody needs an nhsid_useruid and a name"),
        ('[{"name": "Jane"}]', "everybody needs an nhsid_useruid and a name"),
        ('[{"nhsid_useruid": 1, "name": "Jane"}]', "are strings"),
        ('[{"nhsid_useruid": "1", "name": "A"}, {"nhsid_useruid": "1", "name": "B"}]', "the same"),
    ],
)
def test_wrong_people_are_told_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], people: str, message: str
) -> None:
    (tmp_path / "people.json").write_text(people)
    options = ["--port", "1", "--client-id", "c", "--client-jwks-uri", "http://a/", "--redirect-uri", RETURN]
    with pytest.raises(SystemExit):
        read([*options, "--people", str(tmp_path / "people.json")])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--redirect-uri", "idp.example"), "is not an address like"),
        (("--client-jwks-file", "missing.json"), "not allowed with argument"),
        (("--ca-file", "missing.pem"), "is not a file"),
        (("--people", "missing.json"), "cannot read the people"),
    ],
)
def test_a_wrong_command_line_says_so(
    capsys: pytest.CaptureFixture[str], change: tuple[str, str], message: str
) -> None:
    options = ["--port", "1", "--client-id", "c", "--client-jwks-uri", "http://a/", "--redirect-uri", RETURN]
    with pytest.raises(SystemExit):
        read([*options, *change])
    assert message in capsys.readouterr().err


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


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [320, 1200])
def test_every_page_is_accessible_and_fits(tmp_path: Path, width: int) -> None:
    with (
        _application() as (uri, _),
        standing_in(tmp_path, backchannel_logout_uri=uri) as stand_in,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": 800}, java_script_enabled=True)
        page.route(f"{RETURN}**", lambda route: route.fulfill(body="back"))
        page.goto(f"{stand_in.address}/authorize")
        _check(page, "This cannot go on", width)
        page.goto(stand_in.address)
        _check(page, "Nobody is signed in", width)
        page.goto(stand_in.url())
        _check(page, "Who are you today?", width)
        page.get_by_label("Siân O'Connor").check()
        page.get_by_label("Security key").check()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{RETURN}**")
        page.goto(stand_in.address)
        assert "You are Siân O'Connor" in page.inner_text("main")
        _check(page, "You are signed in", width)
        page.get_by_role("button", name="End this session").click()
        _check(page, "Your session has ended", width)
        browser.close()


def _check(page: Page, title: str, width: int) -> None:
    assert page.inner_text("h1") == title
    assert page.locator("h1").count() == 1, page.url
    assert page.title().startswith(title)
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, (page.url, found)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
