"""Ask policy whether a session may change the factors of its account.

OWASP ASVS 5.0 §6.4.4, §7.5.1. Asked in the transaction of the change, whatever a page has asked before.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.accounts.link import ENROL_PURPOSES, LinkProblem, Links
from idp.db import Connection, second_factor
from idp.db.browser_session import SECOND_FACTOR_DUE, BrowserSession
from idp.policy.assurance import factors_of, is_multi_factor
from idp.policy.enrolment import Permission, may_change
from idp.policy.lifetime import Lifetimes
from idp.policy.second_factor import AFTER_PASSWORD


@dataclass(frozen=True, slots=True)
class Withheld:
    """The change may not be made like this; `why` says what is missing."""

    why: Permission | LinkProblem


@dataclass(frozen=True, slots=True)
class Permissions:
    """Gathers the facts, and asks."""

    links: Links
    lifetimes: Lifetimes

    def withheld(
        self,
        connection: Connection,
        session: BrowserSession,
        now: datetime,
        *,
        link: str | None = None,
        is_trusted_network: bool = False,
    ) -> Withheld | None:
        """What stands between this session, half or live, and a change of the account's factors; or None.

        `link` is the token of a mailed link in hand. It is of no use to who has a factor already.
        """
        has_factor = is_enrolled(connection, session.account_id)
        if link is not None and not has_factor:
            found = self.links.find(connection, link, ENROL_PURPOSES, now)
            if isinstance(found, LinkProblem):
                return Withheld(found)
            if found.account_id != session.account_id:
                return Withheld(LinkProblem.UNKNOWN)
        may = may_change(
            is_half=session.acr == SECOND_FACTOR_DUE,
            is_enrolled=has_factor,
            is_multi_factor=is_multi_factor(factors_of(session.factors)),
            is_fresh=now - session.auth_time < self.lifetimes.freshness,
            has_link=link is not None,
            is_trusted_network=is_trusted_network,
        )
        return None if may is Permission.GRANTED else Withheld(may)


def is_enrolled(connection: Connection, account_id: UUID) -> bool:
    """Whether the account has a second factor."""
    return not AFTER_PASSWORD.isdisjoint(second_factor.of_account(connection, account_id))
