"""What the product does to the database, seen from outside: nothing is replaced, everything still happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from idp.db import Connection

T = TypeVar("T")


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that runs meanwhile, in order; values are bound, so the text has none."""
    seen: list[str] = []
    execute = Connection.execute

    def watched(self: Connection, sql: str, values: Any, take: Callable[[Any], T]) -> T:  # noqa: ANN401 - the driver's
        seen.append(sql)
        return execute(self, sql, values, take)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "execute", watched)
        yield seen
