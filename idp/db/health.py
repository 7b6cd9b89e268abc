"""Whether the database is there, at the schema this release needs."""

from functools import cache

from sqlalchemy import Column, MetaData, String, Table, select

from idp.db import migrate
from idp.db.engine import Connection
from idp.db.statement import Statement

# Alembic's own table, beside our metadata.
_versions = Table("alembic_version", MetaData(), Column("version_num", String(32)))
_VERSION = Statement(select(_versions.c.version_num), str)


def is_current(connection: Connection) -> bool:
    """Whether no migration is pending. Raises `Unavailable`."""
    return _VERSION.first(connection) == _head()


@cache
def _head() -> str:
    return migrate.head()
