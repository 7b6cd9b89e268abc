"""Every kind of row, dead and live, around the moment from which it may be deleted."""

import itertools
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, String, Table, Uuid, func, insert, select

from idp.db import Database, attempt, certificate_authority, grant, smartcard, trace
from idp.db.attempt import NEVER, Bucket
from idp.db.certificate_authority import CertificateAuthority
from idp.db.cleanup import BATCH, sweep
from idp.db.engine import migration_engine
from idp.db.smartcard import Smartcard
from idp.db.tables import TABLES, metadata
from idp.db.types import Choice, Json, UtcDateTime, Words
from idp.policy.lockout import LockoutRule
from tests.builders import ACCOUNT_ID, CLIENT_ID, GRANT_ID, PERSON_ID, SID, a_grant, add_signed_in, digest_of

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
LONG = timedelta(days=3650)

RULES = [
    ("authorization_codes", "expires_at", DAY),
    ("authorization_requests", "expires_at", timedelta(hours=1)),
    ("refresh_tokens", "ends_at", DAY),
    ("grants", "created_at", 2 * DAY),
    ("browser_sessions", "expires_at", DAY),
    ("revoked_access_tokens", "expires_at", DAY),
    ("client_assertions", "expires_at", timedelta(minutes=5)),
    ("attempts", "updated_at", 365 * DAY),
    ("rates", "window_start", DAY),
    ("address_failures", "failed_at", DAY),
    ("traces", "at", 7 * DAY),
    ("outbox", "created_at", 30 * DAY),
    ("webauthn_challenges", "expires_at", timedelta(hours=1)),
    ("links", "expires_at", 30 * DAY),
    ("smartcard_proofs", "expires_at", timedelta(hours=1)),
    ("upstream_requests", "expires_at", timedelta(hours=1)),
    ("recovery_requests", "expires_at", timedelta(hours=1)),
    ("recovery_misses", "reported_at", 7 * DAY),
    ("trusted_devices", "expires_at", DAY),
    ("totp_devices", "created_at", timedelta(hours=1)),
]
AUTHORITY_ID = uuid.UUID("50000000-0000-4000-8000-000000000001")
CARD_ID = uuid.UUID("60000000-0000-4000-8000-000000000001")
KEPT_FOR_EVER = sorted({table.name for table in TABLES} - {name for name, _, _ in RULES})

# What a row must say before its time can be over.
_OVER: dict[str, dict[str, object]] = {
    "outbox": {"next_attempt_at": None},
    "totp_devices": {"confirmed_at": None},
    "recovery_requests": {"next_attempt_at": None},
}
_PARENTS = {
    "accounts": ACCOUNT_ID,
    "browser_sessions": SID,
    "certificate_authorities": AUTHORITY_ID,
    "clients": CLIENT_ID,
    "employers": "123",
    "grants": GRANT_ID,
    "people": PERSON_ID,
    "smartcards": CARD_ID,
}
_numbers = itertools.count(1)
_MADE: dict[type, Callable[[datetime], object]] = {
    UtcDateTime: lambda at: at,
    Date: lambda at: at.date(),
    Uuid: lambda _: uuid.UUID(int=next(_numbers)),
    LargeBinary: lambda _: digest_of(str(next(_numbers))),
    Json: lambda _: {},
    Words: lambda _: (),
    Boolean: lambda _: False,
    Integer: lambda _: 1,
    String: lambda _: str(next(_numbers))[-2:],
}


def _row(table: Table, at: datetime) -> dict[str, Any]:
    """Some row of a table, all of whose times are the same."""
    row = {column.name: _value(column, at) for column in table.c if column.name != "seq"}
    return row | _OVER.get(table.name, {})


def _value(column: Column[Any], at: datetime) -> object:
    for key in column.foreign_keys:
        return _PARENTS[key.column.table.name]
    if isinstance(column.type, Choice):
        return next(iter(column.type.choices))
    return next(make(at) for kind, make in _MADE.items() if isinstance(column.type, kind))


@pytest.fixture
def signed_in(database: Database, now: datetime) -> Database:
    """A database with the rows that others refer to."""
    with database.write() as connection:
        add_signed_in(connection, now)
        assert grant.add_if_live(connection, a_grant(now), now)
        certificate_authority.add(connection, _an_authority(now))
        smartcard.add(connection, Smartcard(CARD_ID, ACCOUNT_ID, "123456789012", None, None, now, None))
    return database


def _an_authority(now: datetime) -> CertificateAuthority:
    return CertificateAuthority(AUTHORITY_ID, "Card CA", b"", digest_of("ca"), None, None, now, None)


def _add(database: Database, table: Table, *rows: dict[str, Any]) -> None:
    with migration_engine(database.url).begin() as connection:
        connection.execute(insert(table), rows)


def _count(database: Database, table: Table) -> int:
    with migration_engine(database.url).connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.parametrize(("name", "ends", "kept"), RULES, ids=str)
def test_a_row_goes_when_its_time_is_over_whatever_else_it_says(
    signed_in: Database, now: datetime, name: str, ends: str, kept: timedelta
) -> None:
    table = metadata.tables[name]
    before = _count(signed_in, table)
    _add(signed_in, table, {**_row(table, now + LONG), ends: now - kept - SECOND})

    assert sweep(signed_in, now) == {**dict.fromkeys([rule[0] for rule in RULES], 0), name: 1}
    assert _count(signed_in, table) == before


@pytest.mark.parametrize(("name", "ends", "kept"), RULES, ids=str)
def test_a_row_stays_until_then_whatever_else_it_says(
    signed_in: Database, now: datetime, name: str, ends: str, kept: timedelta
) -> None:
    table = metadata.tables[name]
    before = _count(signed_in, table)
    _add(
        signed_in,
        table,
        {**_row(table, now - LONG), ends: now - kept},
        {**_row(table, now - LONG), ends: now},
        {**_row(table, now - LONG), ends: now + LONG},
    )

    assert not any(sweep(signed_in, now).values())
    assert _count(signed_in, table) == before + 3


