"""Rows that belong together: one person at one employer, signed in at one client.

Where a test needs another, it says `replace(a_code(now), nonce=None)`.
"""

import hashlib
import uuid
from datetime import date, datetime, timedelta

from idp.db import Connection, account, browser_session, client, employer, person
from idp.db.account import Account, AccountState
from idp.db.authorization_code import AuthorizationCode
from idp.db.browser_session import BrowserSession
from idp.db.client import Client
from idp.db.employer import Employer
from idp.db.grant import Grant
from idp.db.person import Person
from idp.db.refresh_token import RefreshToken

CLIENT_ID = "rota"
PERSON_ID = uuid.UUID("10000000-0000-4000-8000-000000000001")
ACCOUNT_ID = uuid.UUID("20000000-0000-4000-8000-000000000001")
SID = uuid.UUID("30000000-0000-4000-8000-000000000001")
GRANT_ID = uuid.UUID("40000000-0000-4000-8000-000000000001")


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def an_employer() -> Employer:
    return Employer("123", "Ysbyty Gŵyr", "7A3", "Abertawe", "01792 000000")


def a_person(now: datetime) -> Person:
    return Person(
        id=PERSON_ID,
        given_name="Siân",
        family_name="O'Dowd",
        email="sian.odowd@wales.example",
        second_email=None,
        second_email_verified_at=None,
        date_of_birth=date(1984, 2, 29),
        language="en",
        created_at=now,
    )


def an_account(now: datetime) -> Account:
    return Account(
        id=ACCOUNT_ID,
        person_id=PERSON_ID,
        employer_code="123",
        username="123SODOWD01",
        job_title="Staff Nurse",
        locality="Abertawe",
        state=AccountState.ACTIVE,
        password_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
        password_changed_at=now,
        ends_on=None,
        created_at=now,
        last_sign_in_at=None,
    )


def a_client(now: datetime) -> Client:
    return Client(
        client_id=CLIENT_ID,
        metadata={"client_name": "Rota", "redirect_uris": ["https://rota.example/callback"]},
        secret_digest=digest_of("secret"),
        created_at=now,
        updated_at=now,
        disabled_at=None,
    )


def a_session(now: datetime) -> BrowserSession:
    return BrowserSession(
        sid=SID,
        account_id=ACCOUNT_ID,
        auth_time=now,
        acr="AAL1_USERPASS",
        amr=("pwd",),
        last_seen_at=now,
        expires_at=now + timedelta(hours=12),
        factors=("password",),
    )


def a_grant(now: datetime) -> Grant:
    return Grant(
        id=GRANT_ID,
        client_id=CLIENT_ID,
        account_id=ACCOUNT_ID,
        sid=SID,
        scope=("email", "openid"),
        auth_time=now,
        acr="AAL1_USERPASS",
        amr=("pwd",),
        offline=False,
        created_at=now,
    )


def a_code(now: datetime) -> AuthorizationCode:
    return AuthorizationCode(
        digest=digest_of("code"),
        client_id=CLIENT_ID,
        grant_id=GRANT_ID,
        account_id=ACCOUNT_ID,
        sid=SID,
        redirect_uri="https://rota.example/callback",
        scope=("email", "openid"),
        nonce="n-0S6_WzA2Mj",
        code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        auth_time=now,
        acr="AAL1_USERPASS",
        amr=("pwd",),
        created_at=now,
        expires_at=now + timedelta(seconds=60),
    )


def a_refresh_token(now: datetime) -> RefreshToken:
    return RefreshToken(
        digest=digest_of("refresh"),
        client_id=CLIENT_ID,
        grant_id=GRANT_ID,
        parent_digest=None,
        scope=("email", "openid"),
        created_at=now,
        expires_at=now + timedelta(minutes=30),
        ends_at=now + timedelta(hours=12),
        rotated_at=None,
    )


def add_account(connection: Connection, row: Account) -> None:
    """The account, with its employer and person."""
    employer.add(connection, an_employer())
    person.add(connection, a_person(row.created_at))
    account.add(connection, row)


def add_session(connection: Connection, row: BrowserSession, secret: str = "cookie") -> None:
    """The session, opened by this secret and idle for at most half an hour."""
    browser_session.add(
        connection,
        row,
        digest=digest_of(secret),
        idle_expires_at=row.last_seen_at + timedelta(minutes=30),
        user_agent=None,
    )


def add_signed_in(connection: Connection, now: datetime) -> None:
    """One account, signed in in one browser, and one client."""
    add_account(connection, an_account(now))
    client.add(connection, a_client(now))
    add_session(connection, a_session(now))
