import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli import COMMANDS, main
from tests.cli.conftest import Operator

HEAVY = ("sqlalchemy", "flask", "authlib", "alembic", "cryptography", "joserfc")


def test_help_lists_every_command_and_the_exit_codes() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)
    assert "0 (done), 1 (refused, nothing changed) or 2 (wrong usage or" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from idp.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_help_that_the_list_of_commands_gives(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"], catch_exceptions=False)

    assert result.exit_code == 0
    assert f"Usage: main {name}" in result.stdout


def test_a_command_that_does_not_exist_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["clients"])

    assert result.exit_code == 2
    assert "No such command 'clients'" in result.stderr


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "idp", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("idp, version ")


def test_all_wrong_settings_are_told_at_once_with_their_remedies(idp_of_nothing: Operator) -> None:
    idp_of_nothing.settings = {"IDP_ISSUER": "http://id.example.nhs.uk", "IDP_ISUER": "x"}

    result = idp_of_nothing("client", "list")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "IDP_ISSUER: 'http://id.example.nhs.uk' is not encrypted. Use https" in result.stderr
    assert "IDP_ISUER is not a setting. Did you mean IDP_ISSUER?" in result.stderr
    assert "IDP_DATABASE_URL is not set. Set it to sqlite:" in result.stderr
    assert "IDP_KEYS_DIR is not set. Set it to the folder that idp key init made." in result.stderr


def test_wrong_settings_are_a_json_document_when_asked(idp_of_nothing: Operator) -> None:
    del idp_of_nothing.settings["IDP_KEYS_DIR"]

    assert idp_of_nothing.json("client", "list", exit_code=2) == {
        "error": "The settings will not do.",
        "problems": [
            {"message": "IDP_KEYS_DIR is not set. Set it to the folder that idp key init made."},
        ],
    }


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_the_folder_of_a_demo_is_named_before_or_after_the_command_or_in_the_environment(
    idp: Operator, tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    lines = (f"{name}={value}\n" for name, value in idp.settings.items())
    (folder / "settings.env").write_text("".join(lines), encoding="utf-8")
    idp.settings = {"IDP_DATA": str(folder)} if place == "environment" else {}
    command = {
        "before": ("--data", folder, "employer", "list"),
        "after": ("employer", "list", "--data", folder),
        "environment": ("employer", "list"),
    }[place]

    assert idp.does(*command) == "CODE  NAME  ODS  LOCALITY  SERVICE DESK\n"


def test_a_database_that_was_never_made_says_how_to_make_it(idp_of_nothing: Operator) -> None:
    assert idp_of_nothing.refused("client", "list") == (
        "The database cannot be used: There is no database yet. Run: idp db upgrade\n"
    )


def test_a_database_that_does_not_answer_is_told_without_a_traceback(
    idp_of_nothing: Operator, tmp_path: Path
) -> None:
    idp_of_nothing.settings["IDP_DATABASE_URL"] = f"postgresql+psycopg://idp@/idp?host={tmp_path}"

    assert idp_of_nothing.refused("client", "list").startswith("The database cannot be used: connection")


def test_keys_that_others_may_read_are_refused_with_the_remedy(idp: Operator, tmp_path: Path) -> None:
    (tmp_path / "keys" / "master.key").chmod(0o644)

    assert "Run `chmod 600" in idp.refused("key", "init")
