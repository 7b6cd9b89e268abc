import re
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import idp

ROOT = Path(__file__).parents[2]
# A line of the map: the name, then what it does. What runs on is indented further.
_ENTRY = re.compile(r"^ {4}(\w+) {2,}\S", re.MULTILINE)


def test_imports_only_go_where_the_contracts_allow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)

    status = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)

    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_imports_go_round_in_a_circle() -> None:
    graph = grimp.build_graph("idp", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    assert [*TopologicalSorter(imports).static_order()]


def test_the_map_of_the_package_names_what_there_is() -> None:
    package = Path(idp.__file__).parent
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in package.glob("*/__init__.py")}

    named = _ENTRY.findall(idp.__doc__ or "")

    assert sorted(named) == sorted(modules | packages)
