"""The fact that a person has proved who they are, as tokens report it.

OpenID Connect Core §2 (`auth_time`, `acr`, `amr`), OpenID Connect Front-Channel Logout §3 (`sid`). It names
the account; the subject that a client sees is derived from it elsewhere.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Authentication:
    """One sign-in: `auth_time` is aware and UTC, `amr` holds RFC 8176 values in the order they were used.

    `nhsid_useruid` is the number of the smartcard, if one that has a number was used.
    """

    account_id: UUID
    sid: UUID
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    nhsid_useruid: str | None = None
