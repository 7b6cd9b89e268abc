"""Accounts: one person's employment at one employer, and the username that goes with it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from idp.db.base import metadata
from idp.db.employer import employers
from idp.db.engine import Connection
from idp.db.person import people
from idp.db.statement import Effect, Statement
from idp.db.types import Choice, Identifier, UtcDateTime

T = TypeVar("T")


class AccountState(StrEnum):
    """Where an account is in its life. Throttling is not a state of the account."""

    PENDING = "pending"
    ACTIVE = "active"
    MUST_CHANGE_PASSWORD = "must_change_password"  # noqa: S105 - the name of a state
    INACTIVE = "inactive"
    LEAVER = "leaver"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """An account. `id` is what relying parties see as `sub`; `ends_on` is the last day of employment."""

    id: UUID
    person_id: UUID
    employer_code: str
    username: str
    job_title: str | None
    locality: str | None
    state: AccountState
    password_hash: str | None
    password_changed_at: datetime | None
    ends_on: date | None
    created_at: datetime
    last_sign_in_at: datetime | None

    def may_sign_in(self, now: datetime) -> bool:
        """Whether a right password opens a session that is live."""
        return self.state is AccountState.ACTIVE and not self.has_ended(now)

    def is_closed(self, now: datetime) -> bool:
        """Whether nothing but an administrator opens it again: no link, no new password."""
        return self.state in {AccountState.DISABLED, AccountState.LEAVER} or self.has_ended(now)

    def has_ended(self, now: datetime) -> bool:
        """Whether the employment is over."""
        return self.ends_on is not None and self.ends_on < now.date()


@dataclass(frozen=True, slots=True)
class Profile:
    """What claims and pages say of an account and its person."""

    account_id: UUID
    person_id: UUID
    username: str
    job_title: str | None
    state: AccountState
    given_name: str | None
    family_name: str
    email: str
    language: str
    date_of_birth: date
    employer_code: str
    employer_name: str
    employer_ods_code: str | None
    service_desk: str | None

    @property
    def name(self) -> str:
        """The name as it is read out."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


