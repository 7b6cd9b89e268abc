"""A module of `idp.db` that is imported without the others knows the types of its own columns.

A foreign key written as text takes its type from a table that may not have been imported yet; a statement
compiled before that binds, say, a UUID as it is, which one database stores as something else.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

import idp.db
from idp.db.statement import Effect

MODULES = [f"idp.db.{module.name}" for module in iter_modules(idp.db.__path__)]

# A fork for each module, from an interpreter that has loaded what they all need and no table: a fresh
# interpreter for each would take a minute.
ALONE = """
import json, os, sys
from tests.db import test_alone

for name in json.loads(sys.argv[1]):
    if os.fork() == 0:
        print(json.dumps([name, test_alone.types_in(name)]), flush=True)
        os._exit(0)
    os.wait()
"""


def types_in(name: str) -> dict[str, list[str]]:
    """The types of all values that go into and come out of each statement of a module."""
    found = {}
    for named, value in vars(import_module(name)).items():
        statement = value.get("sqlite") if isinstance(value, dict) else value
        if isinstance(statement, Effect):
            found[named] = _types(statement)
    return found


def _types(statement: Effect) -> list[str]:
    keys = statement._column_keys()  # noqa: SLF001 - what it is compiled with
    compiled: Any = statement._clause.compile(dialect=sqlite.dialect(), column_keys=keys)  # noqa: SLF001
    assert isinstance(compiled, SQLCompiler)
    # Without names: those of constants are different in each process.
    values = [repr(value.type) for value in compiled.binds.values()]
    return values + [repr(column.type) for column in compiled._result_columns]  # noqa: SLF001 - no public name


def test_a_module_alone_types_its_values_as_it_does_beside_all_others() -> None:
    import_module("idp.db.tables")
    beside: Mapping[str, object] = {name: types_in(name) for name in MODULES}

    ran = subprocess.run(
        [sys.executable, "-c", ALONE, json.dumps(MODULES)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    alone = dict(json.loads(line) for line in ran.stdout.splitlines())

    assert len(alone) > 30
    assert alone == beside
