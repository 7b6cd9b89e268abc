"""`idp key`: the key folder of an installation, and the signing keys in its database.

A signing key is announced, active, retiring, retired. `idp worker` rotates by schedule; these commands are
for the first keys, and for the day when a key is no longer safe.
"""

import click

from idp.cli.command import Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import table
from idp.db import Conflict, Unavailable, signing_key
from idp.db.signing_key import SigningKey
from idp.protocol import keyring
from idp.protocol.keyring import ALGORITHMS, TooEarly
from idp.services.keys import MASTER_FILE, PEPPER_FILE, MasterKeys


@click.group()
def key() -> None:
    """Make, list, rotate and retire keys."""


@key.command()
@operates
def init(installation: Installation) -> Answer:
    """Make the key folder and the first signing keys, as far as they do not exist yet.

    The files need no database; the signing keys need one, after idp db upgrade. Back the folder up apart
    from the database.
    """
    folder = installation.settings.keys_dir
    are_new = not any((folder / name).exists() for name in (MASTER_FILE, PEPPER_FILE))
    if are_new:
        _refuse_other_folder(installation)
        MasterKeys.create(folder)
    try:
        made = keyring.make(installation.database, installation.masters, installation.now())
    except Unavailable as unavailable:
        files = f"The key files are in {folder}." if are_new else f"The key files in {folder} were there."
        raise Refusal(
            f"{files} The signing keys wait for a database: {unavailable}. After that, run: idp key init"
        ) from unavailable
    lines = [f"Made {folder / MASTER_FILE} and {folder / PEPPER_FILE}"] if are_new else []
    lines += [f"Made the {row.stage} {row.alg} key {row.kid}" for row in made]
    document = {
        "keys_dir": folder,
        "files_made": are_new,
        "signing_keys_made": [_document(row) for row in made],
    }
    return Answer(document, lines or ["Everything was there; nothing was made."])


@key.command(name="list")
@operates
def list_(installation: Installation) -> Answer:
    """List the signing keys, oldest first."""
    with installation.database.read() as connection:
        rows = signing_key.every(connection)
    columns = ("KID", "ALG", "STAGE", "MADE", "ACTIVE SINCE", "RETIRING SINCE", "RETIRED SINCE")
    return Answer(
        [_document(row) for row in rows],
        table(
            columns,
            (
                (row.kid, row.alg, row.stage, row.created_at, row.active_at, row.retiring_at, row.retired_at)
                for row in rows
            ),
        ),
    )


@key.command()
@click.option("--alg", type=click.Choice(ALGORITHMS), required=True)
@click.option("--at-once", is_flag=True, help="Do not wait until relying parties have seen the next key.")
@dry_run
@operates
def rotate(installation: Installation, alg: str, at_once: bool, dry_run: bool) -> Answer:
    """Sign with the announced key from now on, and announce another.

    The key before stays published until its last token has ended. With --at-once, relying parties that cache
    the key set may refuse tokens for some minutes: only for a key that is no longer safe.
    """
    try:
        rotated = keyring.rotate(
            installation.database,
            installation.masters,
            alg,
            installation.lifetimes,
            installation.now(),
            at_once=at_once,
            dry_run=dry_run,
        )
    except Conflict as conflict:
        raise Refusal(
            _said(conflict, f"Another node rotates {alg} at this moment. Run: idp key list")
        ) from None
    if isinstance(rotated, TooEarly):
        raise Refusal(
            f"Relying parties may not have seen the key {rotated.kid} yet. Wait until "
            f"{rotated.ready_at:%Y-%m-%d %H:%M} UTC, or say --at-once if the active key is no longer safe."
        )
    line = f"{alg} tokens are signed with {rotated.kid} within five seconds."
    return done({"alg": alg, "active": rotated.kid}, line, dry_run=dry_run)


# One key id in 64 begins with a hyphen.
@key.command(context_settings={"ignore_unknown_options": True})
@click.argument("kid")
@dry_run
@operates
def retire(installation: Installation, kid: str, dry_run: bool) -> Answer:
    """Withdraw a key: within five seconds nothing it signed is valid. An announced one gets a successor."""
    try:
        was_there = keyring.retire(
            installation.database, installation.masters, kid, installation.now(), dry_run=dry_run
        )
    except Conflict as conflict:
        raise Refusal(
            _said(conflict, f"Another node moved {kid} at this moment. Run: idp key list")
        ) from None
    if not was_there:
        raise Refusal(f"There is no key {kid} in use. Run: idp key list")
    return done({"kid": kid, "retired": True}, f"{kid} is retired.", dry_run=dry_run)


def _refuse_other_folder(installation: Installation) -> None:
    """A new master key could not open what the database holds already."""
    try:
        with installation.database.read() as connection:
            has_keys = bool(signing_key.in_use(connection))
    except Unavailable:
        return
    if has_keys:
        raise Refusal(
            f"The database has signing keys, but {installation.settings.keys_dir} lacks the master key "
            "that opens them. Point IDP_KEYS_DIR at the right folder, or restore it from its backup."
        )


def _said(conflict: Conflict, otherwise: str) -> str:
    """Our own words have no cause; those of the driver mean that another node was faster."""
    return str(conflict) if conflict.__cause__ is None else otherwise


def _document(row: SigningKey) -> dict[str, object]:
    return {
        "kid": row.kid,
        "alg": row.alg,
        "stage": row.stage,
        "created_at": row.created_at,
        "active_at": row.active_at,
        "retiring_at": row.retiring_at,
        "retired_at": row.retired_at,
    }
