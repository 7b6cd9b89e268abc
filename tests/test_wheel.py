"""What is installed: the wheel carries what a checkout has beside the package, and no key ever."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("folder", ["templates", "migrations", "examples"])
def test_what_stands_beside_the_package_is_inside_when_installed(names: set[str], folder: str) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert tracked
    assert {f"idp/{path}" for path in tracked} <= names


def test_static_files_and_the_welsh_words_are_inside(names: set[str]) -> None:
    assert "idp/web/static/idp.css" in names
    assert "idp/translations/cy/LC_MESSAGES/messages.mo" in names


def test_no_key_and_no_test_is_inside(names: set[str]) -> None:
    assert [
        name for name in names if name.startswith(("keys", "tests", "bench")) or name.endswith(".key")
    ] == []
