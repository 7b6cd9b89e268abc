import re
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, text

from idp.db import health, migrate
from idp.db.engine import migration_engine
from idp.db.tables import TABLES, metadata

REVISIONS = [
    "2026_11_22_people",
    "2026_11_22_clients",
    "2026_11_22_sign_in",
    "2026_11_22_tokens",
    "2026_11_22_records",
    "2026_11_22_recovery",
    "2026_11_22_second_factors",
    "2026_11_22_smartcards",
    "2026_11_22_care_identity",
]

_POSTGRESQL_SCHEMA = (
    """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           pg_get_expr(d.adbin, d.adrelid)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    """,
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    """,
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
)


def _schema(url: str) -> set[Any]:
    """Every column, constraint and index of a database, Alembic's own table aside."""
    with migration_engine(url).connect() as connection:
        rows = _postgresql(connection) if connection.dialect.name == "postgresql" else _sqlite(connection)
        return {row for row in rows if row[0] != "alembic_version"}


def _postgresql(connection: Connection) -> set[Any]:
    return {tuple(row) for query in _POSTGRESQL_SCHEMA for row in connection.execute(text(query))}


def _sqlite(connection: Connection) -> set[Any]:
    """Each line of each statement that made the schema: one column or constraint a line."""
    made = connection.execute(text("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {
        (table, re.sub(r"\s+", " ", column).strip(" ,"))
        for table, statement in made
        if not table.startswith("sqlite_")
        for line in statement.splitlines()
        # A column that was added later stands behind the last one, in its line.
        for column in line.split(", ")
    }


def test_the_tables_of_the_code_are_those_of_the_migrations(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    migrated = _schema(empty_url)
    migrate.downgrade(empty_url, "base")
    with migration_engine(empty_url).begin() as connection:
        metadata.create_all(connection)

    assert migrated == _schema(empty_url)


def test_every_table_is_named_among_the_tables() -> None:
    assert {table.name for table in TABLES} == set(metadata.tables)


def test_people_are_found_by_their_mail_address_in_lower_case_through_an_index(database_url: str) -> None:
    with migration_engine(database_url).connect() as connection:
        if connection.dialect.name == "postgresql":
            query = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_people_email'"
            expected = "CREATE INDEX ix_people_email ON public.people USING btree (lower(email))"
        else:
            query = "SELECT sql FROM sqlite_master WHERE name = 'ix_people_email'"
            expected = "CREATE INDEX ix_people_email ON people (lower(email))"
        assert connection.execute(text(query)).scalar_one() == expected


def test_each_migration_goes_up_down_and_up_again(empty_url: str) -> None:
    for before, revision in pairwise([None, *REVISIONS]):
        assert revision is not None
        down = _schema(empty_url)
        migrate.upgrade(empty_url, revision)
        up = _schema(empty_url)
        assert up > down

        migrate.downgrade(empty_url, before or "base")
        assert migrate.current(empty_url) == before
        assert _schema(empty_url) == down

        migrate.upgrade(empty_url, revision)
        assert _schema(empty_url) == up

    assert migrate.current(empty_url) == migrate.head()


def test_going_down_to_the_beginning_leaves_nothing(database_url: str) -> None:
    migrate.downgrade(database_url, "base")

    assert migrate.current(database_url) is None
    assert _schema(database_url) == set()


def test_the_migrations_still_to_be_applied_are_told_in_order(empty_url: str) -> None:
    assert migrate.pending(empty_url) == REVISIONS

    migrate.upgrade(empty_url, REVISIONS[2])

    assert migrate.pending(empty_url) == REVISIONS[3:]


def test_a_migrated_database_has_nothing_pending(database_url: str) -> None:
    migrate.upgrade(database_url)

    assert migrate.pending(database_url) == []
    assert migrate.current(database_url) == migrate.head() == REVISIONS[-1]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_migration_is_named_after_its_day_and_subject(revision: str) -> None:
    assert (health.scripts() / "versions" / f"{revision}.py").is_file()


def test_a_worker_knows_the_newest_revision_without_alembic() -> None:
    assert health.head() == migrate.head()
