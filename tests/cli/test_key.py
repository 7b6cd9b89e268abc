import stat
from datetime import timedelta
from pathlib import Path

import pytest

from idp.db import Database, audit
from tests.cli.conftest import Operator

DAY = timedelta(days=1)


def stages(idp: Operator, alg: str = "ES256") -> list[str]:
    return sorted(key["stage"] for key in idp.json("key", "list") if key["alg"] == alg)


def kid(idp: Operator, stage: str, alg: str = "ES256") -> str:
    (found,) = (key["kid"] for key in idp.json("key", "list") if (key["alg"], key["stage"]) == (alg, stage))
    return str(found)


def test_init_makes_the_key_folder_before_there_is_a_database(
    idp_of_nothing: Operator, tmp_path: Path
) -> None:
    said = idp_of_nothing.refused("key", "init")

    assert said.startswith(f"The key files are in {tmp_path / 'keys'}. The signing keys wait for a database")
    assert "run: idp key init" in said
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {
        "master.key": 0o600,
        "pepper.key": 0o600,
    }


def test_init_makes_an_active_and_an_announced_key_of_each_algorithm(idp: Operator) -> None:
    made = idp.json("key", "init")

    assert made["files_made"] is False
    assert sorted((key["alg"], key["stage"]) for key in made["signing_keys_made"]) == [
        ("ES256", "active"),
        ("ES256", "announced"),
        ("EdDSA", "active"),
        ("EdDSA", "announced"),
        ("RS256", "active"),
        ("RS256", "announced"),
    ]


def test_init_twice_makes_nothing_more(idp: Operator) -> None:
    idp.does("key", "init")
    before = idp.json("key", "list")

    assert idp.does("key", "init") == "Everything was there; nothing was made.\n"
    assert idp.json("key", "list") == before


def test_half_a_key_folder_is_not_completed(idp: Operator, tmp_path: Path) -> None:
    (tmp_path / "keys" / "pepper.key").unlink()

    assert "pepper.key is missing" in idp.refused("key", "init")
    assert not (tmp_path / "keys" / "pepper.key").exists()


def test_a_new_master_key_is_not_made_for_a_database_that_has_keys(idp: Operator, tmp_path: Path) -> None:
    idp.does("key", "init")
    idp.settings["IDP_KEYS_DIR"] = str(tmp_path / "elsewhere")

    assert "Point IDP_KEYS_DIR at the right folder" in idp.refused("key", "init")
    assert not (tmp_path / "elsewhere").exists()


def test_the_list_never_shows_a_private_key(idp: Operator) -> None:
    idp.does("key", "init")

    assert set(idp.json("key", "list")[0]) == {
        "kid",
        "alg",
        "stage",
        "created_at",
        "active_at",
        "retiring_at",
        "retired_at",
    }
    assert idp.does("key", "list").splitlines()[0].split()[:3] == ["KID", "ALG", "STAGE"]


def test_an_announced_key_follows_once_relying_parties_have_seen_it(idp: Operator) -> None:
    idp.does("key", "init")
    following = kid(idp, "announced")

    assert "Wait until 2026-11-24 07:00 UTC" in idp.refused("key", "rotate", "--alg", "ES256")
    assert stages(idp) == ["active", "announced"]

    idp.clock.advance(DAY)
    assert idp.json("key", "rotate", "--alg", "ES256") == {"alg": "ES256", "active": following}
    assert stages(idp) == ["active", "announced", "retiring"]
    assert kid(idp, "active") == following


def test_a_key_that_is_no_longer_safe_is_replaced_and_retired_at_once(idp: Operator) -> None:
    idp.does("key", "init")
    unsafe = kid(idp, "active")

    assert "--at-once" in idp.refused("key", "retire", unsafe)
    idp.does("key", "rotate", "--alg", "ES256", "--at-once")
    idp.does("key", "retire", unsafe)

    assert stages(idp) == ["active", "announced", "retired"]


@pytest.mark.parametrize("command", ["rotate", "retire"])
def test_a_dry_run_changes_nothing(idp: Operator, command: str) -> None:
    idp.does("key", "init")
    before = idp.json("key", "list")
    arguments = {
        "rotate": ("rotate", "--alg", "ES256", "--at-once"),
        "retire": ("retire", kid(idp, "announced")),
    }[command]

    assert idp.json("key", *arguments, "--dry-run")["dry_run"] is True
    assert idp.json("key", "list") == before


@pytest.mark.parametrize("typed", ["nobodys", "-nobodys", "--nobodys", "-dry-run"])
def test_a_key_that_nobody_has_is_not_retired_whatever_its_id_begins_with(idp: Operator, typed: str) -> None:
    assert idp.refused("key", "retire", typed) == (f"There is no key {typed} in use. Run: idp key list\n")


def test_an_announced_key_that_is_retired_is_replaced(idp: Operator) -> None:
    idp.does("key", "init")
    idp.does("key", "retire", kid(idp, "announced"))

    assert stages(idp) == ["active", "announced", "retired"]


def test_without_an_announced_key_nothing_rotates_until_there_is_one(
    idp: Operator, database: Database
) -> None:
    idp.does("key", "init")
    with database.write() as connection:
        connection.execute(
            "DELETE FROM signing_keys WHERE alg = 'ES256' AND stage = 'announced'", (), lambda _: None
        )

    assert "No ES256 key is announced. Run: idp key init" in idp.refused("key", "rotate", "--alg", "ES256")
    idp.does("key", "init")
    assert stages(idp) == ["active", "announced"]


def test_an_algorithm_that_we_do_not_sign_with_is_wrong_usage(idp: Operator) -> None:
    assert idp("key", "rotate", "--alg", "HS256").exit_code == 2


def test_every_step_of_a_key_is_in_the_audit_log(idp: Operator, database: Database) -> None:
    idp.does("key", "init")
    retiring, following = kid(idp, "active"), kid(idp, "announced")
    idp.does("key", "rotate", "--alg", "ES256", "--at-once")
    idp.does("key", "retire", retiring)

    with database.read() as connection:
        events = audit.latest(connection, 100)
    steps = {(event.event, (event.detail or {})["kid"]) for event in events}
    assert {
        ("key.active", retiring),
        ("key.announced", following),
        ("key.retiring", retiring),
        ("key.active", following),
        ("key.retired", retiring),
    } <= steps
