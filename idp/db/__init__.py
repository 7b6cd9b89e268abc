"""What the provider remembers: one module per table, holding its columns, its row and its queries.

SQLAlchemy lives only here. Queries are Core statements, compiled once per database and run on the driver
(`statement`); rows come back as frozen dataclasses. SQLite and PostgreSQL run the same code.
"""

from idp.db.engine import Connection, Database
from idp.db.errors import Conflict, Unavailable

__all__ = ["Conflict", "Connection", "Database", "Unavailable"]
