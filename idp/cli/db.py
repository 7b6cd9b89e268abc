"""`idp db`: bring the database to the schema of this release, and say where it stands.

There is no downgrade: going back means restoring the backup that was taken before.
"""

import click

from idp.cli.command import REFUSED, Answer, Refusal, operates
from idp.cli.installation import Installation
from idp.db import Unavailable, migrate


@click.group()
def db() -> None:
    """Bring the database to this release, and check it."""


@db.command()
@operates
def upgrade(installation: Installation) -> Answer:
    """Apply every pending migration. Servers of the release before keep working meanwhile."""
    url = installation.settings.database_url
    try:
        pending = migrate.pending(url)
        migrate.upgrade(url)
    except Unavailable as unavailable:
        raise Refusal(
            f"The database was not upgraded: {unavailable}. Every migration that was applied stays; "
            "put this right and run idp db upgrade again."
        ) from unavailable
    lines = [f"Applied {revision}" for revision in pending] or ["Nothing was pending."]
    return Answer({"applied": pending, "current": migrate.head()}, lines)


@db.command()
@operates
def current(installation: Installation) -> Answer:
    """Say which migration the database is at, and which this release needs."""
    found, needed = _current(installation), migrate.head()
    lines = [f"The database is at {found or 'nothing'}.", f"This release needs {needed}."]
    return Answer({"current": found, "head": needed}, lines)


@db.command(epilog="Ends with 0 (sound), 1 (pending or different) or 2 (wrong settings).")
@operates
def check(installation: Installation) -> Answer:
    """Find pending migrations, and any difference between the schema and this release."""
    url = installation.settings.database_url
    if migrate.is_missing(url):
        raise Refusal("There is no database yet. Run: idp db upgrade")
    pending = migrate.pending(url)
    drift = [] if pending else migrate.drift(url)
    lines = [f"Pending: {revision}" for revision in pending]
    lines += [f"Different: {difference}" for difference in drift]
    if pending:
        lines.append("Run: idp db upgrade")
    if drift:
        lines.append("Someone changed the schema by hand. Undo that, or restore the backup.")
    is_sound = not lines
    return Answer(
        {"ok": is_sound, "pending": pending, "drift": drift},
        lines or ["The database has the schema of this release."],
        exit_code=0 if is_sound else REFUSED,
    )


def _current(installation: Installation) -> str | None:
    url = installation.settings.database_url
    return None if migrate.is_missing(url) else migrate.current(url)
