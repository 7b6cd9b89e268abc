"""Second factors that somebody has enrolled, as rows: nothing of how they came there is told."""

from uuid import UUID

from sqlalchemy import insert

from idp.db.engine import migration_engine
from idp.db.passkey import passkeys
from idp.db.smartcard import smartcards
from idp.db.totp_device import totp_devices
from tests.site import Site


def app(site: Site, account_id: UUID, *, is_confirmed: bool = True) -> None:
    """An authenticator app."""
    now = site.clock.now()
    _add(
        site,
        insert(totp_devices).values(
            id=site.provider.randomness.uuid(),
            account_id=account_id,
            name="Work telephone",
            sealed=b"sealed",
            last_step=None,
            created_at=now,
            confirmed_at=now if is_confirmed else None,
            last_used_at=None,
        ),
    )


def passkey(
    site: Site, account_id: UUID, *, is_attested: bool = False, is_backup_eligible: bool = True
) -> None:
    """A passkey; attested and not to be backed up, it is a security key."""
    made = site.provider.randomness.uuid()
    _add(
        site,
        insert(passkeys).values(
            id=made,
            credential_id=made.bytes,
            account_id=account_id,
            name="Key",
            public_key=b"key",
            sign_count=0,
            aaguid=None,
            transports=("usb",),
            is_backup_eligible=is_backup_eligible,
            is_backed_up=False,
            is_attested=is_attested,
            created_at=site.clock.now(),
            last_used_at=None,
        ),
    )


def security_key(site: Site, account_id: UUID) -> None:
    """A device that keeps its key to itself."""
    passkey(site, account_id, is_attested=True, is_backup_eligible=False)


def smartcard(site: Site, account_id: UUID) -> None:
    """A card."""
    _add(
        site,
        insert(smartcards).values(
            id=site.provider.randomness.uuid(),
            account_id=account_id,
            card_number="555012345678",
            authority_id=None,
            serial=None,
            linked_at=site.clock.now(),
            last_used_at=None,
        ),
    )


def _add(site: Site, clause: object) -> None:
    engine = migration_engine(site.provider.database.url)
    with engine.begin() as connection:
        connection.execute(clause)  # type: ignore[call-overload]  # an insert
    engine.dispose()
