"""How answers travel to the redirect URI (`response_mode`), each saying who sent it (RFC 9207)."""

import html
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest
from werkzeug.test import TestResponse

from idp.protocol.response import AuthorizationResponse, ResponseMode
from tests.protocol.refusals import described
from tests.site import CALLBACK, ISSUER, Site

WITH_QUERY = "https://payslips.example.nhs.uk/callback?tenant=918"
Reader = Callable[[TestResponse], dict[str, str]]
PARAMETERS = (("code", "a+b/c=&"), ("state", "#1 ŵ"))


@pytest.mark.parametrize(
    ("redirect_uri", "mode", "location"),
    [
        (
            "https://rp.example/cb",
            ResponseMode.QUERY,
            "https://rp.example/cb?code=a%2Bb%2Fc%3D%26&state=%231+%C5%B5",
        ),
        (
            "https://rp.example/cb?x=1",
            ResponseMode.QUERY,
            "https://rp.example/cb?x=1&code=a%2Bb%2Fc%3D%26&state=%231+%C5%B5",
        ),
        (
            "https://rp.example/cb?x=1",
            ResponseMode.FRAGMENT,
            "https://rp.example/cb?x=1#code=a%2Bb%2Fc%3D%26&state=%231+%C5%B5",
        ),
        (
            "com.example.rota:/cb",
            ResponseMode.QUERY,
            "com.example.rota:/cb?code=a%2Bb%2Fc%3D%26&state=%231+%C5%B5",
        ),
    ],
)
def test_parameters_join_the_redirect_uri(redirect_uri: str, mode: ResponseMode, location: str) -> None:
    assert AuthorizationResponse(redirect_uri, mode, PARAMETERS).location == location


def fragment_of(response: TestResponse) -> dict[str, str]:
    assert response.status_code == 303
    address, _, fragment = response.location.partition("#")
    assert address == CALLBACK
    return dict(parse_qsl(fragment, strict_parsing=True))


def form_of(response: TestResponse) -> dict[str, str]:
    """OAuth 2.0 Form Post Response Mode §2: a page whose form goes to the redirect URI."""
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    policy = response.headers["Content-Security-Policy"]
    assert "; form-action 'self' https://payslips.example.nhs.uk; " in policy
    assert "onload" not in response.text
    assert re.findall(r'<form[^>]*action="([^"]+)"', response.text) == [CALLBACK]
    assert re.search(r'<form[^>]*method="post"', response.text)
    assert re.search(r"<button[^>]*>", response.text), "it works without JavaScript"
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', response.text)
    return {name: html.unescape(value) for name, value in fields}


@pytest.mark.parametrize(("mode", "read"), [("fragment", fragment_of), ("form_post", form_of)])
@pytest.mark.parametrize("state", ["a-state", "\"><script>alert(1)</script>&amp;'"])
def test_a_code_travels_as_asked(site: Site, mode: str, state: str, read: Reader) -> None:
    visitor = site.browser()
    visitor.sign_in_to()
    answer = read(visitor.authorize(response_mode=mode, state=state))
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (state, ISSUER)
    assert site.redeem(answer["code"]).status_code == 200


@pytest.mark.parametrize(("mode", "read"), [("fragment", fragment_of), ("form_post", form_of)])
def test_an_error_travels_as_asked(site: Site, mode: str, read: Reader) -> None:
    answer = read(site.browser().authorize(response_mode=mode, scope=None))
    assert {**answer, "error_description": described(answer)} == {
        "error": "invalid_scope",
        "error_description": "scope is missing; OpenID Connect asks for openid",
        "state": "a-state",
        "iss": ISSUER,
    }


@pytest.mark.parametrize(("mode", "read"), [("fragment", fragment_of), ("form_post", form_of)])
def test_what_the_journey_refuses_travels_as_asked(site: Site, mode: str, read: Reader) -> None:
    assert read(site.browser().authorize(response_mode=mode, prompt="none")) == {
        "error": "login_required",
        "error_description": "prompt=none, but the person has to sign in",
        "state": "a-state",
        "iss": ISSUER,
    }


def test_after_the_login_page_the_answer_still_travels_as_asked(site: Site) -> None:
    visitor = site.browser()
    page = visitor.follow(visitor.authorize(response_mode="form_post"))
    assert form_of(visitor.log_in(page)).keys() == {"code", "state", "iss"}


def test_a_query_of_the_redirect_uri_is_kept(site: Site) -> None:
    site.add_client("rota", redirect_uris=[WITH_QUERY])
    response = site.browser().authorize("rota", redirect_uri=WITH_QUERY, prompt="none")
    assert response.location.startswith(f"{WITH_QUERY}&error=login_required&")


def test_an_answer_is_a_see_other_that_nobody_keeps(site: Site) -> None:
    visitor = site.browser()
    visitor.sign_in_to()
    response = visitor.authorize()
    assert response.status_code == 303
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
