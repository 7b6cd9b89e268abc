import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)

import idp.db
from idp.db import Connection, Database
from idp.db.engine import migration_engine
from idp.db.statement import Effect, Statement
from idp.db.tables import TABLES
from idp.db.types import Choice, Digest, Identifier, Json, UtcDateTime, Words


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


samples = Table(
    "samples",
    MetaData(),
    Column("key", Integer, primary_key=True),
    Column("at", UtcDateTime),
    Column("json", Json),
    Column("identifier", Identifier()),
    Column("digest", Digest()),
    Column("binary", LargeBinary),
    Column("day", Date),
    Column("words", Words),
    Column("choice", Choice(Colour)),
    Column("flag", Boolean),
    Column("number", Integer),
    Column("big", BigInteger),
    Column("short", String(64)),
    Column("long", Text),
)
NOTHING = dict.fromkeys([column.name for column in samples.c if column.name != "key"])

# What goes in, and what comes out again where it is not the same.
VALUES = [
    ("at", datetime(2026, 11, 23, 7, 0, 0, 123456, tzinfo=UTC), None),
    ("at", datetime(2026, 11, 23, 7, 0, tzinfo=UTC), None),
    ("at", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), None),
    ("at", datetime(9999, 12, 31, tzinfo=UTC), None),
    (
        "at",
        datetime(2026, 6, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 5, 31, 23, 30, tzinfo=UTC),
    ),
    ("json", {"client_name": "Ysbyty Gŵyr 🏥", "n": [1, 2.5, True, None, "a\u2028b"]}, None),
    ("json", [], None),
    ("json", "a word", None),
    ("json", 0, None),
    ("json", False, None),
    ("identifier", uuid.UUID("01234567-89ab-4def-8123-456789abcdef"), None),
    ("digest", bytes(range(32)), None),
    ("binary", b"", None),
    ("binary", b"\x00\xff", None),
    ("day", date(1984, 2, 29), None),
    ("day", date(2026, 11, 23), None),
    ("words", ("openid", "email"), None),
    ("words", frozenset({"openid", "email"}), ("email", "openid")),
    ("words", (), None),
    ("choice", Colour.BLUE, None),
    ("choice", "red", Colour.RED),
    ("flag", True, None),
    ("flag", False, None),
    ("number", -1, None),
    ("big", 2**63 - 1, None),
    ("short", "ŵ", None),
    ("long", "100 %s of 'em; \\ \" \n 🏥", None),
    ("long", "", None),
]


NULLS = [(name, None, None) for name in NOTHING]


@contextmanager
def _samples(url: str) -> Iterator[Engine]:
    """Plain SQLAlchemy on a database that has the table."""
    engine = migration_engine(url)
    with engine.begin() as connection:
        samples.create(connection)
    yield engine


def _row(*values: object) -> tuple[object, ...]:
    return values


ADD = Effect(insert(samples))
FIND = Statement(select(samples).where(samples.c.key == bindparam("k")), _row)


@pytest.mark.parametrize(
    ("column", "value", "comes_back"), [*VALUES, *((name, None, None) for name in NOTHING)]
)
def test_a_value_is_stored_and_read_as_plain_core_does_it(
    database: Database, column: str, value: object, comes_back: object
) -> None:
    row = {**NOTHING, column: value}
    with _samples(database.url) as core:
        with core.begin() as plain:
            plain.execute(insert(samples), {"key": 1, **row})
        with database.write() as connection:
            ADD.run(connection, key=2, **row)

        # Both wrote the same, and both read the same.
        for_core = select(samples).where(samples.c.key == bindparam("k"))
        with core.connect() as plain, database.read() as connection:
            by_core = [tuple(plain.execute(for_core, {"k": key}).one())[1:] for key in (1, 2)]
            by_us = [_values(FIND.first(connection, k=key)) for key in (1, 2)]
            stored = [_raw(connection, column, key) for key in (1, 2)]

    assert stored[0] == stored[1]
    assert by_core[0] == by_core[1] == by_us[0] == by_us[1]
    read = dict(zip(NOTHING, by_us[0], strict=True))
    assert read == {**NOTHING, column: value if comes_back is None else comes_back}
    assert type(read[column]) is type(value if comes_back is None else comes_back)


def _values(row: tuple[object, ...] | None) -> tuple[object, ...]:
    assert row is not None
    return row[1:]


def _raw(connection: Connection, column: str, key: int) -> object:
    """What is in the database, as its driver sees it."""
    place = "?" if connection.dialect.name == "sqlite" else "%s"
    return connection.execute(
        f'SELECT "{column}" FROM samples WHERE key = {place}',  # noqa: S608 - names of this module
        (key,),
        lambda cursor: cursor.fetchone(),
    )


