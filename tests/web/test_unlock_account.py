"""The link in an unlock mail: opening it changes nothing, its button unlocks once."""

import html
import re
from datetime import timedelta
from uuid import UUID

import pytest

from idp.db import account, audit
from idp.db.link import Purpose
from idp.services.letters import Letter
from tests.mailbox import queued
from tests.site import ISSUER, PASSWORD, Site, Visitor, received
from tests.web.asking import ask
from tests.web.forms import form_of, heading, login_page

WRONG = "Wrong.Horse.Lamp19"


def whose(site: Site, username: str = "918JSMITH01") -> UUID:
    with site.provider.database.read() as connection:
        found = account.find(connection, username)
    assert found is not None
    return found.id


def link(site: Site, purpose: Purpose = Purpose.UNLOCK, request: str | None = None) -> str:
    """The path and query of a new link."""
    with site.provider.database.write() as connection:
        issued = site.provider.links.issue(
            connection, whose(site), purpose, site.clock.now(), request=request
        )
    assert issued.url.startswith(f"{ISSUER}/")
    return issued.url.removeprefix(ISSUER)


def throttle(visitor: Visitor) -> None:
    page = visitor.get("/login")
    for _ in range(7):
        visitor.submit(page, username="918JSMITH01", password=WRONG)


def may_log_in(visitor: Visitor) -> bool:
    answer = visitor.submit(visitor.get("/login"), username="918JSMITH01", password=PASSWORD)
    return answer.status_code == 303


def test_who_was_stopped_asks_for_a_link_and_logs_in_with_the_same_password(site: Site) -> None:
    visitor = site.browser()
    throttle(visitor)
    assert not may_log_in(visitor)
    ask(visitor, "/unlock")
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert letter.letter is Letter.UNLOCK
    (offered,) = letter.values["accounts"]
    page = visitor.get(offered["link"].removeprefix(ISSUER))
    assert (page.status_code, heading(page)) == (200, "Unlock your account")
    unlocked = visitor.submit(page)
    assert (unlocked.status_code, unlocked.location) == (303, f"{ISSUER}/login")
    login = visitor.follow(unlocked)
    assert "Your account is unlocked. Log in with your password." in login.text
    assert visitor.submit(login, username="918JSMITH01", password=PASSWORD).status_code == 303


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_link_changes_nothing(site: Site, method: str) -> None:
    visitor = site.browser()
    throttle(visitor)
    path = link(site)
    for _ in range(3):
        scanned = site.browser().browser.open(path, method=method, base_url=ISSUER)
        assert scanned.status_code == 200
    assert not may_log_in(visitor)
    assert visitor.submit(visitor.get(path)).status_code == 303
    assert may_log_in(visitor)


def test_the_page_names_nobody_and_tells_no_other_site(site: Site) -> None:
    page = site.browser().get(link(site))
    for secret in ("918JSMITH01", "Jane", "Smith", "NHS Blood and Transplant"):
        assert secret not in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"


def test_a_person_who_came_from_an_application_goes_on_there(site: Site) -> None:
    visitor = site.browser()
    waiting = login_page(visitor)
    handle = form_of(waiting)[0].partition("=")[2]
    unlocked = visitor.submit(visitor.get(link(site, request=handle)))
    assert unlocked.location == f"{ISSUER}/login?request={handle}"
    login = visitor.follow(unlocked)
    assert "Your account is unlocked." in login.text
    assert "code" in received(visitor.log_in(login))


@pytest.mark.parametrize("how", ["another browser", "expired", "garbage"])
def test_where_the_application_cannot_be_gone_on_with_one_just_logs_in(site: Site, how: str) -> None:
    visitor = site.browser()
    handle = form_of(login_page(site.browser() if how == "another browser" else visitor))[0]
    path = link(site, request="x" if how == "garbage" else handle.partition("=")[2])
    page = visitor.get(path)
    if how == "expired":
        site.clock.advance(timedelta(minutes=31))
    assert visitor.submit(page).location == f"{ISSUER}/login"


