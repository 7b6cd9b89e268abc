"""A Core statement, compiled once per database and executed on the driver.

SQLAlchemy writes the SQL and converts the values; what is left out is the work it repeats at every call
(cache key, context, result metadata), which costs more than the query on a hot path. The driver sees the
same SQL, and each value passes through the same bind and result processors as plain Core gives it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Insert
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from idp.db.engine import Connection

T = TypeVar("T")
Processor = Callable[[Any], Any]

_ROWCOUNT: Callable[[Any], int] = attrgetter("rowcount")
_FETCH_ONE: Callable[[Any], Sequence[Any] | None] = methodcaller("fetchone")
_FETCH_ALL: Callable[[Any], list[Sequence[Any]]] = methodcaller("fetchall")


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    defaults: dict[str, Any]
    required: frozenset[str]
    order: tuple[str, ...] | None
    bind: dict[str, Processor]
    result: tuple[tuple[int, Processor], ...]


class Effect:
    """A statement that is run for what it changes.

    An INSERT without explicit values takes every column of its table, or those named in `columns`.
    """

    def __init__(self, clause: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._clause = clause
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, **values: object) -> int:
        """Execute; the number of rows it touched."""
        _, touched = self._execute(connection, values, _ROWCOUNT)
        return touched

    def _execute(
        self, connection: Connection, values: dict[str, object], take: Callable[[Any], T]
    ) -> tuple[_Compiled, T]:
        compiled = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        bound = {**compiled.defaults, **values}
        if bound.keys() != compiled.required:
            raise TypeError(
                f"Values {sorted(bound)} do not fit {sorted(compiled.required)} of {compiled.sql}"
            )
        for name, process in compiled.bind.items():
            bound[name] = process(bound[name])
        if compiled.order is not None:
            return compiled, connection.execute(compiled.sql, [bound[name] for name in compiled.order], take)
        return compiled, connection.execute(compiled.sql, bound, take)

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._clause.compile(dialect=dialect, column_keys=self._column_keys())
        if not isinstance(compiled, SQLCompiler):  # pragma: no cover - only DDL compiles to anything else
            raise TypeError("Only SQL statements can be prepared.")
        self._compiled[dialect.name] = prepared = _Compiled(
            sql=compiled.string,
            defaults={
                name: bind.value
                for name, bind in compiled.binds.items()
                if not bind.required and (bind.value is not None or bind.callable is None)
            },
            required=frozenset(compiled.binds),
            # A name may stand several times in positional SQL: the driver wants a value for each.
            order=tuple(compiled.positiontup or ()) if compiled.positional else None,
            bind=cast("dict[str, Processor]", dict(compiled._bind_processors)),  # noqa: SLF001 - no public name
            result=tuple(
                (index, process)
                for index, column in enumerate(compiled._result_columns)  # noqa: SLF001 - the same
                if (process := column.type._cached_result_processor(dialect, None)) is not None  # noqa: SLF001
            ),
        )
        return prepared

    def _column_keys(self) -> Sequence[str] | None:
        if self._columns is not None:
            return self._columns
        if isinstance(self._clause, Insert) and self._clause.select is None and not self._clause._values:  # noqa: SLF001
            return [column.key for column in self._clause.table.columns]
        return None


class Statement(Effect, Generic[T]):
    """A statement that answers with rows. `into` makes a value from a row's columns in order."""

    def __init__(self, clause: ClauseElement, into: Callable[..., T]) -> None:
        super().__init__(clause)
        self._into = into

    def first(self, connection: Connection, **values: object) -> T | None:
        """The first row, or None."""
        compiled, row = self._execute(connection, values, _FETCH_ONE)
        return None if row is None else self._make(compiled, row)

    def all(self, connection: Connection, **values: object) -> list[T]:
        """Every row."""
        compiled, rows = self._execute(connection, values, _FETCH_ALL)
        return [self._make(compiled, row) for row in rows]

    def _make(self, compiled: _Compiled, row: Sequence[Any]) -> T:
        if compiled.result:
            values = list(row)
            for index, process in compiled.result:
                values[index] = process(values[index])
            row = values
        return self._into(*row)
