"""Add people who join an employer, each with an account of their own there.

A person is found again by email address and date of birth, so one person may have an account at each of
several employers. An account begins `pending`, without a password: its owner activates it by a mailed link,
which is queued in the transaction that adds the account.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from idp.accounts import text
from idp.db import Connection, account, audit, employer, password_history, person
from idp.db.account import Account, AccountState
from idp.db.audit import AuditEvent
from idp.db.person import Person
from idp.policy import email_address
from idp.policy import username as usernames
from idp.policy.event_name import EventName
from idp.policy.metadata_reader import Problem
from idp.services.randomness import Randomness

FIELDS = (
    "employer",
    "given_name",
    "family_name",
    "email",
    "date_of_birth",
    "username",
    "job_title",
    "locality",
    "language",
)
"""What is said of a joiner, under the names that files and options use."""

Invite = Callable[[Connection, UUID, datetime], None]
"""Queues the welcome letter of an account, with a link to activate it: `Recovery.invite`."""

NEEDED = ("employer", "family_name", "email", "date_of_birth")

_LANGUAGES = ("en", "cy")
_EMPLOYER = re.compile(r"[0-9]{3}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_NAMESAKES = 999
_OLDEST = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Joiner:
    """Someone who joins an employer. A mononym has no given name; without a username one is derived."""

    employer: str
    given_name: str | None
    family_name: str
    email: str
    date_of_birth: date
    username: str | None = None
    job_title: str | None = None
    locality: str | None = None
    language: str = "en"

    @property
    def name(self) -> str:
        """The name as it is read out."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


@dataclass(frozen=True, slots=True)
class Password:
    """A password that was chosen for set-up, as its hash; `must_change` asks for another at sign-in."""

    phc: str
    must_change: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """The new account, and its person, who may have been on record before."""

    account: Account
    person: Person
    is_new_person: bool


@dataclass(slots=True)
class Arrivals:
    """The joiners of one list, so that later ones are compared with earlier ones before any is stored.

    `numbers` remembers for each username without its number where the search for a free one goes on.
    """

    people: dict[tuple[str, date], Person] = field(default_factory=dict)
    employments: dict[tuple[UUID, str], str] = field(default_factory=dict)
    usernames: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    employers: dict[str, bool] = field(default_factory=dict)


def read(fields: Mapping[str, str | None], today: date) -> Joiner | tuple[Problem, ...]:
    """A joiner from text fields, or everything that is wrong with them; an empty field counts as absent."""
    said = {name: text.tidy(fields.get(name)) for name in FIELDS}
    problems = [
        Problem(name, wrong)
        for name, value in said.items()
        if (wrong := _problem(name, value, today)) is not None
    ]
    if problems:
        return tuple(problems)
    typed = said["username"]
    joiner = Joiner(
        employer=said["employer"] or "",
        given_name=said["given_name"],
        family_name=said["family_name"] or "",
        email=said["email"] or "",
        date_of_birth=date.fromisoformat(said["date_of_birth"] or ""),
        username=None if typed is None else usernames.normalise(typed),
        job_title=said["job_title"],
        locality=said["locality"],
        language=said["language"] or "en",
    )
    if joiner.username is not None and not joiner.username.startswith(joiner.employer):
        return (Problem("username", f"does not begin with the employer's code {joiner.employer}"),)
    return joiner


def plan(
    connection: Connection, joiner: Joiner, arrivals: Arrivals, randomness: Randomness, now: datetime
) -> Joined | tuple[Problem, ...]:
    """Decide person and username by what is on record and who arrived before; nothing is stored."""
    if not _is_employer(connection, joiner.employer, arrivals):
        remedy = "is not on record; run idp employer list, or idp employer add"
        return (Problem("employer", f"{joiner.employer} {remedy}"),)
    known = _person(connection, joiner, arrivals)
    if isinstance(known, Problem):
        return (known,)
    problem = None if known is None else _employment_problem(connection, known, joiner, arrivals)
    username = _username(connection, joiner, arrivals)
    problems = tuple(found for found in (problem, username) if isinstance(found, Problem))
    if problems or isinstance(username, Problem):
        return problems
    owner = known or _new_person(joiner, randomness, now)
    joined = Joined(_new_account(joiner, owner, username, randomness, now), owner, known is None)
    _remember(arrivals, joiner, joined)
    return joined


