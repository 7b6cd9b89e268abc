"""Whether the database is there, at the schema this release needs.

Read from the scripts' own text: importing Alembic for one name would cost every worker 15 MiB.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Column, MetaData, String, Table, select

from idp.db.engine import Connection
from idp.db.statement import Statement

_PACKAGE = Path(__file__).resolve().parent.parent
_REVISION = re.compile(r'^(revision|down_revision) = "([^"]+)"', re.MULTILINE)

# Alembic's own table, beside our metadata.
_versions = Table("alembic_version", MetaData(), Column("version_num", String(32)))
_VERSION = Statement(select(_versions.c.version_num), str)


def is_current(connection: Connection) -> bool:
    """Whether no migration is pending. Raises `Unavailable`."""
    return _VERSION.first(connection) == head()


@cache
def head() -> str:
    """The revision that no other one follows."""
    found = [
        match for script in scripts().glob("versions/*.py") for match in _REVISION.findall(script.read_text())
    ]
    followed = {revision for kind, revision in found if kind == "down_revision"}
    newest: str
    (newest,) = {revision for kind, revision in found if kind == "revision"} - followed
    return newest


def scripts() -> Path:
    """The folder of migration scripts: beside the package in a checkout, inside it when installed."""
    inside, beside = _PACKAGE / "migrations", _PACKAGE.parent / "migrations"
    return inside if inside.is_dir() else beside
