"""A link that opens nothing says why, and offers a new one."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.db import account, link, trace
from idp.db.link import Purpose
from idp.services.digest import digest
from tests.site import ISSUER, Site
from tests.web.forms import heading, login_page, reference


def issued(site: Site, purpose: Purpose = Purpose.RESET) -> str:
    """The path of a link that was just mailed."""
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        made = site.provider.links.issue(connection, found.id, purpose, site.clock.now())
    return made.url.removeprefix(ISSUER)


def expired(site: Site) -> str:
    path = issued(site)
    site.clock.advance(timedelta(minutes=60))
    return path


def used(site: Site) -> str:
    path = issued(site)
    with site.provider.database.write() as connection:
        purposes = frozenset({Purpose.RESET})
        assert link.redeem(connection, digest(path.partition("link=")[2]), purposes, site.clock.now())
    return path


def superseded(site: Site) -> str:
    path = issued(site)
    issued(site)
    return path


def cut(site: Site) -> str:
    return issued(site)[:-1]


def of_another_kind(site: Site) -> str:
    return issued(site, Purpose.UNLOCK).replace("/unlock-account", "/update-password")


def missing(_site: Site) -> str:
    return "/update-password"


def doubled(site: Site) -> str:
    path = issued(site)
    return f"{path}&{path.partition('?')[2]}"


GONE = [
    pytest.param(expired, 410, "This link has expired", id="expired"),
    pytest.param(used, 410, "This link has already been used", id="used"),
    pytest.param(superseded, 410, "There is a newer link than this one", id="superseded"),
    pytest.param(cut, 400, "This link does not work", id="tampered"),
    pytest.param(of_another_kind, 400, "This link does not work", id="to unlock"),
    pytest.param(missing, 400, "This link does not work", id="missing"),
    pytest.param(doubled, 400, "This link does not work", id="doubled"),
]


@pytest.mark.parametrize(("spoil", "status", "title"), GONE)
def test_it_says_which_and_offers_a_new_one(
    site: Site, spoil: Callable[[Site], str], status: int, title: str
) -> None:
    path = spoil(site)
    page = site.browser().get(path)
    assert (page.status_code, heading(page)) == (status, title)
    assert 'href="/forgotten"' in page.text
    assert "918JSMITH01" not in page.text
    assert 'name="password"' not in page.text


@pytest.mark.parametrize(("spoil", "status", "title"), GONE)
def test_it_is_kept_nowhere_and_passed_on_to_nobody(
    site: Site, spoil: Callable[[Site], str], status: int, title: str
) -> None:
    page = site.browser().get(spoil(site))
    assert (page.status_code, heading(page)) == (status, title)
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_who_has_just_used_the_link_can_log_in(site: Site) -> None:
    assert 'href="/login"' in site.browser().get(used(site)).text
    assert 'href="/login"' not in site.browser().get(expired(site)).text


def test_a_new_one_still_leads_to_the_application(site: Site) -> None:
    visitor = site.browser()
    handle = login_page(visitor).request.args["request"]
    page = visitor.get(f"{used(site)}&request={handle}")
    assert f'href="/forgotten?request={handle}"' in page.text
    assert f'href="/login?request={handle}"' in page.text


def test_an_application_that_waits_in_another_browser_is_left_alone(site: Site) -> None:
    handle = login_page(site.browser()).request.args["request"]
    assert 'href="/login"' in site.browser().get(f"{used(site)}&request={handle}").text


def test_nothing_but_a_handle_is_carried_on(site: Site) -> None:
    page = site.browser().get(f"{expired(site)}&request=%22%3E%3Cscript%3E")
    assert 'href="/forgotten"' in page.text


def test_its_reference_is_found_again_and_holds_no_link(site: Site) -> None:
    path = expired(site)
    shown = reference(site.browser().get(path))
    with site.provider.database.read() as connection:
        kept = trace.find(connection, shown)
    assert kept is not None
    assert kept.problem == "link_expired"
    assert path.partition("link=")[2] not in str(kept)