def store(
    connection: Connection,
    joined: Joined,
    randomness: Randomness,
    now: datetime,
    password: Password | None = None,
    invite: Invite | None = None,
) -> Joined:
    """Store what was planned, and invite whoever has an account to activate; what was stored.

    Raises `Conflict` when someone else took the username.
    """
    if joined.is_new_person:
        person.add(connection, joined.person)
    row = joined.account if password is None else _activated(joined.account, password, now)
    account.add(connection, row)
    if password is not None:
        password_history.add(connection, randomness.uuid(), row.id, password.phc, now)
    detail = {"username": row.username, "state": row.state.value, "new_person": joined.is_new_person}
    audit.record(
        connection, AuditEvent(at=now, event=EventName.ACCOUNT_ADDED, account_id=row.id, detail=detail)
    )
    if invite is not None and row.state is AccountState.PENDING:
        invite(connection, row.id, now)
    return replace(joined, account=row)


def add(
    connection: Connection,
    joiner: Joiner,
    randomness: Randomness,
    now: datetime,
    *,
    password: Password | None = None,
    invite: Invite | None = None,
) -> Joined | tuple[Problem, ...]:
    """Add one joiner, with a password or `pending`; see `store`."""
    planned = plan(connection, joiner, Arrivals(), randomness, now)
    if isinstance(planned, tuple):
        return planned
    return store(connection, planned, randomness, now, password, invite)


def _problem(name: str, value: str | None, today: date) -> str | None:
    if value is None:
        return _MISSING.get(name)
    wrong = text.problem(value)
    if wrong is not None or name not in _CHECKS:
        return wrong
    return _CHECKS[name](value, today)


_MISSING = {
    "employer": "is missing; write the employer's three digits, such as 918",
    "family_name": "is missing; someone with a single name has it here, without a given_name",
    "email": "is missing; write the work address",
    "date_of_birth": "is missing; write it like 1984-02-29",
}


def _employer_problem(value: str, _today: date) -> str | None:
    if _EMPLOYER.fullmatch(value):
        return None
    return f"{value} is not an employer's code; write its three digits, such as 918"


def _name_problem(value: str, _today: date) -> str | None:
    if any(character.isalpha() for character in value):
        return None
    return f"{value} has no letter; write the name as its owner does"


def _email_problem(value: str, _today: date) -> str | None:
    if email_address.is_address(value):
        return None
    return f"{value} is not an email address; write it like first.last@domain.com"


def _date_problem(value: str, today: date) -> str | None:
    if not _DATE.fullmatch(value):
        return f"{value} is not a date; write year, month and day like 1984-02-29"
    try:
        born = date.fromisoformat(value)
    except ValueError:
        return f"{value} is not in the calendar"
    return None if _OLDEST <= born < today else f"{value} is not a day on which someone on the staff was born"


def _username_problem(value: str, _today: date) -> str | None:
    if usernames.normalise(value) is not None:
        return None
    return f"{value} is not a username; write it like 918JSMITH01, or leave it out to have one made"


def _language_problem(value: str, _today: date) -> str | None:
    return None if value in _LANGUAGES else f"{value} is not a language we have; write en or cy"


_CHECKS: Mapping[str, Callable[[str, date], str | None]] = {
    "employer": _employer_problem,
    "given_name": _name_problem,
    "family_name": _name_problem,
    "email": _email_problem,
    "date_of_birth": _date_problem,
    "username": _username_problem,
    "language": _language_problem,
}


