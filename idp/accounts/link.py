"""Links that are mailed to people: made for one account and one purpose, used once.

OWASP ASVS 5.0 §6.4.1, §6.5.1, §6.5.5. 256 random bits, of which the database holds a digest. A link is a row
and not a signed statement, so that it can end: by its use, by a newer one, by time. Opening its page only
looks, because mail scanners open links too; the one who submits redeems it. Addresses are built from the
configured issuer, never from what a browser calls us.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode
from uuid import UUID

from idp.db import Connection
from idp.db import link as rows
from idp.db.link import Purpose
from idp.policy.lifetime import Lifetimes
from idp.services.digest import digest
from idp.services.randomness import Randomness

PASSWORD_PURPOSES = frozenset({Purpose.ACTIVATE, Purpose.RESET})
"""Those of the links that let their owner choose a password."""

UNLOCK_PURPOSES = frozenset({Purpose.UNLOCK})
"""Those of the links that let guesses at a password be heard again."""

ENROL_PURPOSES = frozenset({Purpose.ENROL})
"""Those of the links that prove, beside a password, who enrols a first second factor."""


class LinkProblem(StrEnum):
    """Why a link opens nothing."""

    UNKNOWN = "unknown"
    USED = "used"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is live, or has just been redeemed."""

    account_id: UUID
    purpose: Purpose
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """A new link: the address to mail, and the token in it, which nobody else may see."""

    url: str
    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links, finds and redeems them."""

    randomness: Randomness
    lifetimes: Lifetimes
    issuer: str

    def issue(
        self,
        connection: Connection,
        account_id: UUID,
        purpose: Purpose,
        now: datetime,
        request: str | None = None,
    ) -> Issued:
        """Make a link, in place of the live one of that account and purpose.

        `request` is the handle of a parked authorization request to go on with afterwards.
        """
        rows.hold_account(connection, account_id)
        rows.supersede(connection, account_id, purpose, now)
        token = self.randomness.token()
        until = now + self._lifetime(purpose)
        rows.add(connection, rows.Link(digest(token), purpose, account_id, now, until, None, None))
        return Issued(self._url(purpose, token, request), token, until)

    def find(
        self, connection: Connection, token: str, purposes: Collection[Purpose], now: datetime
    ) -> Link | LinkProblem:
        """Look at a link and change nothing. One for another purpose is unknown here."""
        found = rows.find(connection, digest(token))
        if found is None or found.purpose not in purposes:
            return LinkProblem.UNKNOWN
        return _problem(found, now) or _link(found)

    def redeem(
        self, connection: Connection, token: str, purposes: Collection[Purpose], now: datetime
    ) -> Link | LinkProblem:
        """Use a link, once: in the transaction of what it is for."""
        redeemed = rows.redeem(connection, digest(token), purposes, now)
        if redeemed is not None:
            return _link(redeemed)
        found = self.find(connection, token, purposes, now)
        # What nobody could redeem is not live a moment later; only the types cannot know.
        return found if isinstance(found, LinkProblem) else LinkProblem.USED

    def supersede_all(
        self, connection: Connection, account_id: UUID, purposes: Collection[Purpose], now: datetime
    ) -> int:
        """End every live link of the account for these purposes; how many there were."""
        return sum(rows.supersede(connection, account_id, purpose, now) for purpose in sorted(purposes))

    def _lifetime(self, purpose: Purpose) -> timedelta:
        match purpose:
            case Purpose.ACTIVATE:
                return self.lifetimes.activation_link
            case Purpose.RESET:
                return self.lifetimes.reset_link
            case Purpose.UNLOCK:
                return self.lifetimes.unlock_link
            case Purpose.ENROL:
                return self.lifetimes.enrol_link

    def _url(self, purpose: Purpose, token: str, request: str | None) -> str:
        path = _PATHS[purpose]
        query = {"link": token} if request is None else {"link": token, "request": request}
        return f"{self.issuer}/{path}?{urlencode(query)}"


_PATHS: Mapping[Purpose, str] = {
    Purpose.ACTIVATE: "update-password",
    Purpose.RESET: "update-password",
    Purpose.UNLOCK: "unlock-account",
    Purpose.ENROL: "mfa/enrol",
}


def _problem(found: rows.Link, now: datetime) -> LinkProblem | None:
    """What ended the link first, as far as its owner cares: used and superseded links expire as well."""
    if found.used_at is not None:
        return LinkProblem.USED
    if found.superseded_at is not None:
        return LinkProblem.SUPERSEDED
    return LinkProblem.EXPIRED if found.expires_at <= now else None


def _link(found: rows.Link) -> Link:
    return Link(found.account_id, found.purpose, found.expires_at)
