"""Your applications: where a person lands who came without one."""

import re
from datetime import timedelta

from idp.db import client
from idp.db.account import AccountState
from tests.site import PASSWORD, Site
from tests.web.forms import heading, login_page


def listed(text: str) -> list[tuple[str, str]]:
    return re.findall(r'<li><a href="([^"]+)">([^<]+)</a></li>', text)


def test_the_employer_s_own_applications_are_listed_by_name(site: Site) -> None:
    site.add_client("rota", client_name="Rota", client_uri="https://rota.example.nhs.uk/")
    site.add_client(
        "learning", client_name="Learning", initiate_login_uri="https://learning.example.nhs.uk/login"
    )
    site.add_client("shop", client_name="A Shop", client_uri="https://shop.example/", first_party=False)
    page = site.browser().get("/")
    assert heading(page) == "Your applications"
    assert listed(page.text) == [
        ("https://learning.example.nhs.uk/login", "Learning"),
        ("https://rota.example.nhs.uk/", "Rota"),
    ]


def test_without_any_it_says_so(site: Site) -> None:
    assert "No applications are listed here yet." in site.browser().get("/").text


def test_a_disabled_application_is_not_listed(site: Site) -> None:
    site.add_client("rota", client_name="Rota", client_uri="https://rota.example.nhs.uk/")
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "rota", disabled=True, now=site.clock.now())
    site.clock.advance(timedelta(seconds=5))
    assert listed(site.browser().get("/").text) == []


def test_who_is_signed_in_is_named_and_may_sign_out(site: Site) -> None:
    visitor = site.browser()
    assert "You are logged in" not in visitor.get("/").text
    visitor.log_in(login_page(visitor))
    page = visitor.get("/")
    assert "You are logged in as Jane Smith (918JSMITH01)." in page.text
    assert 'href="/logout"' in page.text
    assert "contact your service desk: 0117 496 0000" in page.text


def test_who_is_signed_in_may_change_the_password_and_who_is_not_may_log_in(site: Site) -> None:
    visitor = site.browser()
    stranger = visitor.get("/").text
    assert 'href="/login"' in stranger
    assert 'href="/change-password"' not in stranger
    visitor.log_in(visitor.get("/login"))
    page = visitor.get("/").text
    assert 'href="/change-password"' in page
    assert 'href="/login"' not in page


def test_who_has_to_change_the_password_is_taken_there_and_told_nothing_before(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    visitor = site.browser()
    visitor.submit(visitor.get("/login"), username="918JDOE01", password=PASSWORD)
    page = visitor.get("/")
    assert (page.status_code, page.location) == (303, "https://id.example.nhs.uk/change-password")
    assert "918JDOE01" not in page.text