accounts = Table(
    "accounts",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("person_id", ForeignKey(people.c.id), nullable=False, index=True),
    Column("employer_code", ForeignKey(employers.c.code), nullable=False, index=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("job_title", Text),
    Column("locality", Text),
    Column("state", Choice(AccountState), nullable=False),
    Column("password_hash", Text),
    Column("password_changed_at", UtcDateTime),
    Column("ends_on", Date),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_sign_in_at", UtcDateTime),
)

PROFILE_COLUMNS = (
    accounts.c.id,
    accounts.c.person_id,
    accounts.c.username,
    accounts.c.job_title,
    accounts.c.state,
    people.c.given_name,
    people.c.family_name,
    people.c.email,
    people.c.language,
    people.c.date_of_birth,
    employers.c.code,
    employers.c.name,
    employers.c.ods_code,
    employers.c.service_desk,
)

_ADD = Effect(insert(accounts))
_FIND = Statement(select(accounts).where(accounts.c.username == bindparam("name")), Account)
_FIND_BY_ID = Statement(select(accounts).where(accounts.c.id == bindparam("account_id")), Account)
_OF_PERSON = Statement(
    select(accounts).where(accounts.c.person_id == bindparam("person")).order_by(accounts.c.username), Account
)
_PROFILE = Statement(
    select(*PROFILE_COLUMNS)
    .join_from(accounts, people, accounts.c.person_id == people.c.id)
    .join(employers, accounts.c.employer_code == employers.c.code)
    .where(accounts.c.id == bindparam("account_id")),
    Profile,
)
_SEARCH = Statement(
    select(accounts)
    .join(people, accounts.c.person_id == people.c.id)
    .where(
        or_(
            accounts.c.username.contains(bindparam("upper"), escape="/"),
            func.lower(people.c.email).contains(bindparam("lower"), escape="/"),
            func.lower(people.c.family_name).contains(bindparam("lower"), escape="/"),
        )
    )
    .order_by(accounts.c.username)
    .limit(bindparam("count")),
    Account,
)
_SET_STATE = Effect(
    update(accounts)
    .where(accounts.c.id == bindparam("account_id"))
    .where(accounts.c.state == bindparam("before"))
    .values(state=bindparam("after"))
)
_SET_PASSWORD = Effect(
    update(accounts)
    .where(accounts.c.id == bindparam("account_id"))
    .where(accounts.c.state == bindparam("before"))
    .where(accounts.c.password_changed_at.is_not_distinct_from(bindparam("seen")))
    .values(
        password_hash=bindparam("phc"),
        password_changed_at=bindparam("at"),
        state=AccountState.ACTIVE,
    )
)
_REHASH = Effect(
    update(accounts)
    .where(accounts.c.id == bindparam("account_id"))
    # Only while nobody set another password since it was verified.
    .where(accounts.c.password_hash == bindparam("before"))
    .values(password_hash=bindparam("phc"))
)
_UNCHANGED = (
    update(accounts)
    .where(accounts.c.id == bindparam("account_id"))
    # Only while it still is what it was, with the password that was verified.
    .where(accounts.c.state == bindparam("before"))
    .where(
        or_(
            accounts.c.state == AccountState.ACTIVE,
            accounts.c.state == AccountState.MUST_CHANGE_PASSWORD,
        )
    )
    .where(accounts.c.password_changed_at.is_not_distinct_from(bindparam("verified")))
)
_SIGNED_IN = Effect(_UNCHANGED.values(last_sign_in_at=bindparam("at")))
_HOLD = Effect(_UNCHANGED.values(last_sign_in_at=accounts.c.last_sign_in_at))


def add(connection: Connection, account: Account) -> None:
    """Add an account. Raises `Conflict` when the username is taken."""
    _ADD.run(
        connection,
        id=account.id,
        person_id=account.person_id,
        employer_code=account.employer_code,
        username=account.username,
        job_title=account.job_title,
        locality=account.locality,
        state=account.state,
        password_hash=account.password_hash,
        password_changed_at=account.password_changed_at,
        ends_on=account.ends_on,
        created_at=account.created_at,
        last_sign_in_at=account.last_sign_in_at,
    )


def find(connection: Connection, username: str) -> Account | None:
    """The account with that normalised username."""
    return _FIND.first(connection, name=username)


def get(connection: Connection, account_id: UUID) -> Account:
    """The account with that id. LookupError when there is none."""
    return _got(_FIND_BY_ID.first(connection, account_id=account_id), account_id)


def of_person(connection: Connection, person_id: UUID) -> list[Account]:
    """All accounts of one person, by username."""
    return _OF_PERSON.all(connection, person=person_id)


def find_profile(connection: Connection, account_id: UUID) -> Profile | None:
    """What pages and claims say of the account."""
    return _PROFILE.first(connection, account_id=account_id)


def get_profile(connection: Connection, account_id: UUID) -> Profile:
    """The same. LookupError when there is no such account."""
    return _got(find_profile(connection, account_id), account_id)


def search(connection: Connection, text: str, limit: int) -> list[Account]:
    """Accounts whose username, mail address or family name contains the text."""
    literal = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return _SEARCH.all(connection, upper=literal.upper(), lower=literal.lower(), count=limit)


def set_state(connection: Connection, account_id: UUID, before: AccountState, after: AccountState) -> bool:
    """Move the account on, unless it has left `before` meanwhile."""
    return _SET_STATE.run(connection, account_id=account_id, before=before, after=after) == 1


def set_password(connection: Connection, account: Account, password_hash: str, now: datetime) -> bool:
    """Give the account a new password, and make it active.

    False when its state or its password changed since it was read. Until the transaction ends nobody else can
    change either.
    """
    touched = _SET_PASSWORD.run(
        connection,
        account_id=account.id,
        before=account.state,
        seen=account.password_changed_at,
        phc=password_hash,
        at=now,
    )
    return touched == 1


def rehash(connection: Connection, account_id: UUID, before: str, after: str) -> bool:
    """Store the same password under today's parameters, unless it was changed meanwhile."""
    return _REHASH.run(connection, account_id=account_id, before=before, phc=after) == 1


def signed_in(connection: Connection, account: Account, now: datetime) -> bool:
    """Remember when the account was last used. False when it was closed, or its password changed, meanwhile.

    It may be active, or due for a new password. Until the transaction ends nobody else can change either.
    """
    touched = _SIGNED_IN.run(
        connection,
        account_id=account.id,
        before=account.state,
        verified=account.password_changed_at,
        at=now,
    )
    return touched == 1


def hold(connection: Connection, account: Account) -> bool:
    """The same for a sign-in that is not complete: it leaves no trace on the account."""
    touched = _HOLD.run(
        connection, account_id=account.id, before=account.state, verified=account.password_changed_at
    )
    return touched == 1


def _got(found: T | None, account_id: UUID) -> T:
    if found is None:
        raise LookupError(f"There is no account {account_id}.")
    return found
