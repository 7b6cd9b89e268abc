"""The stand-in for Care Identity, running, with a browser that reads its forms and the product's client."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from care_identity_provider.app import create_app
from care_identity_provider.settings import Person, Settings
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import make_server

from idp.services.clock import SystemClock
from idp.services.randomness import SystemRandomness
from idp.services.upstream import Assertion, PrivateKey, UpstreamClient

CLIENT_ID = "esr-demo"
RETURN = "http://localhost:8000/care-identity/return"
JANE, SIAN = Person("656005750104", "Jane Smith"), Person("656005750105", "Siân O'Connor")
VERIFIER = "dBjftJeZ4CVP-mBG2lKX9nGoAxJaA8Xdi5PrVdOoWwo"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
KEY = PrivateKey.parse(
    rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
)
NONCE = "n-0S6_WzA2Mj"


@dataclass(frozen=True, slots=True)
class StandIn:
    """The stand-in at `address`, one browser, and the client that sends it there."""

    address: str
    client: UpstreamClient
    browser: requests.Session = field(default_factory=requests.Session)

    def url(
        self,
        *,
        acr_values: tuple[str, ...] = ("AAL3_ANY",),
        max_age: int | None = None,
        prompt: str | None = None,
    ) -> str:
        return self.client.authorization_url(
            state="af0ifjsldkj",
            nonce=NONCE,
            code_challenge=CHALLENGE,
            acr_values=acr_values,
            max_age=max_age,
            prompt=prompt,
            ui_locales=None,
        )

    def get(self, url: str) -> requests.Response:
        return self.browser.get(url, allow_redirects=False, timeout=5)

    def choose(self, page: str, **values: str) -> requests.Response:
        """Submit the form of the page."""
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', page))
        (path,) = re.findall(r'<form method="post" action="([^"]+)">', page)
        return self.browser.post(
            f"{self.address}{path}", data={**hidden, **values}, allow_redirects=False, timeout=5
        )

    def sign_in(self, method: str = "smartcard", person: Person = JANE, *, url: str | None = None) -> str:
        """Sign in; the code."""
        page = self.get(url or self.url())
        response = self.choose(page.text, person=person.nhsid_useruid, method=method, action="continue")
        return returned(response)["code"]

    def redeem(self, code: str) -> Assertion:
        return self.client.redeem(code, code_verifier=VERIFIER, nonce=NONCE, now=SystemClock().now())


def returned(response: requests.Response) -> dict[str, str]:
    """What the browser is sent back with."""
    address = response.headers["Location"]
    assert address.startswith(f"{RETURN}?"), address
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}


@contextmanager
def standing_in(
    folder: Path,
    *,
    key: PrivateKey = KEY,
    redirect_uri: str = RETURN,
    backchannel_logout_uri: str | None = None,
) -> Iterator[StandIn]:
    """Run it, for an application with that key and at that address."""
    (folder / "jwks.json").write_text(json.dumps(key.public_jwks))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"
    settings = Settings(
        base_url=address,
        client_id=CLIENT_ID,
        client_jwks=folder / "jwks.json",
        redirect_uri=redirect_uri,
        backchannel_logout_uri=backchannel_logout_uri,
        people=(JANE, SIAN),
    )
    server = make_server("127.0.0.1", port, create_app(settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    client = UpstreamClient(
        address, CLIENT_ID, KEY, RETURN, clock=SystemClock(), randomness=SystemRandomness()
    )
    try:
        with requests.Session() as browser:
            yield StandIn(address, client, browser)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
