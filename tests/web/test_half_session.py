"""Half a session changes nothing at any address, though the form is right in every way but that one.

The addresses are those of the application; the tokens are made as our own pages make them, for the very
session. The same forms do what they say once the second factor was proved: else this would show nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select

from idp.accounts import browser_session
from idp.accounts.mfa import Proved
from idp.db import trusted_device
from idp.db.browser_session import SECOND_FACTOR_DUE, BrowserSession
from idp.db.engine import migration_engine
from idp.db.tables import metadata
from idp.web import browser
from idp.web.routes import PAGES
from tests import enrolled
from tests.accounts import second_factors
from tests.accounts.second_factors import Desk, Telephone
from tests.site import ISSUER, PASSWORD, Site, Visitor, received
from tests.web.account_page import JANE, events, of, sessions

DOMAIN = "id.example.nhs.uk"
NEW = "Cloud.Tiger.Sock48"

POSTED = {path for method, path, _ in PAGES if method == "POST"}

# The one ends it, which anybody may; the other is for who has none.
ELSEWHERE = {"/logout", "/login"}

# What is somebody's own, or lets others act for them.
HERS = (
    "accounts",
    "authorization_codes",
    "browser_sessions",
    "consents",
    "grants",
    "links",
    "outbox",
    "passkeys",
    "password_history",
    "people",
    "recovery_codes",
    "smartcards",
    "totp_devices",
    "trusted_devices",
)

ACTS = {
    "/account/activity",
    "/account/consent",
    "/account/factor/name",
    "/account/factor/removal",
    "/account/language",
    "/account/session",
    "/account/sessions",
    "/account/trusted-device",
    "/change-password",
    "/consent",
    "/mfa/enrol",
    "/mfa/recovery-codes",
}


@dataclass(frozen=True, slots=True)
class Jane:
    """Jane in a browser of hers, what she has, and what waits there for her."""

    site: Site
    visitor: Visitor
    phone: Telephone
    handle: str
    fields: dict[str, str]

    @property
    def session(self) -> BrowserSession:
        with self.site.provider.database.read() as connection:
            found = browser_session.find_unended(connection, self.cookie("sid"))
        assert found is not None
        return found

    def cookie(self, name: str) -> str:
        kept = self.visitor.browser.get_cookie(f"__Host-{name}", domain=DOMAIN)
        assert kept is not None, name
        return kept.value

    def tokens(self, path: str) -> Iterator[tuple[str, str]]:
        """Every token that one of our pages might have put into a form of this address, and the query."""
        provider, sid = self.site.provider, self.session.sid
        form, waits = self.cookie("form"), self.cookie(f"tx-{self.handle[:8]}")
        pages = {path, "/account", path.replace("/options", "/verify"), path.removesuffix("/options")}
        for page in sorted(pages):
            yield browser.csrf_token(provider, f"{form} {page}"), ""
            yield browser.csrf_token(provider, f"{form} {page} {sid}"), ""
        yield browser.csrf_token(provider, self.cookie("sid")), ""
        yield browser.csrf_token(provider, waits), f"?request={self.handle}"
        yield browser.csrf_token(provider, f"{waits} {sid}"), f"?request={self.handle}"

    def post(self, path: str) -> None:
        """Send every form that this address might believe."""
        steps = ("begin", "mail", "confirm") if path == "/mfa/enrol" else ("",)
        for token, query in self.tokens(path):
            for step in steps:
                fields = {**self.fields, "csrf_token": token, "step": step}
                self.visitor.post(path + query, fields)


@pytest.fixture
def desk(site: Site) -> Desk:
    return second_factors.build(site)


@pytest.fixture
def jane(site: Site, desk: Desk) -> Jane:
    """With half a session, and everything that there is to lose."""
    account = of(site)
    elsewhere = site.browser()
    site.add_client("rota", client_name="Rota Planner", first_party=False)
    site.add_client("diary", client_name="Diary", first_party=False)
    elsewhere.sign_in_to("rota", scope="openid profile")
    devices = site.provider.entry.trusted_devices
    with site.provider.database.write() as connection:
        devices.trust(connection, account.id, user_agent=None, now=site.clock.now())
        (device,) = trusted_device.of_account(connection, account.id, site.clock.now())
    phone = desk.add_app()
    desk.add_codes()
    enrolled.passkey(site, account.id)
    with site.provider.database.write() as connection:
        begun = desk.mfa.totp.begin(connection, account.id, JANE, "Another", site.clock.now())
    assert begun is not None
    visitor = site.browser()
    visitor.get("/login")
    asked = visitor.authorize("diary", scope="openid profile")
    visitor.log_in(visitor.follow(asked))
    # The waiting app has its code right: it counts for nothing yet.
    fields = {
        "choice": "continue",
        "client": "rota",
        "code": replace(phone, device_id=begun.device_id, secret=begun.secret).code(site),
        "confirm_password": NEW,
        "credential": "{}",
        "current_password": PASSWORD,
        "decision": "allow",
        "device": str(device.id),
        "event": str(events(site)[0].seq),
        "factor": str(phone.device_id),
        "kind": "totp",
        "language": "cy",
        "name": "Mine",
        "password": NEW,
        "session": str(sessions(site)[0].sid),
    }
    return Jane(site, visitor, phone, asked.location.partition("request=")[2], fields)


def held(jane: Jane) -> dict[str, list[str]]:
    """All that is hers, but for the session that she begins."""
    engine = migration_engine(jane.site.provider.database.url)
    own = str(jane.session.sid)
    with engine.connect() as connection:
        found = {
            name: sorted(
                repr(row)
                for row in connection.execute(select(metadata.tables[name]))
                if str(row[0]) != own or name != "browser_sessions"
            )
            for name in HERS
        }
    engine.dispose()
    return found


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    return {name for name in HERS if before[name] != after[name]}


def test_half_a_session_changes_nothing(jane: Jane) -> None:
    before = held(jane)
    for path in sorted(POSTED - ELSEWHERE):
        jane.post(path)
        assert changed(before, held(jane)) == set(), path
        assert jane.session.acr == SECOND_FACTOR_DUE, path
    assert jane.visitor.get("/account").location == f"{ISSUER}/mfa?next=account"


@pytest.mark.parametrize("path", sorted(ACTS))
def test_the_same_forms_do_what_they_say_after_the_second_factor(jane: Jane, desk: Desk, path: str) -> None:
    proved = desk.prove(jane.session, jane.phone.code(jane.site))
    assert isinstance(proved, Proved)
    jane.visitor.browser.set_cookie("__Host-sid", proved.entered.session.secret, domain=DOMAIN)
    before = held(jane)
    jane.post(path)
    assert changed(before, held(jane)) != set()


def test_nor_does_it_get_a_code_for_the_application_that_waits(jane: Jane) -> None:
    for path in ("/consent", "/select-account"):
        jane.post(path)
    assert jane.visitor.get(f"/authorize/{jane.handle}").location == f"{ISSUER}/mfa?request={jane.handle}"
    assert received(jane.visitor.authorize(prompt="none"))["error"] == "login_required"
