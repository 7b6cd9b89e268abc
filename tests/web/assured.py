"""Somebody at a browser whom relying parties ask for an assurance; nothing is followed by itself."""

import json
from typing import Any

from werkzeug.test import TestResponse

from idp.accounts import browser_session
from idp.accounts.entry import Entered, Visit
from idp.db.account import Account
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor
from idp.services.digest import digest
from tests.site import ISSUER, PASSWORD, Site, Visitor, body, received

JOAN = "918JDOE01"
TOTP, CODE, KEY, CARD = Factor.TOTP, Factor.RECOVERY_CODE, Factor.SECURITY_KEY, Factor.SMARTCARD
SID = "__Host-sid"
DOMAIN = "id.example.nhs.uk"


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})


class Person:
    """Somebody at a browser, who follows no redirect to a page of second factors."""

    def __init__(self, site: Site, username: str = JOAN, **made: Any) -> None:  # noqa: ANN401 - of an account
        self.site, self.username = site, username
        self.account: Account = site.add_account(username, **made)
        self.visitor: Visitor = site.browser()
        self.handle = ""

    @property
    def secret(self) -> str:
        cookie = self.visitor.browser.get_cookie(SID, domain=DOMAIN)
        return "" if cookie is None else cookie.value

    def ask(self, client_id: str = "payslips", **asked: str | None) -> TestResponse:
        """Begin an authorization request; where it leads."""
        answer = self.visitor.authorize(client_id, **asked)
        if answer.location.startswith(ISSUER):
            self.handle = answer.location.split("request=")[1]
        return answer

    def log_in(self) -> TestResponse:
        """Give the password; what the hub says then."""
        page = self.visitor.get(f"/login?request={self.handle}")
        self.visitor.submit(page, username=self.username, password=PASSWORD)
        return self.hub()

    def hub(self) -> TestResponse:
        return self.visitor.get(f"/authorize/{self.handle}")

    def prove(self, factor: Factor) -> TestResponse:
        """Prove a factor in whatever session there is; what the hub says then."""
        provider, now = self.site.provider, self.site.clock.now()
        with provider.database.write() as connection:
            session = browser_session.find(connection, self.secret, now)
            session = session or browser_session.find_half(connection, self.secret, now)
            assert session is not None
            entered = provider.entry.step_up(connection, session, factor, self._visit(None), now)
        return self._hold(entered)

    def come_with(self, factor: Factor) -> TestResponse:
        """Sign in with one that needs no password; what the hub says then."""
        provider, now = self.site.provider, self.site.clock.now()
        with provider.database.write() as connection:
            visit = self._visit(browser_session.find_unended(connection, self.secret))
            entered = provider.entry.enter(connection, self.account, (factor,), visit, now)
        return self._hold(entered)

    def _visit(self, current: BrowserSession | None) -> Visit:
        return Visit(
            address="127.0.0.1",
            user_agent="a browser",
            known_device=None,
            trusted_device=None,
            current=current,
            request_digest=digest(self.handle),
            is_trusted_network=False,
            reference=self.site.provider.randomness.reference(),
        )

    def _hold(self, entered: Entered | None) -> TestResponse:
        assert entered is not None
        self.visitor.browser.set_cookie(SID, entered.session.secret, domain=DOMAIN, secure=True)
        return self.hub()

    def claims(self, answer: TestResponse, client_id: str = "payslips") -> dict[str, Any]:
        """What the ID Token says of the sign-in; the access token and introspection say the same."""
        self.tokens = body(self.site.redeem(received(answer)["code"], client_id))
        told = self.site.claims(self.tokens["id_token"])
        of_access_token = self.site.claims(self.tokens["access_token"])
        introspected = body(self.site.post("/introspect", client_id, token=self.tokens["access_token"]))
        for name in ("auth_time", "acr", "amr"):
            assert of_access_token[name] == told[name] == introspected[name]
        return told


def page_of(answer: TestResponse) -> str:
    """The page that the answer leads to."""
    assert answer.status_code == 303
    assert answer.location.startswith(ISSUER), answer.location
    return answer.location.removeprefix(ISSUER).split("?")[0]


def at(site: Site, ago: int = 0) -> int:
    return int(site.clock.now().timestamp()) - ago
