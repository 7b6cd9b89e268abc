"""Column types that mean the same on SQLite and PostgreSQL.

`DateTime(timezone=True)` loses its zone on SQLite; JSON becomes JSONB on PostgreSQL.
"""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, LargeBinary, String, Text, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

# Without the zone, which is always UTC. Fixed width, so that text order is time order on SQLite.
_TEXT_LENGTH = len("2026-11-23T07:00:00.000000")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC: `timestamptz` on PostgreSQL, ISO 8601 text of fixed width on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, the driver's own type elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(_TEXT_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 - the driver's
        """Refuse naive times; normalise to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        value = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return value.isoformat(timespec="microseconds")[:_TEXT_LENGTH]
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - the driver's
        """An aware datetime in UTC."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        return value.astimezone(UTC)  # type: ignore[no-any-return]  # psycopg returns datetime


class Words(TypeDecorator[tuple[str, ...]]):
    """Words without spaces (scopes, amr values), kept in order in one text column."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        """Sets are sorted, so that equal scopes are equal text."""
        if value is None:
            return None
        return " ".join(sorted(value) if isinstance(value, (set, frozenset)) else value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:  # noqa: ARG002
        """The words in stored order."""
        return None if value is None else tuple(value.split())


class Choice(TypeDecorator[StrEnum]):
    """A closed choice, stored as its text."""

    impl = String
    cache_ok = True

    def __init__(self, choices: type[StrEnum], length: int = 32) -> None:
        super().__init__(length)
        self.choices = choices

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        """Only members go in."""
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """The member."""
        return None if value is None else self.choices(value)


class Json(TypeDecorator[Any]):
    """A JSON value: JSONB on PostgreSQL, text on SQLite. `None` is NULL, never the JSON null."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSONB where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401 - any JSON value
        """Compact text on SQLite; PostgreSQL's own processor writes its JSON."""
        if dialect.name == "postgresql" or value is None:
            return value
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401 - any JSON value
        """The value."""
        return value if dialect.name == "postgresql" or value is None else json.loads(value)


def Digest() -> LargeBinary:  # noqa: N802 - it reads as a type in the column lists
    """SHA-256 of a secret: 32 bytes."""
    return LargeBinary(32)


def Identifier() -> Uuid[Any]:  # noqa: N802 - the same
    """A UUID: native on PostgreSQL, 32 hexadecimal digits on SQLite."""
    return Uuid(as_uuid=True)
