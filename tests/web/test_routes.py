"""Every address of the product, in every way it may be asked: none is forgotten."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.web.routes import ENDPOINTS, MAILBOX, PAGES
from tests.site import ISSUER, Site, Visitor
from tests.web.conftest import Build
from tests.web.forms import form_of, login_page

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Permissions-Policy": (
        "publickey-credentials-get=(self), publickey-credentials-create=(self), "
        "camera=(), microphone=(), geolocation=()"
    ),
}
RULES = (*PAGES, *MAILBOX)
CACHEABLE = {"/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FROBNICATE")
FORM = "application/x-www-form-urlencoded"


def filled_in(rule: str) -> str:
    """An address that the rule is for."""
    return re.sub("<[^>]*>", "something", rule)


def asked() -> Iterator[str]:
    """An address for every rule, those that show something and those that do not."""
    yield from (filled_in(rule) for _, rule, _ in RULES)
    yield from ENDPOINTS
    yield "/static/idp.css"
    yield "/nowhere"


ADDRESSES = sorted(set(asked()))
ALLOWED = {
    address: {method for method, rule, _ in RULES if filled_in(rule) == address}
    | set(ENDPOINTS[address].methods if address in ENDPOINTS else ())
    for address in ADDRESSES
}


@pytest.fixture
def visitor(build: Build, tmp_path: Path) -> Visitor:
    """Someone who has signed in, at a provider with a mailbox."""
    site = build(outbox_dir=tmp_path)
    browser = site.browser()
    browser.log_in(login_page(browser))
    return browser


def check(answer: TestResponse, what: str) -> None:
    """What holds for every answer."""
    assert answer.status_code < 500, (what, answer.text[:500])
    headers = answer.headers
    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE, what
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy, what
    assert "frame-ancestors 'none'" in policy, what
    assert "unsafe" not in policy, what
    assert len({name.lower() for name, _ in headers if name != "Set-Cookie"}) == len(
        [name for name, _ in headers if name != "Set-Cookie"]
    ), what
    if answer.status_code >= 400:
        assert not headers.getlist("Set-Cookie"), what
    if "Location" in headers:
        assert headers["Location"].startswith((f"{ISSUER}/", "https://payslips.example.nhs.uk/")), what


@pytest.mark.parametrize("method", METHODS)
def test_every_address_answers_every_method_with_its_headers_and_never_fails(
    visitor: Visitor, method: str
) -> None:
    for address in ADDRESSES:
        answer = visitor.browser.open(address, method=method, base_url=ISSUER)
        what = f"{method} {address}: {answer.status}"
        check(answer, what)
        cacheable = answer.status_code == 200 and (address in CACHEABLE or address.startswith("/static/"))
        assert answer.headers["Cache-Control"].startswith("public" if cacheable else "no-store"), what
        allowed = ALLOWED[address] | ({"HEAD"} if "GET" in ALLOWED[address] else set())
        if address in ENDPOINTS and method == "OPTIONS":
            assert answer.status_code == 204, what
        elif allowed and method not in allowed:
            assert answer.status_code == 405, what
            assert set(answer.headers["Allow"].replace(" ", "").split(",")) >= ALLOWED[address], what


def test_no_page_lets_another_origin_read_it(visitor: Visitor) -> None:
    for address in ADDRESSES:
        answer = visitor.get(address, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Credentials" not in answer.headers, address
        expected = "*" if address in CACHEABLE else None
        assert answer.headers.get("Access-Control-Allow-Origin") == expected, address


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("state=%FF%FE", id="broken UTF-8"),
        pytest.param("state=%00", id="NUL"),
        pytest.param("&".join(f"a{number}=1" for number in range(101)), id="101 parameters"),
        pytest.param("state=" + "x" * 10_000, id="an oversized parameter"),
        pytest.param("lang=cy&lang=en&lang=%FF", id="odd languages"),
        pytest.param("=&=&&;;=", id="punctuation"),
        pytest.param("%", id="a lone percent sign"),
    ],
)
def test_an_odd_query_is_answered_everywhere(visitor: Visitor, query: str) -> None:
    for address in ADDRESSES:
        for method in ("GET", "POST"):
            answer = visitor.browser.open(
                f"{address}?{query}", method=method, base_url=ISSUER, data=query, content_type=FORM
            )
            check_unless_ours(answer, f"{method} {address}")


def check_unless_ours(answer: TestResponse, what: str) -> None:
    """The same, where the query may choose the language and an Origin may be sent."""
    if answer.status_code >= 400:
        ours = [line for line in answer.headers.getlist("Set-Cookie") if "lang=" not in line]
        answer.headers.setlist("Set-Cookie", ours)
    if answer.headers.get("Cross-Origin-Resource-Policy") == "cross-origin":
        assert answer.request.path in ENDPOINTS, what
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    check(answer, what)


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 1_000_000])
def test_a_body_is_read_up_to_64_kilobytes(visitor: Visitor, size: int) -> None:
    page = login_page(visitor, prompt="login")
    action, _ = form_of(page)
    body = b"a=" + b"x" * (size - 2)
    for address in (action, "/authorize", "/logout", "/consent", *ENDPOINTS):
        answer = visitor.browser.post(address, base_url=ISSUER, data=body, content_type=FORM)
        check(answer, address)
        if size > 64 * 1024 and address not in ENDPOINTS and address != "/consent":
            assert answer.status_code == 413, address


def test_a_body_that_is_no_form_is_no_form(visitor: Visitor) -> None:
    for address in ADDRESSES:
        for content_type in ("application/json", "multipart/form-data; boundary=x", "text/plain", "\\", ""):
            answer = visitor.browser.post(
                address, base_url=ISSUER, data=b'--x\r\n{"a": 1}', content_type=content_type
            )
            check(answer, f"{address} {content_type}")


FUZZ = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = st.sampled_from(
    (
        *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt"),
        *("max_age", "id_token_hint", "login_hint", "ui_locales", "code_challenge", "code_challenge_method"),
        *("lang", "request", "username", "password", "csrf_token", "decision", "choice", "next", "link"),
        *("email", "dob-day", "dob-month", "dob-year", "current_password", "confirm_password"),
        *("grant_type", "code", "code_verifier", "refresh_token", "client_secret", "client_assertion"),
        *("client_assertion_type", "token", "token_type_hint", "access_token", "post_logout_redirect_uri"),
    )
)
RAW = st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
TEXT = st.one_of(RAW, st.text(max_size=40), st.sampled_from(["code", "payslips", "none", "S256", "x" * 3000]))
HEADERS = ["Authorization", "Cookie", "Origin", "Accept-Language", "X-Forwarded-For", "User-Agent", "Host"]
HEADER = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60
)


@FUZZ
@given(
    address=st.one_of(st.sampled_from(ADDRESSES), st.text(max_size=30).map(lambda path: f"/{path}")),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    raw=st.one_of(
        st.binary(max_size=100),
        st.lists(st.tuples(NAMES, TEXT), max_size=6).map(
            lambda fields: urlencode(fields, errors="surrogatepass").encode()
        ),
    ),
    headers=st.dictionaries(st.sampled_from(HEADERS), HEADER, max_size=3),
)
@pytest.mark.usefixtures("log")
def test_nothing_a_stranger_sends_is_a_failure_of_ours(
    visitor: Visitor, address: str, method: str, raw: bytes, headers: dict[str, str]
) -> None:
    answer = visitor.browser.open(
        "/",
        method=method,
        base_url=ISSUER,
        data=raw if method == "POST" else None,
        content_type=FORM,
        headers=headers,
        environ_overrides={
            "PATH_INFO": address.encode("utf-8", "surrogatepass").decode("latin-1"),
            "QUERY_STRING": raw.decode("latin-1"),
        },
    )
    check_unless_ours(answer, f"{method} {address}")


@pytest.mark.parametrize("path", ["//login", "//evil.example/", "/\\evil.example", "/login//", "/LOGIN"])
def test_an_address_that_looks_like_ours_links_nowhere_else(site: Site, path: str) -> None:
    answer = site.browser().browser.open("/", base_url=ISSUER, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == (200 if path == "//login" else 404)
    check(answer, path)
    for link in re.findall(r'(?:href|src|action)="([^"]*)"', answer.text):
        assert re.match(r"/[^/\\\\]|#|https://id\.example\.nhs\.uk/", link), link
