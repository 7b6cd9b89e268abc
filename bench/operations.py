"""The operations measured, each a short conversation that one lane repeats.

An operation is prepared for one browser, which is signed in, and gives the flows its lane runs. What a
window consumes or needs (tokens) is fetched while it is prepared, outside the time that counts.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from bench.browser import Browser
from bench.drive import Flow, Unexpected, once
from bench.message import Response, get, post
from bench.target import CODE_VERIFIER, DISCOVERY_PATH, Target

Operation: TypeAlias = Callable[[Target, Browser], Iterator[Flow]]

OK: Final = 200
TOKENS_TO_REVOKE: Final = 40  # for each lane and window: they cost far more to fetch than to revoke


def sign_in(target: Target, browser: Browser) -> Flow:
    """Authorize without a session, sign in on the page shown (or by login_hint alone), receive a code."""
    hint = {} if browser.password else {"login_hint": browser.username}
    url, page = yield from browser.visit(target.origin + target.authorize(hint))
    if browser.password:
        _expect(page, "the login page")
        filled = {"username": browser.username, "password": browser.password}
        url, page = yield from browser.submit(url, page, **filled)
    _code(target, page)


def _discovery(target: Target, _browser: Browser) -> Iterator[Flow]:
    return _asking(get(target.host, DISCOVERY_PATH), "the discovery document")


def _jwks(target: Target, _browser: Browser) -> Iterator[Flow]:
    return _asking(get(target.host, target.paths["jwks_uri"]), "the keys")


def _client_credentials(target: Target, _browser: Browser) -> Iterator[Flow]:
    form = {"grant_type": "client_credentials", **target.jwt, **target.service_scope}
    return _asking(_authenticated(target, "token_endpoint", form), "an access token")


def _code_flow(target: Target, browser: Browser) -> Iterator[Flow]:
    # Written once: a session that stands keeps its cookie.
    authorize = _authorize(target, browser, target.jwt)
    return _forever(lambda: _redeemed(target, browser, target.jwt, authorize))


def _refresh(target: Target, browser: Browser) -> Iterator[Flow]:
    once(target.address, _redeemed(target, browser, target.jwt))
    return _forever(lambda: _refreshed(target, browser))


def _userinfo(target: Target, browser: Browser) -> Iterator[Flow]:
    once(target.address, _redeemed(target, browser, {}))
    authorization = f"Bearer {browser.access_token}"
    return _asking(get(target.host, target.paths["userinfo_endpoint"], authorization=authorization), "claims")


def _introspection(target: Target, browser: Browser) -> Iterator[Flow]:
    once(target.address, _redeemed(target, browser, {}))
    request = _authenticated(target, "introspection_endpoint", {"token": browser.access_token})
    return _asking(request, "an active token", containing=b'"active":true')


def _revocation(target: Target, browser: Browser) -> Iterator[Flow]:
    requests = []
    for _ in range(TOKENS_TO_REVOKE):
        once(target.address, _redeemed(target, browser, {}))
        requests.append(_authenticated(target, "revocation_endpoint", {"token": browser.refresh_token}))
    return (_asked(request, "an empty answer", b"") for request in requests)


def _sign_in(target: Target, browser: Browser) -> Iterator[Flow]:
    return _forever(lambda: sign_in(target, replace(browser, cookies={})))


def _bare(target: Target, _browser: Browser) -> Iterator[Flow]:
    return _asking(get(target.host, "/bare"), "the bare view")


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "discovery": _discovery,
        "jwks": _jwks,
        "code_flow": _code_flow,
        "client_credentials": _client_credentials,
        "refresh": _refresh,
        "userinfo": _userinfo,
        "introspection": _introspection,
        "revocation": _revocation,
        "sign_in": _sign_in,
    }
)
BARE_VIEW: Final[Operation] = _bare


def _authorize(target: Target, browser: Browser, more: Mapping[str, str]) -> bytes:
    return get(target.host, target.authorize(more), cookie=browser.cookie)


def _redeemed(target: Target, browser: Browser, more: Mapping[str, str], authorize: bytes = b"") -> Flow:
    response = yield authorize or _authorize(target, browser, more)
    form = {
        "grant_type": "authorization_code",
        "code": _code(target, response),
        "redirect_uri": target.client.redirect_uri,
        "code_verifier": CODE_VERIFIER,
        **more,
    }
    _keep_tokens(browser, (yield _authenticated(target, "token_endpoint", form)))


def _refreshed(target: Target, browser: Browser) -> Flow:
    form = {"grant_type": "refresh_token", "refresh_token": browser.refresh_token, **target.jwt}
    _keep_tokens(browser, (yield _authenticated(target, "token_endpoint", form)))


def _keep_tokens(browser: Browser, response: Response) -> None:
    _expect(response, "tokens")
    browser.access_token = response.member("access_token")
    browser.refresh_token = response.member("refresh_token")
    response.member("id_token")


def _code(target: Target, response: Response) -> str:
    if response.location.startswith(target.client.redirect_uri):
        found = parse_qs(urlsplit(response.location).query).get("code")
        if found:
            return found[0]
    raise Unexpected("a code", response)


def _authenticated(target: Target, endpoint: str, form: dict[str, str]) -> bytes:
    return post(target.host, target.paths[endpoint], form, authorization=target.client.authorization)


def _asking(request: bytes, wanted: str, containing: bytes = b"{") -> Iterator[Flow]:
    return _forever(lambda: _asked(request, wanted, containing))


def _asked(request: bytes, wanted: str, containing: bytes) -> Generator[bytes, Response, None]:
    response = yield request
    _expect(response, wanted, containing)


def _expect(response: Response, wanted: str, containing: bytes = b"") -> None:
    if response.status != OK or containing not in response.body:
        raise Unexpected(wanted, response)


def _forever(flow: Callable[[], Flow]) -> Iterator[Flow]:
    while True:
        yield flow()
