"""NHS organisations that employ people."""

from dataclasses import dataclass

from sqlalchemy import Column, String, Table, Text, bindparam, insert, select

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement


@dataclass(frozen=True, slots=True, kw_only=False)
class Employer:
    """An employer: three-digit code, name, ODS code, where it is, and whom its staff call for help."""

    code: str
    name: str
    ods_code: str | None
    locality: str | None
    service_desk: str | None


employers = Table(
    "employers",
    metadata,
    Column("code", String(3), primary_key=True),
    Column("name", Text, nullable=False),
    Column("ods_code", String(16)),
    Column("locality", Text),
    Column("service_desk", Text),
)

_ADD = Effect(insert(employers))
_FIND = Statement(select(employers).where(employers.c.code == bindparam("code")), Employer)
_ALL = Statement(select(employers).order_by(employers.c.code), Employer)


def add(connection: Connection, employer: Employer) -> None:
    """Add an employer. Raises `Conflict` when its code is taken."""
    _ADD.run(
        connection,
        code=employer.code,
        name=employer.name,
        ods_code=employer.ods_code,
        locality=employer.locality,
        service_desk=employer.service_desk,
    )


def find(connection: Connection, code: str) -> Employer | None:
    """The employer with that code."""
    return _FIND.first(connection, code=code)


def every(connection: Connection) -> list[Employer]:
    """All employers, by code."""
    return _ALL.all(connection)