@pytest.mark.parametrize(("column", "value", "comes_back"), [row for row in VALUES if row[0] != "json"])
def test_a_value_is_found_by_equality_and_comes_back_from_an_update(
    database: Database, column: str, value: object, comes_back: object
) -> None:
    of = samples.c[column]
    change = Statement(
        update(samples)
        .where(of == bindparam("old"))
        .values(number=bindparam("n"))
        .returning(of, samples.c.number),
        _row,
    )
    with _samples(database.url), database.write() as connection:
        ADD.run(connection, key=1, **{**NOTHING, column: value})
        new = 7
        changed = change.first(connection, old=value, n=new)

    expected = value if comes_back is None else comes_back
    assert changed == ((new if column == "number" else expected), new)


def test_times_are_compared_as_times(database: Database) -> None:
    before = Statement(
        select(samples.c.key).where(samples.c.at < bindparam("at")).order_by(samples.c.at), int
    )
    moment = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    with _samples(database.url), database.write() as connection:
        for key, microseconds in enumerate([0, 1, 10, 100_000, 999_999]):
            ADD.run(
                connection, **{**NOTHING, "key": key, "at": moment + timedelta(microseconds=microseconds)}
            )

        assert before.all(connection, at=moment + timedelta(microseconds=100_000)) == [0, 1, 2]
        summer_time = timezone(timedelta(hours=1))
        assert before.all(connection, at=moment.astimezone(summer_time)) == []


def test_none_is_the_null_of_the_database_and_never_of_json(database: Database) -> None:
    nulls = Statement(select(func.count()).select_from(samples).where(samples.c.json.is_(None)), int)
    with _samples(database.url), database.write() as connection:
        ADD.run(connection, key=1, **NOTHING)

        assert nulls.first(connection) == 1


def test_a_naive_time_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 23, 7, 0)  # noqa: DTZ001 - the point of it
    with (
        _samples(database.url),
        database.write() as connection,
        pytest.raises(ValueError, match="without a zone"),
    ):
        ADD.run(connection, **{**NOTHING, "key": 1, "at": naive})


def test_only_members_of_a_choice_are_stored(database: Database) -> None:
    with (
        _samples(database.url),
        database.write() as connection,
        pytest.raises(ValueError, match="green"),
    ):
        ADD.run(connection, **{**NOTHING, "key": 1, "choice": "green"})


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="a value is missing"),
        pytest.param({"k": 1, "also": 2}, id="there is one too many"),
        pytest.param({"key": 1}, id="a value has another name"),
    ],
)
def test_values_that_do_not_fit_the_statement_are_refused(
    database: Database, values: dict[str, object]
) -> None:
    with _samples(database.url), database.read() as connection, pytest.raises(TypeError, match="do not fit"):
        FIND.first(connection, **values)


def test_an_insert_wants_every_column(database: Database) -> None:
    with _samples(database.url), database.write() as connection, pytest.raises(TypeError, match="do not fit"):
        ADD.run(connection, key=1)


def test_an_insert_of_named_columns_leaves_the_others_alone(database: Database) -> None:
    add = Effect(insert(samples), columns=["key", "short"])
    with _samples(database.url), database.write() as connection:
        assert add.run(connection, key=1, short="ŵ") == 1

        assert FIND.first(connection, k=1) == (1, *{**NOTHING, "short": "ŵ"}.values())


def test_an_effect_tells_how_many_rows_it_touched(database: Database) -> None:
    flag = Effect(update(samples).where(samples.c.key > bindparam("k")).values(flag=True))
    with _samples(database.url), database.write() as connection:
        for key in range(3):
            ADD.run(connection, **{**NOTHING, "key": key})

        assert flag.run(connection, k=0) == 2
        assert flag.run(connection, k=5) == 0


def test_a_statement_without_a_row_answers_none_or_nothing(database: Database) -> None:
    with _samples(database.url), database.read() as connection:
        assert FIND.first(connection, k=1) is None
        assert FIND.all(connection, k=1) == []


def test_a_name_may_stand_in_a_statement_twice(database: Database) -> None:
    find = Statement(
        select(samples.c.key)
        .where(samples.c.number == bindparam("n"))
        .where(samples.c.big == bindparam("n")),
        int,
    )
    with _samples(database.url), database.write() as connection:
        ADD.run(connection, **{**NOTHING, "key": 1, "number": 5, "big": 5})

        assert find.first(connection, n=5) == 1


def _statements(dialect: str) -> Iterator[Effect]:
    """Every statement of `idp.db`, in its form for this database."""
    for module in iter_modules(idp.db.__path__):
        for value in vars(import_module(f"idp.db.{module.name}")).values():
            statement = value.get(dialect) if isinstance(value, dict) else value
            if isinstance(statement, Effect):
                yield statement


def test_every_statement_of_the_product_compiles(database: Database) -> None:
    compiled = [
        statement._compile(database.dialect)  # noqa: SLF001 - no connection is needed for it
        for statement in _statements(database.dialect.name)
    ]

    assert len(compiled) > 50
    assert not [each.sql for each in compiled if "POSTCOMPILE" in each.sql]


def test_every_column_type_of_the_schema_is_compared_with_core() -> None:
    of_schema = {type(column.type) for table in TABLES for column in table.c}

    assert of_schema <= {type(column.type) for column in samples.c}
