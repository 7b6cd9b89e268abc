"""The endpoints as HTTP: methods, bodies that cannot be read, and which origins may read what."""

from typing import Any

import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from tests.protocol.refusals import refusal
from tests.site import ISSUER, Site

FORM = "application/x-www-form-urlencoded"
SPA = "https://spa.example.nhs.uk"
POSTED = ["/token", "/revoke", "/introspect"]
NOT_A_FORM = (400, "invalid_request", f"send the body as {FORM}")
TOO_LARGE = (400, "invalid_request", "the body is larger than 65536 bytes")
REPEATED = (400, "invalid_request", "a parameter came more than once (RFC 6749 section 3.2)")
NOT_UTF_8 = (400, "invalid_request", "the parameters are not percent-encoded UTF-8")
NUL = (400, "invalid_request", "a parameter holds a NUL character")
TOO_MANY = (400, "invalid_request", "there are more than 100 parameters")


def call(site: Site, method: str, path: str, **kwargs: Any) -> TestResponse:  # noqa: ANN401 - werkzeug's
    return Browser(site.flask).open(path, method=method, base_url=ISSUER, **kwargs)


def post(site: Site, path: str, body: bytes, content_type: str = FORM) -> TestResponse:
    auth = ("payslips", "a-secret")
    return call(site, "POST", path, data=body, content_type=content_type, auth=auth)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused_and_named(shared_site: Site, method: str, path: str) -> None:
    response = call(shared_site, method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert refusal(response) == (405, "invalid_request", "use POST")


def test_userinfo_and_the_documents_have_their_own_methods(shared_site: Site) -> None:
    assert call(shared_site, "PUT", "/userinfo").headers["Allow"] == "GET, POST"
    assert call(shared_site, "POST", "/jwks.json").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(
    ("body", "content_type", "refused"),
    [
        pytest.param(b'{"token": "x"}', "application/json", NOT_A_FORM, id="JSON"),
        pytest.param(b"token=x", "text/plain", NOT_A_FORM, id="plain text"),
        pytest.param(b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", NOT_A_FORM, id="multipart"),
        pytest.param(b"token=x", "", NOT_A_FORM, id="no content type"),
        pytest.param(b"token=" + b"x" * 65536, FORM, TOO_LARGE, id="64 kB"),
        pytest.param(b"token=%FF", FORM, NOT_UTF_8, id="broken UTF-8"),
        pytest.param(b"token=\xff", FORM, NOT_UTF_8, id="raw bytes"),
        pytest.param(b"token=x%00", FORM, NUL, id="NUL"),
        pytest.param(b"%00=x", FORM, NUL, id="NUL in a name"),
        pytest.param(b"&".join(b"p%d=1" % n for n in range(101)), FORM, TOO_MANY, id="101 parameters"),
        pytest.param(b"token=x&token=x", FORM, REPEATED, id="a parameter twice"),
        pytest.param(b"token=&token=x", FORM, REPEATED, id="a parameter empty and again"),
        pytest.param(b"token=x&what=1&what=2", FORM, REPEATED, id="an unknown parameter twice"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    shared_site: Site, path: str, body: bytes, content_type: str, refused: tuple[int, str, str]
) -> None:
    assert refusal(post(shared_site, path, body, content_type)) == refused


def test_a_charset_beside_the_content_type_is_fine(shared_site: Site) -> None:
    response = post(shared_site, "/revoke", b"token=x", f"{FORM}; charset=UTF-8")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b"x=1", (400, "invalid_request", "grant_type is missing from the body")),
        (b"grant_type=", (400, "invalid_request", "grant_type is missing from the body")),
        *(
            (
                b"grant_type=" + grant,
                (
                    400,
                    "unsupported_grant_type",
                    "grant_type is one of authorization_code, client_credentials, refresh_token",
                ),
            )
            for grant in (b"password", b"implicit", b"Authorization_Code", b"urn:x", b"%C5%B5")
        ),
    ],
)
def test_the_grant_type_is_one_we_have(shared_site: Site, body: bytes, refused: tuple[int, str, str]) -> None:
    assert refusal(post(shared_site, "/token", body)) == refused


def test_parameters_in_the_address_are_not_read(shared_site: Site) -> None:
    response = post(shared_site, "/token?grant_type=client_credentials", b"x=1")
    assert refusal(response) == (400, "invalid_request", "grant_type is missing from the body")


def test_answers_say_that_they_are_no_pages(shared_site: Site) -> None:
    for path in (*POSTED, "/userinfo", "/jwks.json"):
        headers = call(shared_site, "GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert "Set-Cookie" not in headers


# CORS


def cors_of(response: TestResponse) -> dict[str, str]:
    return {name: value for name, value in response.headers if name.startswith("Access-Control-")}


@pytest.fixture
def spa(site: Site) -> Site:
    """With a public application that runs in a browser, beside the confidential one."""
    site.add_client("spa", None, redirect_uris=[f"{SPA}/callback"])
    return site


@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke"])
def test_a_registered_origin_may_ask_and_read(spa: Site, path: str) -> None:
    headers = {
        "Origin": SPA,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = call(spa, "OPTIONS", path, headers=headers)
    assert (preflight.status_code, preflight.data) == (204, b"")
    assert cors_of(preflight) == {
        "Access-Control-Allow-Origin": SPA,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
        "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
    }
    answer = call(spa, "POST", path, headers={"Origin": SPA}, data={"client_id": "spa", "token": "x"})
    assert cors_of(answer) == {
        "Access-Control-Allow-Origin": SPA,
        "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
    }
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        f"{SPA}.evil.example",
        f"{SPA}:8443",
        SPA.replace("https", "http"),
        SPA.upper(),
        f"{SPA}/",
        "null",
        "",
        "https://payslips.example.nhs.uk",  # a confidential client asks from its server
    ],
)
@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke"])
def test_no_other_origin_may_read(spa: Site, path: str, origin: str) -> None:
    for method in ("OPTIONS", "POST"):
        response = call(spa, method, path, headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["/jwks.json", "/.well-known/openid-configuration"])
def test_what_everyone_may_see_every_origin_may_read(shared_site: Site, path: str) -> None:
    response = call(shared_site, "GET", path, headers={"Origin": "https://evil.example"})
    assert cors_of(response) == {"Access-Control-Allow-Origin": "*"}


@pytest.mark.parametrize("path", ["/authorize", "/introspect", "/logout", "/login"])
def test_no_origin_reads_what_is_for_persons_and_servers(spa: Site, path: str) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        assert cors_of(call(spa, method, path, headers={"Origin": SPA})) == {}


def test_credentials_are_never_allowed(spa: Site) -> None:
    paths = (*POSTED, "/userinfo", "/jwks.json", "/authorize")
    answers = [
        call(spa, method, path, headers={"Origin": SPA}) for path in paths for method in ("OPTIONS", "POST")
    ]
    assert not [one for one in answers if "Access-Control-Allow-Credentials" in one.headers]


def test_an_application_in_a_browser_completes_the_code_flow(spa: Site) -> None:
    code = spa.browser().sign_in_to("spa", redirect_uri=f"{SPA}/callback")["code"]
    answer = spa.redeem(code, "spa", redirect_uri=f"{SPA}/callback")
    headers = {"Origin": SPA, "Authorization": f"Bearer {answer.get_json()['access_token']}"}
    userinfo = call(spa, "GET", "/userinfo", headers=headers)
    assert (userinfo.status_code, userinfo.headers["Access-Control-Allow-Origin"]) == (200, SPA)