@pytest.mark.parametrize("name", KEPT_FOR_EVER)
def test_what_is_not_swept_stays_however_old(signed_in: Database, now: datetime, name: str) -> None:
    table = metadata.tables[name]
    before = _count(signed_in, table)
    _add(signed_in, table, _row(table, now - LONG))

    assert not any(sweep(signed_in, now).values())
    assert _count(signed_in, table) == before + 1


def test_a_grant_stays_as_long_as_one_of_its_refresh_tokens(signed_in: Database, now: datetime) -> None:
    grants, tokens = metadata.tables["grants"], metadata.tables["refresh_tokens"]
    old = _row(grants, now - 90 * DAY)
    _add(signed_in, grants, old)
    _add(signed_in, tokens, {**_row(tokens, now - 90 * DAY), "grant_id": old["id"], "ends_at": now + DAY})

    assert not any(sweep(signed_in, now).values())
    swept = sweep(signed_in, now + 3 * DAY)
    assert (swept["refresh_tokens"], swept["grants"]) == (1, 2)


def test_a_bucket_that_is_shut_stays_shut(database: Database, now: datetime) -> None:
    attempts = metadata.tables["attempts"]
    _add(database, attempts, {**_row(attempts, now - LONG), "not_before": NEVER})

    sweep(database, now)

    assert _count(database, attempts) == 1


@pytest.mark.parametrize("is_shut", [False, True])
def test_guesses_at_a_name_that_nobody_has_go_after_two_days(
    database: Database, now: datetime, is_shut: bool
) -> None:
    attempts = metadata.tables["attempts"]
    row = {**_row(attempts, now - 2 * DAY), "stranger": True}
    _add(database, attempts, {**row, "not_before": NEVER} if is_shut else row)

    assert sweep(database, now)["attempts"] == 0
    assert sweep(database, now + SECOND)["attempts"] == 1


def test_a_mail_that_waits_to_be_sent_stays(database: Database, now: datetime) -> None:
    outbox = metadata.tables["outbox"]
    _add(database, outbox, {**_row(outbox, now - LONG), "next_attempt_at": now - LONG})

    assert sweep(database, now)["outbox"] == 0
    assert _count(database, outbox) == 1


def test_a_request_that_nobody_has_answered_waits_a_day_for_a_worker(
    database: Database, now: datetime
) -> None:
    requests = metadata.tables["recovery_requests"]
    _add(database, requests, {**_row(requests, now - DAY), "next_attempt_at": now - DAY})

    assert sweep(database, now)["recovery_requests"] == 0
    assert sweep(database, now + SECOND)["recovery_requests"] == 1


def test_what_reached_nobody_goes_after_a_month_though_nobody_was_told(
    database: Database, now: datetime
) -> None:
    misses = metadata.tables["recovery_misses"]
    _add(database, misses, {**_row(misses, now - 30 * DAY), "reported_at": None})

    assert sweep(database, now)["recovery_misses"] == 0
    assert sweep(database, now + SECOND)["recovery_misses"] == 1


def test_more_than_a_batch_goes_in_one_sweep(database: Database, now: datetime) -> None:
    tokens = metadata.tables["revoked_access_tokens"]
    dead = [{"jti": f"dead {n}", "expires_at": now - LONG} for n in range(2 * BATCH + 1)]
    _add(database, tokens, *dead, {"jti": "live", "expires_at": now})

    assert sweep(database, now)["revoked_access_tokens"] == 2 * BATCH + 1
    assert _count(database, tokens) == 1


def test_only_the_newest_fifty_thousand_traces_stay(database: Database, now: datetime) -> None:
    traces = metadata.tables["traces"]
    row = _row(traces, now)
    rows = [{**row, "reference": str(n), "at": now - n * timedelta(microseconds=1)} for n in range(51_001)]
    _add(database, traces, *rows)

    assert sweep(database, now)["traces"] == 1001
    assert _count(database, traces) == 50_000
    with database.read() as connection:
        assert trace.find(connection, "49999") is not None
        assert trace.find(connection, "50000") is None


def test_rows_with_a_key_of_several_columns_go_in_batches_too(database: Database, now: datetime) -> None:
    assertions = metadata.tables["client_assertions"]
    dead = [_row(assertions, now - LONG) for _ in range(BATCH + 1)]
    _add(database, assertions, *dead, _row(assertions, now))

    assert sweep(database, now)["client_assertions"] == BATCH + 1
    assert _count(database, assertions) == 1


def test_an_app_that_counts_stays_for_ever(signed_in: Database, now: datetime) -> None:
    apps = metadata.tables["totp_devices"]
    _add(signed_in, apps, {**_row(apps, now - LONG), "confirmed_at": now - LONG})

    assert sweep(signed_in, now)["totp_devices"] == 0
    assert _count(signed_in, apps) == 1


def test_a_row_that_comes_to_life_while_it_is_being_swept_stays(database: Database, now: datetime) -> None:
    attempts = metadata.tables["attempts"]
    row = {**_row(attempts, now - LONG), "factor": "password", "bucket": Bucket.UNKNOWN}
    _add(database, attempts, row)
    sweeping = threading.Thread(target=sweep, args=(database, now))
    with database.write() as connection:
        assert attempt.count(connection, LockoutRule(), row["key"], "password", Bucket.UNKNOWN, now) == 2
        sweeping.start()
        sweeping.join(timeout=0.3)
        assert sweeping.is_alive()
    sweeping.join()

    assert _count(database, attempts) == 1
