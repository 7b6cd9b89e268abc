"""Second factors: which kinds an account could prove, over the tables that hold them."""

from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, exists, select

from idp.db.engine import Connection
from idp.db.passkey import passkeys
from idp.db.smartcard import smartcards
from idp.db.statement import Statement
from idp.db.totp_device import totp_devices
from idp.policy.assurance import Factor

_stays_in_its_device = passkeys.c.is_attested & ~passkeys.c.is_backup_eligible
_HAS: dict[Factor, ColumnElement[bool]] = {
    Factor.TOTP: exists().where(
        totp_devices.c.account_id == bindparam("account"), totp_devices.c.confirmed_at.is_not(None)
    ),
    Factor.PASSKEY: exists().where(passkeys.c.account_id == bindparam("account"), ~_stays_in_its_device),
    Factor.SECURITY_KEY: exists().where(passkeys.c.account_id == bindparam("account"), _stays_in_its_device),
    Factor.SMARTCARD: exists().where(smartcards.c.account_id == bindparam("account")),
}


def _enrolled(*has: bool) -> frozenset[Factor]:
    return frozenset(factor for factor, is_there in zip(_HAS, has, strict=True) if is_there)


_OF_ACCOUNT = Statement(select(*_HAS.values()), _enrolled)


def of_account(connection: Connection, account_id: UUID) -> frozenset[Factor]:
    """What this account has enrolled beside a password. Recovery codes only stand in for one of these."""
    return _OF_ACCOUNT.first(connection, account=account_id) or frozenset()
