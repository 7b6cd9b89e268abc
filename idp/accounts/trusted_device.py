"""Trusted devices: browsers in which a person has asked not to be asked for the second factor for a while.

The browser keeps a random token, we its digest. It says nothing of who signs in: it spares a question, where
policy lets it, to the one account that it was given to. A new password and any change of a factor end it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.db import Connection
from idp.db import trusted_device as rows
from idp.db.trusted_device import TrustedDevice
from idp.policy.lifetime import Lifetimes
from idp.services.digest import digest
from idp.services.randomness import Randomness

_LONGEST_AGENT = 256


@dataclass(frozen=True, slots=True)
class TrustedDevices:
    """Trusts browsers, and knows them again."""

    randomness: Randomness
    lifetimes: Lifetimes

    def trust(
        self, connection: Connection, account_id: UUID, *, user_agent: str | None, now: datetime
    ) -> str:
        """Trust this browser from now on; the token for its cookie."""
        token = self.randomness.token()
        agent = None if user_agent is None else user_agent[:_LONGEST_AGENT]
        until = now + self.lifetimes.trusted_device
        made = TrustedDevice(self.randomness.uuid(), account_id, agent, now, now, until)
        rows.add(connection, made, digest(token))
        return token

    def use(self, connection: Connection, token: str | None, account_id: UUID, now: datetime) -> bool:
        """Whether this account trusts the browser that brought the token; then it has spared a question."""
        found = rows.find(connection, digest(token), account_id, now) if token else None
        if found is not None:
            rows.touch(connection, found.id, now)
        return found is not None
