"""What is kept of a refused request, and how much at most."""

import io
import json
from datetime import timedelta

import pytest

from idp.db import Connection
from idp.db import trace as rows
from idp.web import trace
from tests.site import Site


def count(connection: Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM traces", (), lambda cursor: cursor.fetchone()[0])
    return found


@pytest.mark.usefixtures("log")
def test_a_flood_of_refusals_does_not_fill_the_database(site: Site) -> None:
    for _ in range(310):
        trace.record(site.provider, request="GET /authorize", problem="client_unknown")
    site.clock.advance(timedelta(minutes=1))
    trace.record(site.provider, request="GET /authorize", problem="client_unknown")
    with site.provider.database.read() as connection:
        assert count(connection) == 301


@pytest.mark.usefixtures("log")
def test_what_is_kept_is_cut_and_is_text_on_every_database(site: Site) -> None:
    reference = trace.record(
        site.provider,
        request="GET /\0" + "x" * 5000,
        problem="client_unknown",
        detail={"received": ["y" * 5000, "a\0b"], "name": "\0", "n": 7},
    )
    with site.provider.database.read() as connection:
        found = rows.find(connection, reference)
    assert found is not None
    assert len(found.request) == 2048
    assert found.request.startswith("GET /\ufffdx")
    assert found.detail == {"received": ["y" * 2048, "a\ufffdb"], "name": "\ufffd", "n": 7}


@pytest.mark.usefixtures("log")
def test_of_a_client_with_many_addresses_twenty_are_kept(site: Site) -> None:
    addresses = [f"https://rota.example/{n}" for n in range(30)]
    reference = trace.record(
        site.provider,
        request="GET /authorize",
        problem="redirect_uri_missing",
        detail={"registered": addresses},
    )
    with site.provider.database.read() as connection:
        found = rows.find(connection, reference)
    assert found is not None
    assert found.detail == {"registered": addresses[:20]}


@pytest.mark.usefixtures("log")
def test_a_detail_has_eight_kilobytes_at_most_and_its_beginning_stays(site: Site) -> None:
    long = [str(n) + "x" * 2000 for n in range(20)]
    reference = trace.record(
        site.provider,
        request="GET /authorize",
        problem="redirect_uri_unregistered",
        detail={"received": "https://rota.example/", "registered": long, "cause": "y" * 2000},
    )
    with site.provider.database.read() as connection:
        found = rows.find(connection, reference)
    assert found is not None
    kept = found.detail["registered"]
    assert found.detail == {"received": "https://rota.example/", "registered": long[: len(kept)]}
    assert 6000 < len(json.dumps(found.detail)) < 8300


@pytest.mark.parametrize("problem", ["not_found", "method_not_allowed"])
def test_what_scanners_ask_for_is_logged_alone(site: Site, log: io.StringIO, problem: str) -> None:
    reference = trace.record(site.provider, request="GET /wp-login.php", problem=problem)
    with site.provider.database.read() as connection:
        assert rows.find(connection, reference) is None
    assert reference in log.getvalue()
