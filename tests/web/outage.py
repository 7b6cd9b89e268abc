"""A database that has gone away."""

from pathlib import Path

from idp.db import Database


def take_away(database: Database, folder: Path) -> None:
    """From now on no connection is to be had: nobody listens, or no file can be opened."""
    if database.dialect.name == "sqlite":
        file = folder / "gone.sqlite3"
        nowhere = Database(f"sqlite:///{file}")
        file.unlink()
        file.mkdir()
    else:
        nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing", patience=1)
    database.close()
    database._engine = nowhere._engine  # noqa: SLF001 - as if the address led nowhere
