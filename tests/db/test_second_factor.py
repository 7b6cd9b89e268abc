"""What an account has enrolled is found in one statement, and never what another one has."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Insert, insert

from idp.db import Database, second_factor
from idp.db.engine import migration_engine
from idp.db.passkey import passkeys
from idp.db.recovery_code import recovery_codes
from idp.db.smartcard import smartcards
from idp.db.totp_device import totp_devices
from idp.policy.assurance import Factor
from tests.builders import ACCOUNT_ID, add_account, an_account
from tests.observed import statements

OTHER = UUID(int=99)
Row = Callable[[datetime], Insert]


def app(now: datetime, confirmed: datetime | None) -> Insert:
    return insert(totp_devices).values(
        id=OTHER, account_id=ACCOUNT_ID, name="App", sealed=b"x", created_at=now, confirmed_at=confirmed
    )


def passkey(now: datetime, *, is_attested: bool, is_backup_eligible: bool) -> Insert:
    return insert(passkeys).values(
        id=OTHER,
        credential_id=b"id",
        account_id=ACCOUNT_ID,
        name="Key",
        public_key=b"key",
        sign_count=0,
        transports=(),
        is_backup_eligible=is_backup_eligible,
        is_backed_up=False,
        is_attested=is_attested,
        created_at=now,
    )


def card(now: datetime) -> Insert:
    return insert(smartcards).values(
        id=OTHER, account_id=ACCOUNT_ID, card_number="555012345678", linked_at=now
    )


def code(now: datetime) -> Insert:
    return insert(recovery_codes).values(account_id=ACCOUNT_ID, position=0, code_hash="x", created_at=now)


@pytest.mark.parametrize(
    ("row", "factors"),
    [
        pytest.param(lambda now: app(now, now), {Factor.TOTP}, id="an app"),
        pytest.param(lambda now: app(now, None), set(), id="an app whose first code never came"),
        pytest.param(
            lambda now: passkey(now, is_attested=True, is_backup_eligible=False),
            {Factor.SECURITY_KEY},
            id="a device that keeps its key",
        ),
        pytest.param(
            lambda now: passkey(now, is_attested=True, is_backup_eligible=True),
            {Factor.PASSKEY},
            id="a passkey that may be copied",
        ),
        pytest.param(
            lambda now: passkey(now, is_attested=False, is_backup_eligible=False),
            {Factor.PASSKEY},
            id="a passkey that nobody vouches for",
        ),
        pytest.param(card, {Factor.SMARTCARD}, id="a card"),
        pytest.param(code, set(), id="recovery codes alone"),
    ],
)
def test_an_account_has(database: Database, now: datetime, row: Row, factors: set[Factor]) -> None:
    with database.write() as connection:
        add_account(connection, an_account(now))
    engine = migration_engine(database.url)
    with engine.begin() as connection_of_its_own:
        connection_of_its_own.execute(row(now))
    engine.dispose()
    with statements() as seen, database.read() as connection:
        assert second_factor.of_account(connection, ACCOUNT_ID) == factors
        assert second_factor.of_account(connection, OTHER) == set()
    assert len(seen) == 2
