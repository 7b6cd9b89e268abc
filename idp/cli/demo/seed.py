"""Fill a demo's database: keys to sign with, employers, people, what they prove themselves with, clients.

Every step finds what is there already, so it may be repeated, and goes on where a kill ended it. A database
that some other installation uses is refused before anything is written to it.
"""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import click

from idp.accounts import administration, joiner
from idp.accounts.attempt import Attempts
from idp.accounts.joiner import Joined, Joiner, Password
from idp.accounts.sign_in import PASSWORD
from idp.cli.demo import factors, people
from idp.cli.demo.clients import Client
from idp.cli.demo.people import EMPLOYERS, PEOPLE, Persona, Standing
from idp.cli.demo.place import Place
from idp.db import Conflict, Connection, Database, Unavailable, account, attempt, audit, employer, migrate
from idp.db import client as client_rows
from idp.db.attempt import Bucket
from idp.db.audit import AuditEvent
from idp.db.client import Client as ClientRow
from idp.db.employer import Employer
from idp.policy import client_metadata
from idp.policy.client_metadata import ClientMetadata
from idp.policy.event_name import EventName
from idp.policy.lockout import LockoutRule
from idp.protocol import keyring
from idp.protocol.keyring import KeyRing
from idp.services.clock import SystemClock
from idp.services.digest import digest
from idp.services.hashing import Hasher
from idp.services.keys import MasterKeys, SealBroken
from idp.services.randomness import SystemRandomness

_SHUT_AT_ONCE = LockoutRule(shut_unknown=1, shut_known=1)
_START_AFRESH = "Start afresh with --reset, or give the demo another database with --database-url."


def refuse_foreign(url: str) -> None:
    """Refuse a database that holds anything of ours which this demo did not put there."""
    try:
        is_foreign = not migrate.is_missing(url) and migrate.current(url) is not None
    except Unavailable as unavailable:
        raise _unusable(unavailable) from unavailable
    if is_foreign:
        raise click.ClickException(
            "The database is in use by another installation, or another demo. Nothing was changed. "
            "Give the demo an empty one with --database-url."
        )


def empty(url: str) -> None:
    """Remove every table of ours from a database."""
    try:
        if not migrate.is_missing(url) and migrate.current(url) is not None:
            migrate.downgrade(url, "base")
    except Unavailable as unavailable:
        raise _unusable(unavailable) from unavailable


def fill(place: Place, clients: Sequence[Client]) -> None:
    """Make whatever is missing in the demo's database."""
    now = SystemClock().now()
    masters = MasterKeys.load(place.keys)
    try:
        migrate.upgrade(place.database_url)
        database = Database(place.database_url, pool_size=1)
        try:
            _make_signing_keys(database, masters, now)
            hashes = _hash_secrets(database, masters)
            with database.write() as connection:
                _add_employers(connection, now)
                _add_people(connection, masters, hashes, now)
                factors.enrol(connection, masters, hashes, now)
                factors.believe(connection, place, now)
                factors.link_cards(connection, now)
                for client in clients:
                    _register(connection, place, client, now)
        finally:
            database.close()
    except Unavailable as unavailable:
        raise _unusable(unavailable) from unavailable


def _unusable(unavailable: Unavailable) -> click.ClickException:
    return click.ClickException(f"The database cannot be used: {unavailable}")


def _make_signing_keys(database: Database, masters: MasterKeys, now: datetime) -> None:
    keyring.make(database, masters, now)
    try:
        KeyRing(database, masters, SystemClock()).jwks()
    except SealBroken:
        raise click.ClickException(
            f"The database belongs to a demo in another folder. {_START_AFRESH}"
        ) from None


