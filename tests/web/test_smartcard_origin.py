"""The smartcard origin does one thing: it looks at the card, and sends the browser back."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import Client as Browser

from idp.db import account
from tests.certificates import Authority, Card
from tests.site import ISSUER, Site
from tests.web.conftest import Build
from tests.web.outage import take_away
from tests.web.smartcards import CA, ORIGIN, Reader, reader

STATE = "A" * 43


@pytest.fixture
def site(build: Build) -> Site:
    return build(smartcard_origin=ORIGIN)


@pytest.fixture
def at(site: Site) -> Reader:
    made = reader(site)
    with site.provider.database.read() as connection:
        jane = account.find(connection, "918JSMITH01")
    assert jane is not None
    made.desk.link(jane)
    return made


def query(location: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(location).query)


def test_a_card_that_is_in_order_becomes_a_proof_for_the_browser_that_asked(at: Reader) -> None:
    at.insert(CA.card())
    answer = at.at_origin(f"/smartcard?state={STATE}")

    assert answer.status_code == 303
    assert answer.location.startswith(f"{ISSUER}/smartcard/return?")
    assert set(query(answer.location)) == {"state", "proof"}
    assert query(answer.location)["state"] == [STATE]
    assert at.desk.events()[-1].event == "smartcard.proved"


@pytest.mark.parametrize("card", [None, Authority.root("Another CA").card(), CA.card("999999999999")])
def test_any_other_becomes_a_report(at: Reader, card: Card | None) -> None:
    at.insert(card)
    answer = at.at_origin(f"/smartcard?state={STATE}")
    assert set(query(answer.location)) == {"state", "report"}


def test_who_only_checks_a_card_gets_a_report_and_no_proof(at: Reader) -> None:
    at.insert(CA.card())
    before = at.desk.events(100)
    answer = at.at_origin(f"/smartcard?state={STATE}&check=1")
    assert set(query(answer.location)) == {"state", "report"}
    assert at.desk.events(100) == before


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "state=",
        "state=short",
        f"state={STATE}&state={STATE}",
        f"state={STATE}x",
        "state=%FF",
        "state=" + "A" * 5000,
    ],
)
def test_who_has_no_state_is_sent_to_get_one(at: Reader, asked: str) -> None:
    at.insert(CA.card())
    answer = at.at_origin(f"/smartcard?{asked}")
    assert (answer.status_code, answer.location) == (303, f"{ISSUER}/smartcard")


def test_who_bookmarked_the_origin_is_sent_to_the_issuer(at: Reader) -> None:
    assert at.at_origin("/").location == f"{ISSUER}/smartcard"


def test_there_is_nothing_else(at: Reader) -> None:
    assert at.at_origin("/healthz").status_code == 200
    for path in ("/login", "/smartcard/", "/smartcard/return", "/static/idp.css", "/authorize"):
        assert at.at_origin(path).status_code == 404
    for method in ("POST", "HEAD", "PUT", "OPTIONS", "TRACE"):
        answer = at.at_origin(f"/smartcard?state={STATE}", method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_no_cookie_is_read_or_set_and_nothing_is_kept(at: Reader) -> None:
    at.insert(CA.card())
    answer = at.at_origin(f"/smartcard?state={STATE}", headers={"Cookie": "__Host-sid=x; __Host-sc=y"})
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_host_header_leads_nowhere(at: Reader) -> None:
    at.insert(CA.card())
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    answer = at.at_origin(f"/smartcard?state={STATE}", headers=headers)
    assert answer.location.startswith(f"{ISSUER}/smartcard/return?")


def test_a_database_that_is_away_is_told_as_such(at: Reader, tmp_path: Path) -> None:
    at.insert(CA.card())
    take_away(at.site.provider.database, tmp_path)
    answer = at.at_origin(f"/smartcard?state={STATE}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_fault_of_ours_says_nothing_of_itself(at: Reader) -> None:
    def broken(_environ: object) -> tuple[bytes, ...]:
        raise RuntimeError("the cause")

    origin = replace(at.origin(), presented=broken)
    answer = Browser(origin).get(f"/smartcard?state={STATE}", base_url=ORIGIN)
    assert answer.status_code == 500
    assert "cause" not in answer.text
