"""Bring a database to the schema of this release, and say where it stands.

The scripts live in `migrations/` of a checkout and inside the installed package.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from idp.db.engine import migration_engine

_PACKAGE = Path(__file__).resolve().parent.parent


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every pending migration, each in a transaction."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to a revision; `base` empties the schema."""
    command.downgrade(_config(url), revision)


def current(url: str) -> str | None:
    """The revision the database is at, or None when it is empty."""
    engine = migration_engine(url)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision this release needs."""
    newest = ScriptDirectory.from_config(_config("sqlite://")).get_current_head()
    if newest is None:  # pragma: no cover - a broken installation
        raise RuntimeError(f"There are no migrations in {scripts()}.")
    return newest


def pending(url: str) -> list[str]:
    """The revisions that are still to be applied, oldest first."""
    directory = ScriptDirectory.from_config(_config(url))
    return [script.revision for script in directory.iterate_revisions("head", current(url) or "base")][::-1]


def scripts() -> Path:
    """The folder of migration scripts: beside the package in a checkout, inside it when installed."""
    inside, beside = _PACKAGE / "migrations", _PACKAGE.parent / "migrations"
    return inside if inside.is_dir() else beside


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.attributes["url"] = url
    return config
