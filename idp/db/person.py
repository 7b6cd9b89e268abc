"""People. A person may have several accounts, one for each employment."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, Date, Index, String, Table, Text, bindparam, func, insert, select, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Identifier, UtcDateTime


@dataclass(frozen=True, slots=True)
class Person:
    """Someone on the staff. A mononym has no given name. The mail addresses are as on record."""

    id: UUID
    given_name: str | None
    family_name: str
    email: str
    second_email: str | None
    second_email_verified_at: datetime | None
    date_of_birth: date
    language: str
    created_at: datetime

    @property
    def name(self) -> str:
        """The name as it is read out."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


people = Table(
    "people",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("given_name", Text),
    Column("family_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("second_email", Text),
    Column("second_email_verified_at", UtcDateTime),
    Column("date_of_birth", Date, nullable=False),
    Column("language", String(2), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Index("ix_people_email", func.lower(people.c.email))

_ADD = Effect(insert(people))
_FIND = Statement(select(people).where(people.c.id == bindparam("id")), Person)
_FIND_SAME = Statement(
    select(people)
    .where(func.lower(people.c.email) == bindparam("email"))
    .where(people.c.date_of_birth == bindparam("date_of_birth"))
    .order_by(people.c.created_at),
    Person,
)
_HAS_EMAIL = Statement(
    select(people.c.id).where(func.lower(people.c.email) == bindparam("email")).limit(1), lambda _: True
)

_SET_LANGUAGE = Effect(
    update(people)
    .where(people.c.id == bindparam("person"))
    .where(people.c.language != bindparam("chosen"))
    .values(language=bindparam("chosen"))
)


def add(connection: Connection, person: Person) -> None:
    """Add a person."""
    _ADD.run(
        connection,
        id=person.id,
        given_name=person.given_name,
        family_name=person.family_name,
        email=person.email,
        second_email=person.second_email,
        second_email_verified_at=person.second_email_verified_at,
        date_of_birth=person.date_of_birth,
        language=person.language,
        created_at=person.created_at,
    )


def find(connection: Connection, person_id: UUID) -> Person | None:
    """The person with that id."""
    return _FIND.first(connection, id=person_id)


def find_same(connection: Connection, email: str, date_of_birth: date) -> list[Person]:
    """People with that mail address (ASCII case aside) and date of birth, oldest record first."""
    return _FIND_SAME.all(connection, email=email.lower(), date_of_birth=date_of_birth)


def has_email(connection: Connection, email: str) -> bool:
    """Whether anybody has that mail address (ASCII case aside)."""
    return _HAS_EMAIL.first(connection, email=email.lower()) is not None


def set_language(connection: Connection, person_id: UUID, language: str) -> bool:
    """Write to a person in this language from now on. False when that was so."""
    return _SET_LANGUAGE.run(connection, person=person_id, chosen=language) == 1
