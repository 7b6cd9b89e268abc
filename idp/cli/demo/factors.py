"""What people of the demo prove themselves with beside a password: an app, recovery codes, smartcards.

Written without the mails that go out when people do it themselves: in a demo that has just begun, nobody has
done anything. Every step finds what is there already.
"""

from base64 import b32decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import click

from idp.accounts import card_link
from idp.accounts.administration import NotDone
from idp.accounts.revocation_list import Failed, RevocationLists
from idp.accounts.totp import Totp
from idp.cli.demo import certificates
from idp.cli.demo.certificates import AUTHORITY, CARDS
from idp.cli.demo.people import PEOPLE, Persona
from idp.cli.demo.place import Place
from idp.db import (
    Connection,
    Database,
    account,
    audit,
    certificate_authority,
    link,
    recovery_code,
    smartcard,
    totp_device,
)
from idp.db.audit import AuditEvent
from idp.db.certificate_authority import CertificateAuthority
from idp.db.smartcard import Smartcard
from idp.policy import recovery_code as codes
from idp.policy import totp
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.policy.revocation import Grace
from idp.services import logs
from idp.services.clock import SystemClock
from idp.services.keys import MasterKeys
from idp.services.randomness import SystemRandomness

APP: Final = "Demo phone"
"""What the owner of an authenticator app calls it."""


def canonical(code: str) -> str:
    """A recovery code as it is hashed."""
    read = codes.read(code)
    if read is None:
        raise ValueError(f"{code} is no recovery code")
    return read


def enrol(connection: Connection, masters: MasterKeys, hashes: Mapping[str, str], now: datetime) -> None:
    """Give everybody their app, and the recovery codes whose hashes are there."""
    for persona in PEOPLE:
        found = account.find(connection, persona.username)
        if found is None or persona.totp_secret is None:
            continue
        if totp_device.count(connection, found.id) == 0:
            _enrol(connection, masters, persona, persona.totp_secret, found.id, now)
        made = [hashes[canonical(code)] for code in persona.recovery_codes if canonical(code) in hashes]
        if made:
            link.hold_account(connection, found.id)
            recovery_code.replace_all(connection, found.id, made, now)


def without_codes(connection: Connection) -> list[Persona]:
    """Those whose recovery codes are missing."""
    found = ((persona, account.find(connection, persona.username)) for persona in PEOPLE)
    return [
        persona
        for persona, known in found
        if persona.recovery_codes and (known is None or not recovery_code.left(connection, known.id))
    ]


def believe(connection: Connection, place: Place, now: datetime) -> None:
    """Believe the demo's authority, and none that it had before."""
    pem = place.ca.read_bytes()
    name = certificates.name_of_authority(pem)
    for other in certificate_authority.enabled(connection):
        if other.name.startswith(AUTHORITY) and other.name != name:
            card_link.set_disabled(connection, other, disabled=True, now=now)
    if certificate_authority.find(connection, name) is None:
        added = card_link.add_authority(
            connection,
            SystemRandomness(),
            pem,
            name=name,
            crl_url=place.revocation_list,
            ocsp_url=None,
            now=now,
        )
        if isinstance(added, NotDone):
            raise TypeError(f"{name} cannot be believed: {added.problem}")


def link_cards(connection: Connection, now: datetime) -> None:
    """Let each card open its account."""
    for card in CARDS:
        if card.opens is None or smartcard.find_by_number(connection, card.number) is not None:
            continue
        found = account.find(connection, card.opens)
        if found is None:
            raise TypeError(f"{card.opens} is not there")
        made = Smartcard(SystemRandomness().uuid(), found.id, card.number, None, None, now, None)
        smartcard.add(connection, made)
        detail = {"username": found.username, "card": card.number}
        audit.record(
            connection,
            AuditEvent(at=now, event=EventName.SMARTCARD_LINKED, account_id=found.id, detail=detail),
        )


def fetch_list(place: Place) -> None:
    """Fetch the authority's list, so that the first card need not wait for the worker to."""
    logs.configure(level="ERROR")
    database = Database(place.database_url, pool_size=1)
    try:
        with database.read() as connection:
            authority = _authority(connection, place)
        clock, randomness = SystemClock(), SystemRandomness()
        fetched = RevocationLists(database, clock, randomness, Grace(), timedelta(0)).fetch(authority)
    finally:
        database.close()
    if isinstance(fetched, Failed):
        raise click.ClickException(
            f"The list of revoked smartcards was not fetched, because {fetched.cause}."
        )


class _Known(SystemRandomness):
    """Draws this secret next."""

    def __init__(self, secret: str) -> None:
        self._secret = b32decode(secret)

    def token(self) -> str:
        return urlsafe_b64encode(self._secret.ljust(32)).decode().rstrip("=")


def _enrol(
    connection: Connection,
    masters: MasterKeys,
    persona: Persona,
    secret: str,
    account_id: UUID,
    now: datetime,
) -> None:
    begun = Totp(masters, _Known(secret), Lifetimes()).begin(
        connection, account_id, persona.username, APP, now
    )
    if begun is None or begun.secret != secret:
        raise TypeError(f"the app of {persona.username} is not the one that is printed")
    # The code it shows now has not been used.
    used = totp.step_at(now) - totp.WINDOW - 1
    totp_device.confirm(connection, begun.device_id, account_id, used, now)
    detail = {"factor": "totp", "label": APP}
    audit.record(
        connection, AuditEvent(at=now, event=EventName.FACTOR_ADDED, account_id=account_id, detail=detail)
    )


def _authority(connection: Connection, place: Place) -> CertificateAuthority:
    found = certificate_authority.find(connection, certificates.name_of_authority(place.ca.read_bytes()))
    if found is None:
        raise TypeError("the demo's authority is not there")
    return found
