"""`idp client`: register relying parties and administer them.

RFC 7591: metadata comes and goes in its JSON. A secret is printed once, when it is made.
"""

import json
from typing import IO

import click

from idp.cli.command import Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import pairs, shown, table
from idp.db import Conflict, Connection
from idp.db import client as rows
from idp.db.client import Client
from idp.policy import client_metadata
from idp.policy.client_metadata import ClientMetadata
from idp.protocol import registration
from idp.protocol.registration import NotRegistered, Registered

_LARGEST_METADATA = 256 * 1024
_LISTED = ("client_name", "token_endpoint_auth_method", "first_party")


@click.group()
def client() -> None:
    """Register and administer relying parties."""


@client.command()
@click.option(
    "--metadata",
    "file",
    type=click.File("rb"),
    required=True,
    help="Client metadata of RFC 7591 as JSON; - reads it from standard input.",
)
@click.option("--client-id", help="An id of your choice; otherwise a random one is made.")
@dry_run
@operates
def add(installation: Installation, file: IO[bytes], client_id: str | None, dry_run: bool) -> Answer:
    """Register a client, and print it as JSON with its secret, which is shown this once."""
    metadata = read_metadata(file.read(_LARGEST_METADATA + 1))
    with installation.change(dry_run=dry_run) as connection:
        registered = _made(
            registration.register(
                connection, metadata, installation.randomness, installation.now(), client_id=client_id
            )
        )
    if dry_run:
        return done(dict(registered.client.metadata), "The metadata is sound.", dry_run=True)
    document = registration.response(registered)
    return Answer(document, json.dumps(document, indent=2).splitlines())


@client.command(name="list")
@operates
def list_(installation: Installation) -> Answer:
    """List every client, oldest first."""
    with installation.database.read() as connection:
        clients = rows.every(connection)
    headings = ("CLIENT ID", "NAME", "AUTHENTICATION", "FIRST PARTY", "STATE", "SINCE")
    return Answer(
        [_document(row) for row in clients],
        table(
            headings,
            (
                (
                    row.client_id,
                    *(row.metadata.get(name, "?") for name in _LISTED),
                    _state(row),
                    row.created_at,
                )
                for row in clients
            ),
        ),
    )


@client.command()
@click.argument("client_id")
@operates
def show(installation: Installation, client_id: str) -> Answer:
    """Show a client's registration. Its secret cannot be shown: only a digest of it is kept."""
    with installation.database.read() as connection:
        found = _get(connection, client_id)
    members = {name: _text(value) for name, value in _document(found).items() if value not in ([], "")}
    return Answer(_document(found), pairs(members.items()))


@client.command(name="rotate-secret")
@click.argument("client_id")
@dry_run
@operates
def rotate_secret(installation: Installation, client_id: str, dry_run: bool) -> Answer:
    """Replace a client's secret. The one before is refused within five seconds."""
    with installation.change(dry_run=dry_run) as connection:
        registered = _made(
            registration.rotate_secret(
                connection, _get(connection, client_id), installation.randomness, installation.now()
            )
        )
    if dry_run:
        return done({"client_id": client_id}, f"The secret of {client_id} would be replaced.", dry_run=True)
    document = registration.response(registered)
    return Answer(document, json.dumps(document, indent=2).splitlines())


@client.command()
@click.argument("client_id")
@dry_run
@operates
def disable(installation: Installation, client_id: str, dry_run: bool) -> Answer:
    """End every token a client was given, and refuse it within five seconds."""
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, client_id)
        is_news = found.disabled_at is None
        ended = registration.disable(connection, found, installation.now()) if is_news else 0
    document = {"client_id": client_id, "state": "disabled", "changed": is_news, "grants_ended": ended}
    if not is_news:
        return done(document, f"{client_id} is disabled already.", dry_run=dry_run)
    return done(document, f"{client_id} is disabled; grants ended: {ended}.", dry_run=dry_run)


@client.command()
@click.argument("client_id")
@dry_run
@operates
def enable(installation: Installation, client_id: str, dry_run: bool) -> Answer:
    """Serve a disabled client again. People sign in to it anew."""
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, client_id)
        is_news = found.disabled_at is not None
        if is_news:
            registration.enable(connection, found, installation.now())
    document = {"client_id": client_id, "state": "enabled", "changed": is_news}
    text = "is enabled." if is_news else "is enabled already."
    return done(document, f"{client_id} {text}", dry_run=dry_run)


@client.command()
@click.argument("client_id")
@dry_run
@operates
def remove(installation: Installation, client_id: str, dry_run: bool) -> Answer:
    """Forget a client that nobody has used. One that was used is disabled instead."""
    try:
        with installation.change(dry_run=dry_run) as connection:
            registration.remove(connection, _get(connection, client_id), installation.now())
    except Conflict as conflict:
        raise Refusal(
            f"{client_id} was not removed: people's grants or consents refer to it. "
            f"Run: idp client disable {client_id}"
        ) from conflict
    return done({"client_id": client_id, "removed": True}, f"{client_id} is removed.", dry_run=dry_run)


def read_metadata(text: bytes) -> ClientMetadata:
    """Client metadata from its JSON. Raises `Refusal` with everything that is wrong."""
    if len(text) > _LARGEST_METADATA:
        raise Refusal(f"The metadata is larger than {_LARGEST_METADATA} bytes.")
    try:
        json_object = json.loads(text, object_pairs_hook=_without_repetition)
    except RecursionError:
        raise Refusal("The metadata is nested too deeply.") from None
    except ValueError as error:
        raise Refusal(f"The metadata is not JSON in UTF-8: {error}.") from error
    if not isinstance(json_object, dict):
        raise Refusal('The metadata is not a JSON object, such as {"client_name": "Payslips", …}.')
    parsed = client_metadata.parse(json_object)
    if not isinstance(parsed, ClientMetadata):
        problems = [{"field": problem.field, "message": problem.message} for problem in parsed]
        raise Refusal("The metadata will not do. Nothing was stored.", problems)
    return parsed


def _without_repetition(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        raise ValueError(f"it says {next(name for name in names if names.count(name) > 1)} twice")
    return found


def _get(connection: Connection, client_id: str) -> Client:
    found = rows.find(connection, client_id)
    if found is None:
        raise Refusal(f"There is no client {client_id}. Run: idp client list")
    return found


def _made(outcome: Registered | NotRegistered) -> Registered:
    if isinstance(outcome, NotRegistered):
        raise Refusal(outcome.problem)
    return outcome


def _state(row: Client) -> str:
    return "enabled" if row.disabled_at is None else "disabled"


def _document(row: Client) -> dict[str, object]:
    return {
        "client_id": row.client_id,
        "state": _state(row),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "disabled_at": row.disabled_at,
        "has_secret": row.secret_digest is not None,
        **row.metadata,
    }


def _text(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else shown(value)
