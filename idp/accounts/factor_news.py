"""Tell an account's owner, and the audit log, of a change of factors: in the transaction of the change.

OWASP ASVS 5.0 §6.3.7. It goes to the address on record, whoever made the change.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from idp.accounts.post import Post
from idp.db import Connection, account, audit
from idp.db.audit import AuditEvent
from idp.policy.event_name import EventName
from idp.services.letters import Letter

ACCOUNT_PAGE = "/account"


class Changed(StrEnum):
    """What was added or removed, as letters and the audit log name it."""

    TOTP = "totp"
    RECOVERY_CODES = "recovery_codes"
    PASSKEY = "passkey"
    SMARTCARD = "smartcard"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. `label` is what its owner calls it; `address` is None for the service desk's doing."""

    account_id: UUID
    what: Changed
    label: str | None
    at: datetime
    sid: UUID | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class FactorNews:
    """Records and writes."""

    post: Post

    def added(self, connection: Connection, change: Change) -> None:
        """Something was added."""
        self._tell(connection, change, Letter.FACTOR_ADDED, EventName.FACTOR_ADDED)

    def removed(self, connection: Connection, change: Change) -> None:
        """Something was removed."""
        self._tell(connection, change, Letter.FACTOR_REMOVED, EventName.FACTOR_REMOVED)

    def _tell(self, connection: Connection, change: Change, letter: Letter, event: EventName) -> None:
        profile = account.get_profile(connection, change.account_id)
        audit.record(
            connection,
            AuditEvent(
                at=change.at,
                event=event,
                account_id=change.account_id,
                sid=change.sid,
                address=change.address,
                detail={"factor": change.what.value, "label": change.label},
            ),
        )
        self.post.queue(
            connection,
            letter,
            to=profile.email,
            language=profile.language,
            values={
                "name": profile.name,
                "username": profile.username,
                "employer": profile.employer_name,
                "factor": change.what.value,
                "label": change.label,
                "at": change.at.isoformat(),
                "account_page": self.post.address(ACCOUNT_PAGE),
                "service_desk": profile.service_desk,
            },
            person_id=profile.person_id,
            reference=None,
            now=change.at,
        )
