"""Alembic's entry: run the migrations on the database that `idp.db.migrate` names."""

from alembic import context

from idp.db.engine import migration_engine
from idp.db.tables import metadata

with migration_engine(context.config.attributes["url"]).connect() as connection:
    if connection.dialect.name == "postgresql":
        # A migration waits at most this long for a table that is in use, and is tried again by its operator.
        connection.exec_driver_sql("SET lock_timeout = '2s'")
        connection.commit()
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
