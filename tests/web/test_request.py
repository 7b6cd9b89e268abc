"""Request Username/Password, from the page to the mail."""

from idp.db.account import AccountState
from idp.services.letters import Letter
from tests.mailbox import queued
from tests.site import Site
from tests.web.asking import ask


def offered(site: Site) -> list[tuple[str, str, bool]]:
    """Of the one letter that was sent: each account's username, what is offered, whether there is a link."""
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert letter.letter is Letter.USERNAMES
    return [(each["username"], each["offer"], each["link"] is not None) for each in letter.values["accounts"]]


def test_the_usernames_of_every_employment_are_sent_and_nothing_that_opens_them(site: Site) -> None:
    nurse = site.add_account("918JDOE01")
    site.add_account("432JDOE01", person_id=nurse.person_id)
    ask(site.browser(), "/request", email="918jdoe01@example.nhs.uk")
    assert offered(site) == [("432JDOE01", "username", False), ("918JDOE01", "username", False)]


def test_who_never_activated_gets_the_link_that_does(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.PENDING)
    ask(site.browser(), "/request", email="918jdoe01@example.nhs.uk")
    assert offered(site) == [("918JDOE01", "activate", True)]


def test_a_stranger_s_request_writes_to_nobody_who_could_be_found(site: Site) -> None:
    ask(site.browser(), "/request", email="nobody@example.nhs.uk")
    site.provider.recovery.work()
    assert queued(site.provider.database.url, site.provider.masters) == []
