"""The stand-in for Care Identity signs people in at the identity provider, and out of it again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from werkzeug.test import TestResponse

from idp.db import account, smartcard
from idp.db.signing_key import SigningKey
from idp.db.smartcard import Smartcard
from idp.services.clock import SystemClock
from idp.services.upstream import PrivateKey
from tests import site as sites
from tests.care import USERNAME, client_key
from tests.examples.stand_in import CLIENT_ID, JANE, SIAN, StandIn, standing_in
from tests.site import ISSUER, Site, Visitor, body, received
from tests.site_fixtures import keys_dir, password_hash, signing_keys

__all__ = ["keys_dir", "password_hash", "signing_keys"]


@dataclass(frozen=True, slots=True)
class Two:
    """The identity provider, and the stand-in. Jane's card is linked to an account, Siân's is not."""

    site: Site
    stand_in: StandIn

    def choose(
        self, visitor: Visitor, there: str, method: str = "smartcard", number: str = JANE.nhsid_useruid
    ) -> TestResponse:
        """Choose at the stand-in, and go back to where that leads."""
        page = self.stand_in.get(there)
        chosen = self.stand_in.choose(page.text, person=number, method=method, action="continue")
        return visitor.follow(visitor.get(chosen.headers["Location"].removeprefix(ISSUER)))

    def leave(self, visitor: Visitor, **asked: str) -> str:
        """Come from an application, and choose Care Identity: where the browser is sent."""
        page = visitor.follow(visitor.authorize(**asked)).text
        (path,) = re.findall(r'href="(/care-identity\?[^"]+)"', page)
        gone = visitor.get(path.replace("&amp;", "&"))
        assert gone.location.startswith(f"{self.stand_in.address}/authorize?")
        return gone.location


@pytest.fixture
def two(
    tmp_path: Path, sqlite_url: str, keys_dir: Path, signing_keys: list[SigningKey], password_hash: str
) -> Iterator[Two]:
    path = client_key(tmp_path)
    known: list[Site] = []
    with (
        _taking(known) as logout,
        standing_in(
            tmp_path,
            key=PrivateKey.load(path),
            redirect_uri=f"{ISSUER}/care-identity/return",
            backchannel_logout_uri=logout,
        ) as stand_in,
    ):
        site = sites.build(
            sqlite_url,
            keys_dir,
            signing_keys,
            password_hash,
            SystemClock().now(),
            care_identity_issuer=stand_in.address,
            care_identity_client_id=CLIENT_ID,
            care_identity_key=path,
        )
        known.append(site)
        site.add_account()
        site.add_client()
        _link(site, JANE.nhsid_useruid)
        yield Two(site, stand_in)
        site.provider.database.close()


def _link(site: Site, number: str) -> None:
    with site.provider.database.write() as connection:
        jane = account.find(connection, USERNAME)
        assert jane is not None
        made = Smartcard(site.provider.randomness.uuid(), jane.id, number, None, None, site.clock.now(), None)
        smartcard.add(connection, made)


@contextmanager
def _taking(known: list[Site]) -> Iterator[str]:
    """Where the stand-in posts a session's end: handed to the site, which has no address of its own here."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            answer = known[0].post("/care-identity/logout", None, logout_token=form["logout_token"][0])
            self.send_response(answer.status_code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/care-identity/logout"
        server.shutdown()


@pytest.mark.parametrize(
    ("method", "acr", "amr"),
    [
        ("smartcard", "AAL3_SMARTCARD", ["sc", "pin", "mfa"]),
        ("security_key", "AAL3_FIDO2", ["hwk", "user", "mfa"]),
    ],
)
def test_somebody_is_signed_in_with_what_was_proved(two: Two, method: str, acr: str, amr: list[str]) -> None:
    visitor = two.site.browser()
    back = two.choose(visitor, two.leave(visitor, scope="openid esr"), method)
    claims = two.site.claims(body(two.site.redeem(received(back)["code"]))["id_token"])
    assert (claims["acr"], claims["amr"]) == (acr, amr)
    assert claims["nhsid_useruid"] == "656005750104"


@pytest.mark.parametrize("method", ["app", "password"])
def test_less_than_was_asked_for_signs_nobody_in(two: Two, method: str) -> None:
    visitor = two.site.browser()
    back = two.choose(visitor, two.leave(visitor), method)
    assert back.status_code == 403
    assert "Log in to NHS Care Identity in a stronger way" in back.text
    assert USERNAME not in visitor.get("/").text


def test_whose_card_is_not_linked_is_told_so(two: Two) -> None:
    visitor = two.site.browser()
    back = two.choose(visitor, two.leave(visitor), number=SIAN.nhsid_useruid)
    assert back.status_code == 403
    assert "Your NHS Care Identity is not linked to an account" in back.text


def test_who_cancels_may_log_in_another_way(two: Two) -> None:
    visitor = two.site.browser()
    page = two.stand_in.get(two.leave(visitor))
    cancelled = two.stand_in.choose(page.text, action="cancel")
    back = visitor.get(cancelled.headers["Location"].removeprefix(ISSUER))
    assert back.status_code == 403
    assert "You did not log in with NHS Care Identity" in back.text


def test_the_end_of_the_session_there_is_its_end_here(two: Two) -> None:
    visitor = two.site.browser()
    code = received(two.choose(visitor, two.leave(visitor)))["code"]
    tokens = body(two.site.redeem(code))
    assert USERNAME in visitor.get("/").text

    ended = two.stand_in.choose(two.stand_in.get(two.stand_in.address).text)

    assert "The application was told, and answered 200." in ended.text
    assert USERNAME not in visitor.get("/").text
    assert two.site.refresh(tokens["refresh_token"]).status_code == 400
