"""One server under measurement: its addresses, its client and its people.

OpenID Connect Discovery 1.0 §4: paths come from the server's own document, so that nothing here knows a
product.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from bench.drive import Address, Flow, Unexpected, once
from bench.message import Response, get

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
# RFC 7636, appendix B.
CODE_VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CODE_CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass(frozen=True, slots=True)
class Client:
    """The confidential client of a run, registered for code, refresh and client credentials."""

    client_id: str
    client_secret: str
    redirect_uri: str

    @property
    def authorization(self) -> str:
        """The Authorization header of `client_secret_basic` (RFC 6749 §2.3.1)."""
        pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


@dataclass(frozen=True, slots=True)
class Target:
    """A running server as the operations see it.

    `jwt` is what a request adds to be given a JWT access token; `people` are (username, password), without a
    password where `login_hint` is enough to be signed in.
    """

    name: str
    origin: str
    client: Client
    people: tuple[tuple[str, str | None], ...]
    paths: Mapping[str, str]
    jwt: Mapping[str, str] = field(default_factory=dict)
    service_scope: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> Address:
        """Where to connect."""
        return address_of(self.origin)

    @property
    def host(self) -> str:
        """The Host header."""
        return urlsplit(self.origin).netloc

    def authorize(self, more: Mapping[str, str]) -> str:
        """Path and query of an authorization request, with `more` parameters."""
        parameters = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": "openid profile email",
            "state": "a-state-of-some-length",
            "nonce": "a-nonce-of-some-length",
            "code_challenge": CODE_CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.paths['authorization_endpoint']}?{urlencode(parameters | dict(more))}"


def address_of(origin: str) -> Address:
    """Where a server of `origin` listens; loopback by name means IPv4 here, as every server was told."""
    parts = urlsplit(origin)
    return ("127.0.0.1", parts.port or 80)


def discover(origin: str) -> dict[str, str]:
    """The path of every endpoint named in the server's discovery document."""
    found: list[Response] = []

    def flow() -> Flow:
        response = yield get(urlsplit(origin).netloc, DISCOVERY_PATH)
        if response.status != 200:  # noqa: PLR2004 - a status code is its own name
            raise Unexpected("the discovery document", response)
        found.append(response)

    once(address_of(origin), flow())
    document: dict[str, object] = json.loads(found[0].body)
    return {
        name: urlsplit(value).path
        for name, value in document.items()
        if isinstance(value, str) and (name.endswith("_endpoint") or name == "jwks_uri")
    }