def _is_employer(connection: Connection, code: str, arrivals: Arrivals) -> bool:
    if code not in arrivals.employers:
        arrivals.employers[code] = employer.find(connection, code) is not None
    return arrivals.employers[code]


def _person(connection: Connection, joiner: Joiner, arrivals: Arrivals) -> Person | Problem | None:
    """The person on record; a problem when someone else has that address and date of birth."""
    here = arrivals.people.get(_identity(joiner))
    matches = [here] if here is not None else person.find_same(connection, joiner.email, joiner.date_of_birth)
    if not matches:
        return None
    for match in matches:
        if match.name.casefold() == joiner.name.casefold():
            return match
    return Problem(
        "email",
        f"and date of birth are those of {matches[0].name}, not of {joiner.name}; "
        "give each person an address of their own, and one person the same name everywhere",
    )


def _employment_problem(
    connection: Connection, known: Person, joiner: Joiner, arrivals: Arrivals
) -> Problem | None:
    username = arrivals.employments.get((known.id, joiner.employer))
    if username is None:
        held = (
            row for row in account.of_person(connection, known.id) if row.employer_code == joiner.employer
        )
        username = next((row.username for row in held), None)
    if username is None:
        return None
    return Problem(
        "email", f"{joiner.email} has the account {username} at employer {joiner.employer} already"
    )


def _username(connection: Connection, joiner: Joiner, arrivals: Arrivals) -> str | Problem:
    if joiner.username is not None:
        if _is_taken(connection, joiner.username, arrivals):
            return Problem("username", f"{joiner.username} is taken; leave it out to have one made")
        return joiner.username
    first = usernames.derive(joiner.employer, joiner.given_name, joiner.family_name, 1)
    if first is None:
        return Problem("username", "cannot be made from a name without letters like A to Z; choose one")
    for number in range(arrivals.numbers.get(first, 1), _MOST_NAMESAKES + 1):
        made = usernames.derive(joiner.employer, joiner.given_name, joiner.family_name, number)
        if made is not None and not _is_taken(connection, made, arrivals):
            arrivals.numbers[first] = number + 1
            return made
    return Problem("username", f"cannot be made: all of {first} to {first[:-2]}{_MOST_NAMESAKES} are taken")


def _is_taken(connection: Connection, username: str, arrivals: Arrivals) -> bool:
    return username in arrivals.usernames or account.find(connection, username) is not None


def _new_person(joiner: Joiner, randomness: Randomness, now: datetime) -> Person:
    return Person(
        id=randomness.uuid(),
        given_name=joiner.given_name,
        family_name=joiner.family_name,
        email=joiner.email,
        second_email=None,
        second_email_verified_at=None,
        date_of_birth=joiner.date_of_birth,
        language=joiner.language,
        created_at=now,
    )


def _new_account(
    joiner: Joiner, owner: Person, username: str, randomness: Randomness, now: datetime
) -> Account:
    return Account(
        id=randomness.uuid(),
        person_id=owner.id,
        employer_code=joiner.employer,
        username=username,
        job_title=joiner.job_title,
        locality=joiner.locality,
        state=AccountState.PENDING,
        password_hash=None,
        password_changed_at=None,
        ends_on=None,
        created_at=now,
        last_sign_in_at=None,
    )


def _activated(row: Account, password: Password, now: datetime) -> Account:
    state = AccountState.MUST_CHANGE_PASSWORD if password.must_change else AccountState.ACTIVE
    return replace(row, state=state, password_hash=password.phc, password_changed_at=now)


def _remember(arrivals: Arrivals, joiner: Joiner, joined: Joined) -> None:
    arrivals.people[_identity(joiner)] = joined.person
    arrivals.employments[joined.person.id, joiner.employer] = joined.account.username
    arrivals.usernames.add(joined.account.username)


def _identity(joiner: Joiner) -> tuple[str, date]:
    return joiner.email.lower(), joiner.date_of_birth
