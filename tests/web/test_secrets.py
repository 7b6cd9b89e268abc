"""A whole day's work with everybody's debugging turned on, and nothing secret in the log or the database."""

import io
import sqlite3
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from idp.db import Database
from tests.mailbox import queued
from tests.site import ISSUER, PASSWORD, VERIFIER, Site, body, received
from tests.web.asking import JANE, ask
from tests.web.forms import cookies_set, form_of

WRONG = "Wrong.Horse.Lamp19"


def a_day(site: Site) -> dict[str, str]:
    """Sign-ins, tokens, mistakes of people and clients, a sign-out; every secret that was used."""
    visitor = site.browser()
    started = visitor.authorize()
    page = visitor.follow(started)
    visitor.submit(page, username="918JSMITH01", password=WRONG)
    visitor.submit(page, username=PASSWORD, password=PASSWORD)
    signed_in = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
    given = cookies_set(started) | cookies_set(signed_in)
    cookies = {name: cookie["value"] for name, cookie in given.items()}
    assert {name[:10] for name in cookies} == {"__Host-sid", "__Host-dev", "__Host-tx-"}
    code = received(visitor.follow(signed_in))["code"]
    tokens = body(site.redeem(code))
    site.userinfo(tokens["access_token"])
    site.userinfo(tokens["access_token"] + "x")
    refreshed = body(site.refresh(tokens["refresh_token"]))
    site.post("/introspect", token=refreshed["access_token"])
    site.clock.advance(timedelta(seconds=20))
    site.refresh(tokens["refresh_token"])
    site.post("/revoke", token=refreshed["refresh_token"])
    site.redeem(code)
    site.post("/token", None, client_assertion="not-the-secret", grant_type="refresh_token")
    site.post("/token", None, client_secret="not-the-secret", grant_type="refresh_token")
    visitor.post(form_of(page)[0], {"csrf_token": "forged", "username": "x", "password": WRONG})
    visitor.authorize(id_token_hint=tokens["id_token"] + "x")
    visitor.authorize(redirect_uri="https://evil.example/")
    visitor.get("/logout", query_string={"id_token_hint": tokens["id_token"] + "x"})
    visitor.get("/logout", query_string={"id_token_hint": tokens["id_token"], "client_id": "payslips"})
    return {
        **recovery(site),
        "password": PASSWORD,
        "wrong password": WRONG,
        "code": code,
        "verifier": VERIFIER,
        "client secret": "a-secret",
        "wrong client secret": "not-the-secret",
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "ID token": tokens["id_token"],
        "child": refreshed["refresh_token"],
        "csrf token": form_of(page)[1]["csrf_token"],
        **cookies,
    }


def recovery(site: Site) -> dict[str, str]:
    """Two people ask for their login details, and one uses the link."""
    visitor = site.browser()
    page = visitor.get("/unlock")
    asked = visitor.submit(page, **JANE)
    ask(site.browser(), "/forgotten", email="nobody.at.all@example.nhs.uk")
    site.provider.recovery.work()
    (letter,) = queued(site.provider.database.url, site.provider.masters)
    link = letter.values["accounts"][0]["link"].removeprefix(ISSUER)
    visitor.submit(visitor.get(link))
    visitor.get(link)
    visitor.get(f"{link}x")
    return {
        "form cookie": cookies_set(page)["__Host-form"]["value"],
        "form token": form_of(page)[1]["csrf_token"],
        "handle of what was asked": cookies_set(asked)["__Host-asked"]["value"],
        "link": link.partition("link=")[2],
        "address of a stranger": "nobody.at.all",
    }


def test_no_secret_is_logged(site: Site, log: io.StringIO) -> None:
    secrets = a_day(site)
    written = log.getvalue()
    assert '"event": "refused"' in written
    assert [name for name, value in secrets.items() if value in written] == []


@pytest.mark.usefixtures("log")
def test_no_secret_is_readable_in_the_database(site: Site) -> None:
    secrets = a_day(site)
    held = dump(site.provider.database)
    assert "918JSMITH01" in held
    assert [name for name, value in secrets.items() if value in held] == []


def dump(database: Database) -> str:
    """Everything in every table, as text."""
    if database.dialect.name == "sqlite":
        with sqlite3.connect(urlsplit(database.url).path) as connection:
            return "\n".join(connection.iterdump())
    with database.read() as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            (),
            lambda cursor: cursor.fetchall(),
        )
        return "\n".join(
            str(connection.execute(f"SELECT * FROM {table}", (), lambda cursor: cursor.fetchall()))  # noqa: S608 - our own tables
            for (table,) in tables
        )
