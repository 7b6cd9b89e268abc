"""Replace a password, and end what rested on the old one: all of it in one transaction, or nothing.

OWASP ASVS 5.0 §6.3.7, §6.4.1, §7.4.3. The transaction decides, and no step before it: the account must still
be what was read, the link is redeemed by its row, the session must not have ended. Then every other session
and every grant of the account end, its links of this kind too, no device is trusted any longer, wrong guesses
are forgotten, and a letter to its owner is queued.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from idp.accounts import browser_session
from idp.accounts.attempt import Attempts
from idp.accounts.browser_session import NewSession
from idp.accounts.link import PASSWORD_PURPOSES, LinkProblem, Links
from idp.accounts.post import Post
from idp.accounts.sign_in import PASSWORD
from idp.db import Connection, Database, account, attempt, audit, password_history, trusted_device
from idp.db import browser_session as session_rows
from idp.db.account import Account, AccountState
from idp.db.audit import AuditEvent
from idp.db.browser_session import BrowserSession
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.services.clock import Clock
from idp.services.letters import Letter
from idp.services.randomness import Randomness

_REVIVED = frozenset({AccountState.PENDING, AccountState.INACTIVE})


class How(StrEnum):
    """The occasion of a new password, as the letter and the audit log name it."""

    RESET = "reset"
    ACTIVATED = "activated"
    CHANGED = "changed"
    DUE = "due"


class _Undone(Exception):
    """Something is not what the transaction was begun for. It rolls back, and becomes a value."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces passwords. `before` is always the account as it was read, the password already hashed."""

    database: Database
    attempts: Attempts
    links: Links
    post: Post
    lifetimes: Lifetimes
    clock: Clock
    randomness: Randomness

    def by_link(self, token: str, before: Account, password_hash: str, *, address: str) -> bool:
        """Redeem a link for a new password. False when the account or the link is not what it was."""
        now = self.clock.now()
        how = How.ACTIVATED if before.state is AccountState.PENDING else How.RESET
        try:
            with self.database.write() as connection:
                self._set(connection, before, password_hash, now)
                self._redeem(connection, token, now)
                self._conclude(connection, before, how, address=address, keep=None, now=now)
        except _Undone:
            return False
        return True

    def in_session(
        self, session: BrowserSession, before: Account, password_hash: str, how: How, *, address: str
    ) -> NewSession | None:
        """Keep this session alone, under a new secret. None when it or the account is not what it was."""
        now = self.clock.now()
        try:
            with self.database.write() as connection:
                self._set(connection, before, password_hash, now)
                renewed = self._renew(connection, session, now)
                self._conclude(connection, before, how, address=address, keep=session.sid, now=now)
        except _Undone:
            return None
        return renewed

    def _set(self, connection: Connection, before: Account, password_hash: str, now: datetime) -> None:
        # The account's row before all others, as who makes a link or signs in holds it, too.
        if not account.set_password(connection, before, password_hash, now):
            raise _Undone
        password_history.add(connection, self.randomness.uuid(), before.id, password_hash, now)

    def _redeem(self, connection: Connection, token: str, now: datetime) -> None:
        if isinstance(self.links.redeem(connection, token, PASSWORD_PURPOSES, now), LinkProblem):
            raise _Undone

    def _renew(self, connection: Connection, session: BrowserSession, now: datetime) -> NewSession:
        renewed = browser_session.change_secret(connection, self.randomness, self.lifetimes, session, now)
        if renewed is None:
            raise _Undone
        return renewed

    def _conclude(
        self,
        connection: Connection,
        before: Account,
        how: How,
        *,
        address: str,
        keep: UUID | None,
        now: datetime,
    ) -> None:
        self.links.supersede_all(connection, before.id, PASSWORD_PURPOSES, now)
        ended = session_rows.end_others(connection, before.id, keep, now)
        trusted_device.revoke_all(connection, before.id, now)
        attempt.clear(connection, self.attempts.of_person(before.person_id), PASSWORD)

        def record(event: EventName, detail: Mapping[str, object]) -> None:
            made = AuditEvent(
                at=now, event=event, account_id=before.id, sid=keep, address=address, detail=detail
            )
            audit.record(connection, made)

        record(EventName.PASSWORD_CHANGED, {"how": how.value, "sessions": ended})
        if before.state in _REVIVED:
            record(EventName.ACCOUNT_ACTIVATED, {"how": how.value, "before": before.state.value})
        self._tell(connection, before, how, now)

    def _tell(self, connection: Connection, before: Account, how: How, now: datetime) -> None:
        profile = account.get_profile(connection, before.id)
        self.post.queue(
            connection,
            Letter.PASSWORD_CHANGED,
            to=profile.email,
            language=profile.language,
            values={
                "name": profile.name,
                "username": profile.username,
                "employer": profile.employer_name,
                "at": now.isoformat(),
                "how": how.value,
                "forgotten": self.post.address("/forgotten"),
                "service_desk": profile.service_desk,
            },
            person_id=profile.person_id,
            reference=None,
            now=now,
        )
