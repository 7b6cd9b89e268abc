"""What is kept of a refused request, and how much at most."""

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
        trace.record(site.provider, request="GET /nowhere", problem="not_found")
    site.clock.advance(timedelta(minutes=1))
    trace.record(site.provider, request="GET /nowhere", problem="not_found")
    with site.provider.database.read() as connection:
        assert count(connection) == 301


@pytest.mark.usefixtures("log")
def test_what_is_kept_is_cut_and_is_text_on_every_database(site: Site) -> None:
    reference = trace.record(
        site.provider,
        request="GET /\0" + "x" * 5000,
        problem="not_found",
        detail={"received": ["y" * 5000, "a\0b"], "name": "\0", "n": 7},
    )
    with site.provider.database.read() as connection:
        found = rows.find(connection, reference)
    assert found is not None
    assert len(found.request) == 2048
    assert found.request.startswith("GET /\ufffdx")
    assert found.detail == {"received": ["y" * 2048, "a\ufffdb"], "name": "\ufffd", "n": 7}
