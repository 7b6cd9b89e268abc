"""Write to people about their own accounts: what they asked for, or that they may begin.

A letter goes to the address on record and nowhere else, in the language of its reader. Links are made in the
transaction that queues the letter with them, so there is never one without the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from idp.accounts.attempt import Attempts
from idp.accounts.link import Issued, Links
from idp.accounts.post import Post
from idp.accounts.sign_in import PASSWORD
from idp.db import Connection, account, attempt, audit, outbox
from idp.db.account import Account, AccountState, Profile
from idp.db.audit import AuditEvent
from idp.db.link import Purpose
from idp.policy.event_name import EventName
from idp.policy.recovery import Kind, Offer, offer
from idp.services.letters import Letter

_LETTER: Final[Mapping[Kind, Letter]] = MappingProxyType(
    {Kind.FORGOTTEN: Letter.LOGIN_DETAILS, Kind.REQUEST: Letter.USERNAMES, Kind.UNLOCK: Letter.UNLOCK}
)
_PURPOSE: Final[Mapping[Offer, Purpose]] = MappingProxyType(
    {Offer.RESET: Purpose.RESET, Offer.ACTIVATE: Purpose.ACTIVATE, Offer.UNLOCK: Purpose.UNLOCK}
)


def offer_of(kind: Kind, row: Account, now: datetime) -> Offer:
    """What a letter of this kind offers about an account as it stands."""
    return offer(
        kind,
        is_pending=row.state is AccountState.PENDING,
        is_inactive=row.state is AccountState.INACTIVE,
        is_open=not row.is_closed(now),
    )


def is_locked(connection: Connection, attempts: Attempts, person_id: UUID, now: datetime) -> bool:
    """Whether a guess at the person's password would not be heard, from a known device or from any other."""
    buckets = attempt.of_key(connection, attempts.of_person(person_id))
    return any(bucket.factor == PASSWORD and bucket.not_before > now for bucket in buckets)


@dataclass(frozen=True, slots=True)
class LoginDetails:
    """Mints links and queues the letters that carry them."""

    attempts: Attempts
    links: Links
    post: Post

    def send(
        self,
        connection: Connection,
        kind: Kind,
        accounts: Sequence[Account],
        *,
        parked: str | None,
        reference: str,
        address: str | None,
        now: datetime,
    ) -> None:
        """Queue one letter about accounts of one person, at least one, and record what it offers about each.

        `parked` is the handle of a waiting sign-in that the links lead back to, `address` the network
        address that asked.
        """
        offers = tuple(offer_of(kind, row, now) for row in accounts)
        profiles = [_profile(connection, row.id) for row in accounts]
        values: dict[str, Any] = {
            "name": profiles[0].name,
            "reference": reference,
            "accounts": [
                self._line(connection, profile, offered, parked, now)
                for profile, offered in zip(profiles, offers, strict=True)
            ],
        }
        if kind is not Kind.FORGOTTEN:
            onwards = "" if parked is None else f"?{urlencode({'request': parked})}"
            values["forgotten"] = self.post.address(f"/forgotten{onwards}")
        if kind is Kind.UNLOCK:
            values["locked"] = is_locked(connection, self.attempts, profiles[0].person_id, now)
        if _are_all(connection, accounts):
            # What waits says nothing more, and its links were superseded when those of this letter were made.
            outbox.supersede(connection, profiles[0].person_id, _LETTER[kind].value, now)
        self._queue(connection, _LETTER[kind], profiles[0], values, reference, now)
        for row, offered in zip(accounts, offers, strict=True):
            answered = AuditEvent(
                at=now,
                event=EventName.RECOVERY_ANSWERED,
                account_id=row.id,
                address=address,
                reference=reference,
                detail={"kind": kind.value, "offer": offered.value},
            )
            audit.record(connection, answered)

    def welcome(self, connection: Connection, account_id: UUID, now: datetime) -> None:
        """Queue the letter that a joiner begins with: the username, and a link to activate the account."""
        profile = _profile(connection, account_id)
        issued = self.links.issue(connection, account_id, Purpose.ACTIVATE, now)
        values = {
            **_about(profile),
            "name": profile.name,
            **_link(issued),
            "forgotten": self.post.address("/forgotten"),
        }
        self._queue(connection, Letter.WELCOME, profile, values, None, now)

    def unlocked(self, connection: Connection, account_id: UUID, now: datetime) -> Profile:
        """Queue the notice that guesses are heard again; whose account that is."""
        profile = _profile(connection, account_id)
        values = {
            **_about(profile),
            "name": profile.name,
            "at": now.isoformat(),
            "forgotten": self.post.address("/forgotten"),
        }
        self._queue(connection, Letter.ACCOUNT_UNLOCKED, profile, values, None, now)
        return profile

    def _line(
        self, connection: Connection, profile: Profile, offered: Offer, parked: str | None, now: datetime
    ) -> dict[str, Any]:
        purpose = _PURPOSE.get(offered)
        issued = (
            None
            if purpose is None
            else self.links.issue(connection, profile.account_id, purpose, now, parked)
        )
        return {**_about(profile), "offer": offered.value, **_link(issued)}

    def _queue(
        self,
        connection: Connection,
        letter: Letter,
        profile: Profile,
        values: Mapping[str, Any],
        reference: str | None,
        now: datetime,
    ) -> None:
        self.post.queue(
            connection,
            letter,
            to=profile.email,
            language=profile.language,
            values=values,
            person_id=profile.person_id,
            reference=reference,
            now=now,
        )


def _profile(connection: Connection, account_id: UUID) -> Profile:
    found = account.find_profile(connection, account_id)
    if found is None:
        raise LookupError("An account that was just read is gone.")
    return found


def _are_all(connection: Connection, accounts: Sequence[Account]) -> bool:
    """Whether their person has no other account."""
    all_of_them = account.of_person(connection, accounts[0].person_id)
    return {row.id for row in all_of_them} == {row.id for row in accounts}


def _about(profile: Profile) -> dict[str, Any]:
    return {
        "username": profile.username,
        "employer": profile.employer_name,
        "service_desk": profile.service_desk,
    }


def _link(issued: Issued | None) -> dict[str, Any]:
    if issued is None:
        return {"link": None, "until": None}
    return {"link": issued.url, "until": issued.until.isoformat()}
