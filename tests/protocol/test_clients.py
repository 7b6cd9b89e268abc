"""What a worker remembers of clients, and for how long."""

from datetime import timedelta

import pytest

from idp.db import client
from tests.site import Site


def test_a_change_by_another_worker_is_seen_within_five_seconds(site: Site) -> None:
    clients = site.provider.server.clients
    assert clients.find("payslips") is not None
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    site.clock.advance(timedelta(seconds=4.999))
    assert clients.find("payslips") is not None
    site.clock.advance(timedelta(seconds=0.001))
    assert clients.find("payslips") is None
    found = clients.find_any("payslips")
    assert found is not None
    assert found.is_disabled


def test_a_clock_set_back_keeps_no_memory_alive(site: Site) -> None:
    clients = site.provider.server.clients
    assert clients.find("payslips") is not None
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    site.clock.advance(timedelta(seconds=-1))
    assert clients.find("payslips") is None


def test_a_client_that_was_not_there_is_found_as_soon_as_it_is(site: Site) -> None:
    assert site.provider.server.clients.find("rota") is None
    site.add_client("rota")
    assert site.provider.server.clients.find("rota") is not None


@pytest.mark.parametrize("client_id", [None, "", "nobody", "a\0b", "a\nb", "\ud800", "c" * 256])
def test_what_is_no_client_is_not_found(shared_site: Site, client_id: str | None) -> None:
    assert shared_site.provider.server.clients.find_any(client_id) is None


def test_the_list_has_only_those_that_may_be_served(site: Site) -> None:
    site.add_client("rota")
    site.add_client("gone")
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "gone", disabled=True, now=site.clock.now())
    assert {each.client_id for each in site.provider.server.clients.every()} == {"payslips", "rota"}


def test_browser_origins_are_those_of_public_applications_on_the_web(site: Site) -> None:
    site.add_client("spa", None, redirect_uris=["https://spa.example:8443/a", "https://SPA.example/b"])
    site.add_client(
        "phone",
        None,
        application_type="native",
        redirect_uris=["com.example.rota:/cb", "http://127.0.0.1/cb"],
    )
    assert site.provider.server.clients.browser_origins() == {
        "https://spa.example:8443",
        "https://spa.example",
        "http://127.0.0.1",
    }


@pytest.mark.parametrize(
    "metadata", [{"redirect_uris": ["javascript:x"]}, {"scope": 7}, {}, [], "x"], ids=str
)
def test_a_client_that_was_damaged_in_the_database_is_unknown_and_all_others_are_served(
    site: Site, metadata: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    with site.provider.database.write() as connection:
        now = site.clock.now()
        client.add(connection, client.Client("broken", metadata, None, now, now, None))
    clients = site.provider.server.clients
    assert clients.find("broken") is None
    assert [each.client_id for each in clients.every()] == ["payslips"]
    assert clients.browser_origins() == frozenset()
    assert capsys.readouterr().out.count("client_unreadable") == 2
    answer = site.browser().authorize("broken")
    assert answer.status_code == 400
    assert "is not registered with us" in answer.text
    assert site.post("/token", "broken", grant_type="authorization_code").status_code == 401
    assert "code" in site.browser().sign_in_to()


def test_the_list_is_read_again_after_five_seconds(site: Site) -> None:
    clients = site.provider.server.clients
    assert len(clients.every()) == 1
    site.add_client("spa", None, redirect_uris=["https://spa.example/a"])
    site.clock.advance(timedelta(seconds=4.999))
    assert len(clients.every()) == 1
    assert clients.browser_origins() == frozenset()
    site.clock.advance(timedelta(seconds=0.001))
    assert len(clients.every()) == 2
    assert clients.browser_origins() == {"https://spa.example"}
