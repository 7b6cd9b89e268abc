"""Read what a person typed to be found by, and find whose accounts were meant.

The address is compared with the one on record, ASCII case aside, and so is the date of birth; a username
narrows it to one account, which must belong to whom the other two name. What was typed is kept encrypted
under the row it belongs to, as long as a letter can be sent again.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Self

from idp.accounts import known_device
from idp.db import Connection, account, person
from idp.db.account import Account
from idp.db.person import Person
from idp.policy import email_address
from idp.policy import username as usernames
from idp.policy.recovery import Kind
from idp.services.keys import MasterKeys

_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Cause(StrEnum):
    """Why a request reached nobody."""

    UNKNOWN_IDENTITY = "unknown_identity"
    NO_ACCOUNT = "no_account"
    UNKNOWN_USERNAME = "unknown_username"
    USERNAME_OF_ANOTHER = "username_of_another"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the page asks: whom to look for, and for which of their accounts if one is named.

    `request` is the handle of the parked sign-in that the person came from.
    """

    kind: Kind
    email: str
    date_of_birth: date
    username: str | None
    request: str | None


@dataclass(frozen=True, slots=True)
class Match:
    """A person, and those of their accounts that were asked for: one at least, in order of username."""

    person: Person
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What is sealed in a request: the identity, and who asked.

    That is a network address, whether of a network we trust, and what the browser says of whom it knows.
    """

    identity: Identity
    address: str
    is_trusted: bool
    known_device: str | None

    @classmethod
    def open(cls, masters: MasterKeys, kind: Kind, digest: bytes, sealed: bytes) -> Self:
        """Read it again. Raises `SealBroken`, or ValueError, KeyError or TypeError for anything odd."""
        read = json.loads(masters.open(sealed, _aad(digest)))
        identity = Identity(
            kind=kind,
            email=_text(read["email"]),
            date_of_birth=date.fromisoformat(read["date_of_birth"]),
            username=_text_or_none(read["username"]),
            request=_text_or_none(read["request"]),
        )
        # The release before wrote neither of the last two.
        is_trusted = read.get("is_trusted") is True
        return cls(identity, _text(read["address"]), is_trusted, _text_or_none(read.get("known_device")))

    def seal(self, masters: MasterKeys, digest: bytes) -> bytes:
        """Encrypt it for the row of this digest; the kind of the request is a column of that row."""
        parked, cookie = self.identity.request, self.known_device
        written = {
            "email": self.identity.email,
            "date_of_birth": self.identity.date_of_birth.isoformat(),
            "username": self.identity.username,
            # It goes into links: what cannot be a handle stays out of them.
            "request": parked if parked is not None and _HANDLE.fullmatch(parked) else None,
            "address": self.address,
            "is_trusted": self.is_trusted,
            "known_device": cookie if cookie is not None and len(cookie) <= known_device.LONGEST else None,
        }
        return masters.seal(json.dumps(written).encode(), _aad(digest))


def match(connection: Connection, identity: Identity) -> list[Match] | Cause:
    """Whose accounts were asked for. Several people share an address only where records are wrong."""
    people = _people(connection, identity)
    if not people:
        return Cause.UNKNOWN_IDENTITY
    if identity.username is not None:
        return _match_one(connection, identity.username, people)
    matches = [Match(owner, tuple(account.of_person(connection, owner.id))) for owner in people]
    return [each for each in matches if each.accounts] or Cause.NO_ACCOUNT


def is_on_record(connection: Connection, identity: Identity) -> bool:
    """Whether somebody has the address that was typed, whoever that is."""
    typed = email_address.normalise(identity.email)
    return typed is not None and person.has_email(connection, typed)


def _people(connection: Connection, identity: Identity) -> list[Person]:
    typed = email_address.normalise(identity.email)
    if typed is None:
        return []
    found = person.find_same(connection, typed, identity.date_of_birth)
    # A database's idea of lower case knows more letters than ASCII has.
    return [owner for owner in found if email_address.normalise(owner.email) == typed]


def _match_one(connection: Connection, typed: str, people: list[Person]) -> list[Match] | Cause:
    name = usernames.normalise(typed)
    named = None if name is None else account.find(connection, name)
    if named is None:
        return Cause.UNKNOWN_USERNAME
    owners = [owner for owner in people if owner.id == named.person_id]
    return [Match(owner, (named,)) for owner in owners] or Cause.USERNAME_OF_ANOTHER


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("A text was expected in a stored request.")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _aad(digest: bytes) -> bytes:
    return b"recovery" + digest
