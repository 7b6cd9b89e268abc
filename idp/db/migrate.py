"""Bring a database to the schema of this release, and say where it stands.

The scripts live in `migrations/` of a checkout and inside the installed package.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from idp.db.engine import migration_engine
from idp.db.errors import Unavailable
from idp.db.health import scripts
from idp.db.tables import metadata


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every pending migration, each in a transaction. Raises `Unavailable`."""
    with _explained(url):
        command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to a revision; `base` empties the schema."""
    command.downgrade(_config(url), revision)


def current(url: str) -> str | None:
    """The revision the database is at, or None when it is empty. Raises `Unavailable`."""
    with _explained(url), migration_engine(url).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision this release needs."""
    newest = ScriptDirectory.from_config(_config("sqlite://")).get_current_head()
    if newest is None:  # pragma: no cover - a broken installation
        raise RuntimeError(f"There are no migrations in {scripts()}.")
    return newest


def pending(url: str) -> list[str]:
    """The revisions that are still to be applied, oldest first. Raises `Unavailable`."""
    directory = ScriptDirectory.from_config(_config(url))
    with _explained(url):
        following = directory.iterate_revisions("head", current(url) or "base")
        return [script.revision for script in following][::-1]


def drift(url: str) -> list[str]:
    """What of a migrated database differs from the tables of this release. Raises `Unavailable`."""
    with _explained(url), migration_engine(url).connect() as connection, warnings.catch_warnings():
        # SQLite cannot reflect the index over lower(email); a test looks at that one itself.
        warnings.filterwarnings("ignore", message=".*expression-based index")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [_difference(difference) for difference in compare_metadata(context, metadata)]


def is_missing(url: str) -> bool:
    """Whether the file of a SQLite database does not exist yet; a server answers for itself."""
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists()


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise Unavailable(str(error.orig).strip()) from error
    except OSError as error:
        raise Unavailable(f"{make_url(url).database}: {error.strerror}") from error
    except (CommandError, RevisionError) as error:
        # Only a database of another release names a revision that is not among the scripts.
        raise Unavailable(
            f"{error}. Use the release that this database was made by, or a newer one."
        ) from error


def _difference(difference: object) -> str:
    """Alembic's tuples (`("add_index", Index(…))`) in a line; a changed column comes as a list of them."""
    if isinstance(difference, list):
        return "; ".join(map(_difference, difference))
    if isinstance(difference, tuple):
        return " ".join(str(getattr(part, "name", part)) for part in difference if _is_named(part))
    return str(difference)


def _is_named(part: object) -> bool:
    return isinstance(part, str) or hasattr(part, "name")


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.attributes["url"] = url
    return config
