"""Unlock Account, from the page to the mail."""

import pytest

from idp.db.account import AccountState
from idp.services.letters import Letter
from tests.mailbox import queued
from tests.site import ISSUER, Site, Visitor
from tests.web.asking import ask


def throttle(visitor: Visitor) -> None:
    page = visitor.get("/login")
    for _ in range(7):
        visitor.submit(page, username="918JSMITH01", password="Wrong.Horse.Lamp19")


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_link_is_sent_whether_or_not_the_account_is_locked(site: Site, *, is_locked: bool) -> None:
    visitor = site.browser()
    if is_locked:
        throttle(visitor)
    ask(visitor, "/unlock")
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert letter.letter is Letter.UNLOCK
    assert letter.values["locked"] is is_locked
    (account,) = letter.values["accounts"]
    assert account["offer"] == "unlock"
    assert account["link"].startswith(f"{ISSUER}/unlock-account?link=")


def test_who_never_activated_gets_the_link_that_does(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.PENDING)
    ask(site.browser(), "/unlock", email="918jdoe01@example.nhs.uk")
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert [each["offer"] for each in letter.values["accounts"]] == ["activate"]
