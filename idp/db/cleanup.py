"""Delete what can never matter again, a bounded batch at a time, and never a live row."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import Column, Table, bindparam, delete, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from idp.db.attempt import NEVER, attempts
from idp.db.authorization_code import authorization_codes
from idp.db.authorization_request import authorization_requests
from idp.db.browser_session import browser_sessions
from idp.db.client_assertion import client_assertions
from idp.db.engine import Database
from idp.db.grant import grants
from idp.db.link import links
from idp.db.outbox import outbox
from idp.db.rate import address_failures, rates
from idp.db.recovery_miss import recovery_misses
from idp.db.recovery_request import recovery_requests
from idp.db.refresh_token import refresh_tokens
from idp.db.revoked_access_token import revoked_access_tokens
from idp.db.smartcard_proof import smartcard_proofs
from idp.db.statement import Effect
from idp.db.totp_device import totp_devices
from idp.db.trace import traces
from idp.db.trusted_device import trusted_devices
from idp.db.upstream_request import upstream_requests
from idp.db.webauthn_challenge import webauthn_challenges

BATCH = 1000
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def _expired(table: Table, column: Column[datetime], *also: ColumnElement[bool]) -> Effect:
    keys = list(table.primary_key.columns)
    is_dead = (column < bindparam("cutoff"), *also)
    batch = select(*keys).where(*is_dead).limit(BATCH)
    key = keys[0] if len(keys) == 1 else tuple_(*keys)
    # Asked again of each row: PostgreSQL may have waited for someone who gave it new life.
    return Effect(delete(table).where(key.in_(batch), *is_dead))


_no_child_left = ~select(refresh_tokens.c.digest).where(refresh_tokens.c.grant_id == grants.c.id).exists()

# How long after its end each kind of row is kept: codes and tokens a day, so that a replay is still known;
# requests an hour, so that a page left open can say that it expired; guesses at a person a year, because
# nobody may start afresh at one password by waiting a week, and for ever when they were shut; guesses at a
# name that nobody has, of which a stranger can make any number, two days; mail that was sent or given up,
# which administrators are asked about, a month after it was written; links a month, so that a page can say
# why one no longer works; requests for login details that no worker has answered a day, because one may
# come back, and those that reached nobody a week after somebody was told; apps whose first code never came,
# an hour.
_RULES: tuple[tuple[str, Effect, timedelta], ...] = (
    ("authorization_codes", _expired(authorization_codes, authorization_codes.c.expires_at), _DAY),
    ("authorization_requests", _expired(authorization_requests, authorization_requests.c.expires_at), _HOUR),
    ("refresh_tokens", _expired(refresh_tokens, refresh_tokens.c.ends_at), _DAY),
    ("grants", _expired(grants, grants.c.created_at, _no_child_left), 2 * _DAY),
    ("browser_sessions", _expired(browser_sessions, browser_sessions.c.expires_at), _DAY),
    ("revoked_access_tokens", _expired(revoked_access_tokens, revoked_access_tokens.c.expires_at), _DAY),
    ("client_assertions", _expired(client_assertions, client_assertions.c.expires_at), timedelta(minutes=5)),
    ("attempts", _expired(attempts, attempts.c.updated_at, attempts.c.stranger), 2 * _DAY),
    (
        "attempts",
        _expired(attempts, attempts.c.updated_at, ~attempts.c.stranger, attempts.c.not_before < NEVER),
        365 * _DAY,
    ),
    ("rates", _expired(rates, rates.c.window_start), _DAY),
    ("address_failures", _expired(address_failures, address_failures.c.failed_at), _DAY),
    ("traces", _expired(traces, traces.c.at), 7 * _DAY),
    ("smartcard_proofs", _expired(smartcard_proofs, smartcard_proofs.c.expires_at), _HOUR),
    ("upstream_requests", _expired(upstream_requests, upstream_requests.c.expires_at), _HOUR),
    ("webauthn_challenges", _expired(webauthn_challenges, webauthn_challenges.c.expires_at), _HOUR),
    ("links", _expired(links, links.c.expires_at), 30 * _DAY),
    (
        "recovery_requests",
        _expired(
            recovery_requests, recovery_requests.c.expires_at, recovery_requests.c.next_attempt_at.is_(None)
        ),
        _HOUR,
    ),
    ("recovery_requests", _expired(recovery_requests, recovery_requests.c.expires_at), _DAY),
    ("recovery_misses", _expired(recovery_misses, recovery_misses.c.reported_at), 7 * _DAY),
    (
        "recovery_misses",
        _expired(recovery_misses, recovery_misses.c.at, recovery_misses.c.reported_at.is_(None)),
        30 * _DAY,
    ),
    ("trusted_devices", _expired(trusted_devices, trusted_devices.c.expires_at), _DAY),
    (
        "totp_devices",
        _expired(totp_devices, totp_devices.c.created_at, totp_devices.c.confirmed_at.is_(None)),
        _HOUR,
    ),
    ("outbox", _expired(outbox, outbox.c.created_at, outbox.c.next_attempt_at.is_(None)), 30 * _DAY),
)

MOST_TRACES = 50_000
_TRACES_OVER = Effect(
    delete(traces).where(
        traces.c.reference.in_(
            select(traces.c.reference).order_by(traces.c.at.desc()).offset(MOST_TRACES).limit(BATCH)
        )
    )
)


def sweep(database: Database, now: datetime) -> dict[str, int]:
    """Delete until nothing is left to delete, each batch in its own short transaction; how much of what.

    Of traces, which strangers can cause, only the newest `MOST_TRACES` stay.
    """
    swept: Counter[str] = Counter()
    for name, statement, keep in _RULES:
        swept[name] += _drain(database, statement, cutoff=now - keep)
    swept["traces"] += _drain(database, _TRACES_OVER)
    return dict(swept)


def _drain(database: Database, statement: Effect, **values: datetime) -> int:
    total = 0
    while True:
        with database.write() as connection:
            deleted = statement.run(connection, **values)
        total += deleted
        if deleted < BATCH:
            return total
