"""What owners see of the factors of their account, and change: another name, removal.

OWASP ASVS 5.0 §6.3.7, §7.5.1. A change asks, in its own transaction and with the account's row held, for a
session that has proved every factor just now. Where the installation's rule demands a second factor of
everybody, the last one stays. A removal ends the devices that are trusted, and is told to the owner.
"""

from dataclasses import dataclass
from uuid import UUID

from idp.accounts.factor_news import Change, Changed, FactorNews
from idp.accounts.factors import without_factor
from idp.accounts.own_account import Acting
from idp.accounts.permission import Permissions, Withheld
from idp.db import Connection, audit, passkey, recovery_code, smartcard, totp_device, trusted_device
from idp.db.audit import AuditEvent
from idp.db.passkey import Passkey
from idp.db.smartcard import Smartcard
from idp.db.totp_device import TotpDevice
from idp.policy.event_name import EventName
from idp.policy.second_factor import Rule, may_be_without

_REMOVE = {Changed.TOTP: totp_device.remove, Changed.PASSKEY: passkey.remove}
_RENAME = {Changed.TOTP: totp_device.rename, Changed.PASSKEY: passkey.rename}


@dataclass(frozen=True, slots=True)
class Seen:
    """The factors of an account beside its password."""

    apps: list[TotpDevice]
    passkeys: list[Passkey]
    cards: list[Smartcard]
    codes_left: int


@dataclass(frozen=True, slots=True)
class LastFactor:
    """It is the last second factor, and everybody has to have one."""


def look(connection: Connection, account_id: UUID) -> Seen:
    """What the account has."""
    return Seen(
        totp_device.of_account(connection, account_id),
        passkey.of_account(connection, account_id),
        smartcard.of_account(connection, account_id),
        recovery_code.left(connection, account_id),
    )


def kind_in(text: str) -> Changed | None:
    """The kind of factor that a form names, if its owner may change one of that kind."""
    return next((kind for kind in _REMOVE if kind.value == text), None)


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """Changes, by the installation's `rule`. The caller holds the account: `own_account.hold`."""

    permissions: Permissions
    news: FactorNews
    rule: Rule

    def withheld(self, connection: Connection, acting: Acting) -> Withheld | None:
        """What stands between this session and a change; None when nothing does."""
        return self.permissions.withheld(connection, acting.session, acting.now)

    def rename(
        self, connection: Connection, acting: Acting, kind: Changed, factor_id: UUID, name: str
    ) -> bool | Withheld:
        """Call a factor something else; `name` is what `factors.read_name` has read. False without one."""
        withheld = self.withheld(connection, acting)
        if withheld is not None:
            return withheld
        if not _RENAME[kind](connection, factor_id, acting.session.account_id, name):
            return False
        audit.record(
            connection,
            AuditEvent(
                at=acting.now,
                event=EventName.FACTOR_RENAMED,
                account_id=acting.session.account_id,
                sid=acting.session.sid,
                address=acting.address,
                detail={"factor": kind.value, "label": name},
            ),
        )
        return True

    def remove(
        self, connection: Connection, acting: Acting, kind: Changed, factor_id: UUID
    ) -> bool | Withheld | LastFactor:
        """Remove a factor; with the last one the recovery codes go, too. False without such a factor."""
        account_id = acting.session.account_id
        withheld = self.withheld(connection, acting)
        if withheld is not None:
            return withheld
        seen = look(connection, account_id)
        ids = [each.id for each in seen.apps] + [each.id for each in seen.passkeys]
        if ids == [factor_id] and not may_be_without(self.rule):
            return LastFactor()
        removed = _REMOVE[kind](connection, factor_id, account_id)
        if removed is None:
            return False
        without_factor(connection, account_id)
        trusted_device.revoke_all(connection, account_id, acting.now)
        self.news.removed(
            connection,
            Change(
                account_id=account_id,
                what=kind,
                label=removed.name,
                at=acting.now,
                sid=acting.session.sid,
                address=acting.address,
            ),
        )
        return True
