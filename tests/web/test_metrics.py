"""Who may ask how mail and recovery are doing, and what they are told."""

import uuid
from datetime import datetime, timedelta
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from idp.db import outbox, recovery_request
from idp.db.recovery_request import RecoveryRequest
from idp.policy.recovery import Kind
from tests.builders import digest_of
from tests.site import Site
from tests.web.conftest import Build
from tests.web.outage import take_away

HERE = {"REMOTE_ADDR": "127.0.0.1"}
MINUTE = timedelta(minutes=1)


def ask(site: Site, peer: str = "127.0.0.1", **headers: str) -> TestResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.browser().get("/metrics", headers=sent, environ_overrides={"REMOTE_ADDR": peer})


def told(answer: TestResponse) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
    return dict(line.rsplit(" ", 1) for line in lines)


def queue(site: Site, at: datetime) -> None:
    with site.provider.database.write() as connection:
        outbox.add(connection, uuid.uuid4(), "unlock", b"sealed", person_id=None, reference=None, now=at)


def test_with_nothing_to_do_everything_is_nought(site: Site) -> None:
    answer = ask(site)

    assert told(answer) == {
        f'idp_build_info{{version="{version("esr-idp")}"}}': "1.0",
        "idp_mail_waiting": "0.0",
        "idp_mail_given_up": "0.0",
        "idp_mail_oldest_waiting_seconds": "0.0",
        "idp_recovery_requests_waiting": "0.0",
    }
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_waits_and_what_was_given_up_is_told_as_it_is_now(site: Site, now: datetime) -> None:
    queue(site, now - 3 * MINUTE)
    with site.provider.database.write() as connection:
        lost = outbox.claim(connection, now, MINUTE)
        assert lost is not None
        outbox.give_up(connection, lost.id, lost.attempts, now, "550")
    queue(site, now - 2 * MINUTE)
    queue(site, now - MINUTE)
    with site.provider.database.write() as connection:
        for name, due in (("waits", now), ("is done", None)):
            recovery_request.add(
                connection,
                RecoveryRequest(
                    digest=digest_of(name),
                    kind=Kind.FORGOTTEN,
                    reference="7F3K-2Q",
                    sealed=b"sealed",
                    created_at=now,
                    expires_at=now + 60 * MINUTE,
                    next_attempt_at=due,
                    attempts=0,
                ),
            )

    metrics = told(ask(site))

    assert metrics["idp_mail_waiting"] == "2.0"
    assert metrics["idp_mail_given_up"] == "1.0"
    assert metrics["idp_mail_oldest_waiting_seconds"] == "120.0"
    assert metrics["idp_recovery_requests_waiting"] == "1.0"


def test_a_mail_from_the_future_has_not_waited_less_than_not_at_all(site: Site, now: datetime) -> None:
    queue(site, now + MINUTE)

    assert told(ask(site))["idp_mail_oldest_waiting_seconds"] == "0.0"


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_whoever_asks_on_this_machine_is_told(site: Site, peer: str) -> None:
    assert ask(site, peer).status_code == 200


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::", "0.0.0.0", "", "localhost"])  # noqa: S104 - nothing binds to it
def test_nobody_else_is_told(site: Site, peer: str) -> None:
    assert ask(site, peer).status_code == 404


@pytest.mark.parametrize(
    "header", ["X_Forwarded_For", "Forwarded", "X_Real_IP", "Via", "X_Forwarded_Host", "X_Forwarded_Proto"]
)
def test_whoever_comes_through_a_proxy_on_this_machine_is_not_told(site: Site, header: str) -> None:
    assert ask(site, **{header: "127.0.0.1"}).status_code == 404


def test_a_stranger_sees_what_any_unknown_address_shows(site: Site) -> None:
    refused = ask(site, "192.0.2.1")
    unknown = site.browser().get("/metrica", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})

    assert refused.status_code == unknown.status_code == 404
    assert "idp_mail" not in refused.text
    assert "Page not found" in refused.text
    assert set(refused.headers.keys()) == set(unknown.headers.keys())


def test_a_configured_network_is_told(build: Build) -> None:
    site = build(metrics_networks=(ip_network("192.0.2.0/24"),))

    assert ask(site, "192.0.2.1").status_code == 200
    assert ask(site, "198.51.100.1").status_code == 404


def test_a_header_does_not_bring_anybody_into_a_configured_network(build: Build) -> None:
    site = build(metrics_networks=(ip_network("192.0.2.0/24"),))

    assert ask(site, "198.51.100.1", X_Forwarded_For="192.0.2.1").status_code == 404


def test_a_configured_network_is_told_through_a_trusted_proxy(build: Build) -> None:
    site = build(
        metrics_networks=(ip_network("192.0.2.0/24"),), trusted_proxies=(ip_network("127.0.0.1/32"),)
    )

    assert ask(site, X_Forwarded_For="192.0.2.1").status_code == 200
    assert ask(site, X_Forwarded_For="192.0.2.1, 198.51.100.1").status_code == 404


def test_without_its_database_nothing_is_told(site: Site, tmp_path: Path) -> None:
    take_away(site.provider.database, tmp_path)

    assert ask(site).status_code == 503
