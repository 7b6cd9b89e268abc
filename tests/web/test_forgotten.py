"""Forgotten, from the page to the mail."""

import pytest

from idp.db.account import AccountState
from idp.services.letters import Letter
from tests.mailbox import queued
from tests.site import ISSUER, Site
from tests.web.asking import JANE, ask
from tests.web.forms import form_of, from_elsewhere, heading, login_page


def offered(site: Site) -> list[tuple[str, str, str | None]]:
    """Of the one letter that was sent: each account's username, what is offered, and the link's path."""
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    assert letter.letter is Letter.LOGIN_DETAILS
    return [
        (each["username"], each["offer"], None if each["link"] is None else each["link"].partition("?")[0])
        for each in letter.values["accounts"]
    ]


def test_a_joiner_who_only_knows_the_username_gets_a_link_to_activate_it(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.PENDING)
    ask(site.browser(), "/forgotten", email="918jdoe01@example.nhs.uk")
    assert offered(site) == [("918JDOE01", "activate", "https://id.example.nhs.uk/update-password")]


@pytest.mark.parametrize(
    ("username", "sent"), [("", ["432JDOE01", "918JDOE01"]), ("432jdoe01", ["432JDOE01"])]
)
def test_one_mail_has_every_account_or_the_one_that_was_named(
    site: Site, username: str, sent: list[str]
) -> None:
    nurse = site.add_account("918JDOE01")
    site.add_account("432JDOE01", person_id=nurse.person_id)
    ask(site.browser(), "/forgotten", email="918jdoe01@example.nhs.uk", username=username)
    assert [name for name, _, _ in offered(site)] == sent


def test_the_link_goes_on_with_the_application_that_sent_the_person_here(site: Site) -> None:
    visitor = site.browser()
    handle = form_of(login_page(visitor))[0].partition("=")[2]
    ask(visitor, "/forgotten", query=f"?request={handle}")
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    (account,) = letter.values["accounts"]
    assert account["link"].endswith(f"&request={handle}")
    assert heading(visitor.get(account["link"].removeprefix(ISSUER))) == "Update Password"


def test_no_host_that_a_request_claims_reaches_the_link(site: Site) -> None:
    visitor = site.browser()
    page = visitor.get("/forgotten")
    action, hidden = form_of(page)
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example",
    }
    answer = from_elsewhere(visitor, action, {**hidden, **JANE}, forged)
    assert answer.location == f"{ISSUER}/forgotten/confirmation"
    assert offered(site) == [("918JSMITH01", "reset", "https://id.example.nhs.uk/update-password")]