def _hash_secrets(database: Database, masters: MasterKeys) -> dict[str, str]:
    """The hash of each password and recovery code that is missing; on all cores, as someone waits."""
    with database.read() as connection:
        passwords = [
            persona.password
            for persona in PEOPLE
            if persona.password is not None and account.find(connection, persona.username) is None
        ]
        codes = [
            factors.canonical(code)
            for persona in factors.without_codes(connection)
            for code in persona.recovery_codes
        ]
    missing = [*passwords, *codes]
    if not missing:
        return {}
    cores = os.cpu_count() or 1
    hasher = Hasher(masters.pepper, threads=cores, queue=len(missing), nice=0)
    with ThreadPoolExecutor(cores) as pool:
        return dict(zip(missing, pool.map(hasher.hash, missing), strict=True))


def _add_employers(connection: Connection, now: datetime) -> None:
    for known in EMPLOYERS:
        if employer.find(connection, known.code) is None:
            administration.add_employer(connection, _employer(known), now)


def _employer(known: people.Employer) -> Employer:
    return Employer(known.code, known.name, known.ods_code, known.locality, known.service_desk)


def _add_people(connection: Connection, masters: MasterKeys, hashes: dict[str, str], now: datetime) -> None:
    attempts = Attempts(masters.derive("attempts"), LockoutRule())
    for persona in PEOPLE:
        if account.find(connection, persona.username) is None:
            joined = _join(connection, persona, hashes.get(persona.password or ""), now)
            _bring_to(persona.standing, connection, joined, attempts, now)


def _join(connection: Connection, persona: Persona, phc: str | None, now: datetime) -> Joined:
    fields = {name: getattr(persona, name) for name in joiner.FIELDS}
    read = joiner.read(fields, now.date())
    if not isinstance(read, Joiner):
        raise TypeError(f"{persona.username} is not sound: {read}")
    must_change = persona.standing is Standing.MUST_CHANGE_PASSWORD
    password = None if phc is None else Password(phc, must_change=must_change)
    joined = joiner.add(connection, read, SystemRandomness(), now, password=password)
    if not isinstance(joined, Joined):
        raise TypeError(f"{persona.username} cannot be added: {joined}")
    return joined


def _bring_to(
    standing: Standing, connection: Connection, joined: Joined, attempts: Attempts, now: datetime
) -> None:
    match standing:
        case Standing.DISABLED:
            administration.disable(connection, joined.account, now)
        case Standing.THROTTLED:
            whose = attempts.of_person(joined.person.id)
            attempt.count(connection, _SHUT_AT_ONCE, whose, PASSWORD, Bucket.UNKNOWN, now)
        case _:
            pass


def _register(connection: Connection, place: Place, client: Client, now: datetime) -> None:
    secret = client.secret(place.clients)
    wanted = ClientRow(
        client_id=client.client_id,
        metadata=_metadata(client, place),
        secret_digest=None if secret is None else digest(secret),
        created_at=now,
        updated_at=now,
        disabled_at=None,
    )
    found = client_rows.find(connection, client.client_id)
    if found is None:
        _add(connection, wanted, now)
    elif found.metadata != wanted.metadata:
        _replace(connection, wanted, now)
    elif wanted.secret_digest is not None and found.secret_digest != wanted.secret_digest:
        client_rows.set_secret(connection, client.client_id, wanted.secret_digest, now)


def _metadata(client: Client, place: Place) -> dict[str, object]:
    """As the database stores and returns it."""
    jwks = client.public_jwks(place.clients)
    parsed = client_metadata.parse({**client.metadata, **({} if jwks is None else {"jwks": jwks})})
    if not isinstance(parsed, ClientMetadata):
        raise TypeError(f"{client.client_id} is not sound: {parsed}")
    stored: dict[str, object] = json.loads(json.dumps(client_metadata.to_json(parsed)))
    return stored


def _add(connection: Connection, wanted: ClientRow, now: datetime) -> None:
    client_rows.add(connection, wanted)
    audit.record(connection, AuditEvent(at=now, event=EventName.CLIENT_ADDED, client_id=wanted.client_id))


def _replace(connection: Connection, wanted: ClientRow, now: datetime) -> None:
    try:
        client_rows.remove(connection, wanted.client_id)
    except Conflict:
        raise click.ClickException(
            f"The client {wanted.client_id} has changed, and people have signed in to it. {_START_AFRESH}"
        ) from None
    _add(connection, wanted, now)
