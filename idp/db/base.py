"""The one `MetaData`, with names for every constraint, so that migrations can drop what they add."""

from typing import Any

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# On SQLite a row that is found by its own random key lives in the key's tree: one page to write, not two.
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}
