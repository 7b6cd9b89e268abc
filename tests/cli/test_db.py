from pathlib import Path

import psycopg
import pytest

from idp.db import migrate
from tests.cli.conftest import Operator

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


def test_upgrade_makes_the_database_and_says_what_it_applied(idp_of_nothing: Operator) -> None:
    assert idp_of_nothing.json("db", "upgrade") == {"applied": REVISIONS, "current": REVISIONS[-1]}

    assert idp_of_nothing.does("db", "upgrade") == "Nothing was pending.\n"
    assert idp_of_nothing.json("db", "check") == {"ok": True, "pending": [], "drift": []}


def test_current_says_where_the_database_is_and_where_it_should_be(idp_of_nothing: Operator) -> None:
    assert idp_of_nothing.json("db", "current") == {"current": None, "head": REVISIONS[-1]}

    idp_of_nothing("db", "upgrade")

    assert idp_of_nothing.json("db", "current") == {"current": REVISIONS[-1], "head": REVISIONS[-1]}


def test_current_does_not_make_a_database(idp_of_nothing: Operator, tmp_path: Path) -> None:
    idp_of_nothing("db", "current")
    idp_of_nothing("db", "check")

    assert not (tmp_path / "new.sqlite3").exists()


def test_a_pending_migration_fails_the_check_and_every_command(idp: Operator) -> None:
    migrate.downgrade(idp.settings["IDP_DATABASE_URL"], REVISIONS[-2])

    assert idp.json("db", "check", exit_code=1)["pending"][0] == REVISIONS[-1]
    assert idp.refused("user", "list") == (
        f"The database cannot be used: The database lacks the migration {REVISIONS[-1]}."
        " Run: idp db upgrade\n"
    )


def test_a_sound_database_passes_the_check(idp: Operator) -> None:
    assert idp.does("db", "check") == "The database has the schema of this release.\n"


def test_a_schema_that_someone_changed_fails_the_check(idp_of_nothing: Operator, postgresql_url: str) -> None:
    idp_of_nothing.settings["IDP_DATABASE_URL"] = postgresql_url
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP INDEX ix_grants_created_at")
        connection.execute("ALTER TABLE people DROP COLUMN second_email")

    assert idp_of_nothing.json("db", "check", exit_code=1) == {
        "ok": False,
        "pending": [],
        "drift": ["add_index ix_grants_created_at", "add_column people second_email"],
    }


def test_a_database_of_a_newer_release_is_told(idp_of_nothing: Operator, postgresql_url: str) -> None:
    idp_of_nothing.settings["IDP_DATABASE_URL"] = postgresql_url
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2031_01_01_from_the_future'")

    said = idp_of_nothing.refused("client", "list")

    assert "2031_01_01_from_the_future" in said
    assert "Use the release that this database was made by" in said


def test_an_upgrade_that_cannot_be_says_why(idp_of_nothing: Operator, tmp_path: Path) -> None:
    idp_of_nothing.settings["IDP_DATABASE_URL"] = f"sqlite:///{tmp_path / 'missing' / 'idp.db'}"

    said = idp_of_nothing.refused("db", "upgrade")

    assert said.startswith("The database was not upgraded: ")
    assert "No such file or directory" in said


@pytest.mark.parametrize("command", ["upgrade", "check", "current"])
def test_a_file_that_is_no_database_is_told(idp_of_nothing: Operator, tmp_path: Path, command: str) -> None:
    (tmp_path / "new.sqlite3").write_bytes(b"payroll, not a database" * 100)

    assert "file is not a database" in idp_of_nothing.refused("db", command)