def test_the_page_speaks_the_language_of_the_email_and_the_toggle_keeps_the_link(site: Site) -> None:
    welsh = site.add_account("918MPENGWERN01", language="cy")
    with site.provider.database.write() as connection:
        issued = site.provider.links.issue(connection, welsh.id, Purpose.UNLOCK, site.clock.now())
    visitor = site.browser()
    page = visitor.get(issued.url.removeprefix(ISSUER))
    assert page.headers["Content-Language"] == "cy"
    visitor.submit(page)
    used = visitor.submit(page)
    assert used.status_code == 410
    toggle = re.search(r'<a href="([^"]+)" lang="', used.text)
    assert toggle
    assert visitor.get(html.unescape(toggle[1])).status_code == 410, "still about that link"


class TestALinkThatOpensNothing:
    def test_was_used(self, site: Site) -> None:
        visitor = site.browser()
        path = link(site)
        page = visitor.get(path)
        visitor.submit(page)
        for again in (visitor.get(path), visitor.submit(page)):
            assert (again.status_code, heading(again)) == (410, "This link has already been used")
            assert 'href="/unlock"' in again.text

    def test_has_expired(self, site: Site) -> None:
        visitor = site.browser()
        path = link(site)
        page = visitor.get(path)
        site.clock.advance(timedelta(minutes=59, seconds=59))
        assert visitor.get(path).status_code == 200
        site.clock.advance(timedelta(seconds=1))
        for late in (visitor.get(path), visitor.submit(page)):
            assert (late.status_code, heading(late)) == (410, "This link has expired")

    def test_has_a_successor(self, site: Site) -> None:
        visitor = site.browser()
        path = link(site)
        page = visitor.get(path)
        newer = link(site)
        for old in (visitor.get(path), visitor.submit(page)):
            assert (old.status_code, heading(old)) == (410, "There is a newer link than this one")
        assert visitor.submit(visitor.get(newer)).status_code == 303

    @pytest.mark.parametrize("purpose", [Purpose.RESET, Purpose.ACTIVATE])
    def test_is_for_something_else(self, site: Site, purpose: Purpose) -> None:
        visitor = site.browser()
        throttle(visitor)
        other = link(site, purpose)
        answer = visitor.get(other.replace("/update-password", "/unlock-account"))
        assert (answer.status_code, heading(answer)) == (400, "This link does not work")
        page = visitor.get(link(site))
        token = other.partition("link=")[2]
        action, hidden = form_of(page)
        assert visitor.post(action, {**hidden, "link": token}).status_code == 400
        assert not may_log_in(visitor)
        assert visitor.get(other).status_code == 200, "nothing was used up"

    @pytest.mark.parametrize(
        "query", ["", "?link=", "?link=x", "?link=a&link=b", "?link=%C5%B5", "?link=%00"]
    )
    def test_is_not_complete(self, site: Site, query: str) -> None:
        page = site.browser().get(f"/unlock-account{query}")
        assert page.status_code == 400
        assert not page.headers.getlist("Set-Cookie")

    def test_has_a_character_wrong(self, site: Site) -> None:
        path = link(site)
        changed = path[:-1] + ("A" if path[-1] != "A" else "B")
        assert site.browser().get(changed).status_code == 400
        assert site.browser().get(path).status_code == 200


def test_a_form_without_its_own_token_unlocks_nothing(site: Site) -> None:
    visitor, other = site.browser(), site.browser()
    throttle(visitor)
    path = link(site)
    _, hidden = form_of(visitor.get(path))
    of_another = form_of(other.get(path))[1]["csrf_token"]
    of_another_page = form_of(visitor.get("/unlock"))[1]["csrf_token"]
    for token in ("", "0" * 64, of_another, of_another_page):
        answer = visitor.post("/unlock-account", {**hidden, "csrf_token": token})
        assert answer.status_code == 403
    assert not may_log_in(visitor)
    assert visitor.get(path).status_code == 200


def test_the_owner_is_told_and_the_audit_log_knows(site: Site) -> None:
    visitor = site.browser()
    visitor.submit(visitor.get(link(site)))
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert letter.letter is Letter.ACCOUNT_UNLOCKED
    assert letter.to == "918jsmith01@example.nhs.uk"
    with site.provider.database.read() as connection:
        assert audit.last_of_account(connection, whose(site), "account.unlocked") is not None


def test_a_relying_party_s_session_goes_on(site: Site) -> None:
    visitor = site.browser()
    tokens = site.tokens(visitor=visitor)
    visitor.submit(visitor.get(link(site)))
    assert site.userinfo(tokens["access_token"]).status_code == 200
    assert "code" in received(visitor.authorize(prompt="none"))
