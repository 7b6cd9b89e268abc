"""Put a letter into the outbox, in the transaction of what caused it: both happen, or neither.

What it says is sealed until it is sent, because it holds links that open accounts; the seal is tied to its
row. Nothing is rendered here, so that no template can fail the transaction.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from idp.db import Connection, outbox
from idp.services import mail
from idp.services.keys import MasterKeys
from idp.services.letters import Letter
from idp.services.randomness import Randomness


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What is sealed: a letter, whom it is to, in which language, and the values it is made of."""

    letter: Letter
    to: str
    language: str
    values: Mapping[str, Any]

    @classmethod
    def open(cls, masters: MasterKeys, mail_id: UUID, sealed: bytes) -> Self:
        """Read it again. Raises `SealBroken`, or ValueError and KeyError when another release wrote it."""
        read = json.loads(masters.open(sealed, _aad(mail_id)))
        return cls(Letter(read["letter"]), read["to"], read["language"], read["values"])

    def seal(self, masters: MasterKeys, mail_id: UUID) -> bytes:
        """Encrypt it for the row of this id. Raises TypeError when the values are not JSON."""
        written = {
            "letter": self.letter.value,
            "to": self.to,
            "language": self.language,
            "values": dict(self.values),
        }
        return masters.seal(json.dumps(written, ensure_ascii=False).encode(), _aad(mail_id))


@dataclass(frozen=True, slots=True)
class Post:
    """Queues letters. `issuer` begins every link in them, whatever host a request claims to have reached."""

    masters: MasterKeys
    randomness: Randomness
    issuer: str

    def queue(
        self,
        connection: Connection,
        letter: Letter,
        *,
        to: str,
        language: str,
        values: Mapping[str, Any],
        person_id: UUID | None,
        reference: str | None,
        now: datetime,
    ) -> UUID:
        """Queue a letter, and return the id of its mail. Raises ValueError for an address that is none."""
        problem = mail.address_problem(to)
        if problem is not None:
            raise ValueError(f"A letter was addressed to what is no mail address: it {problem}")
        mail_id = self.randomness.uuid()
        sealed = Enclosed(letter, to, language, values).seal(self.masters, mail_id)
        outbox.add(
            connection, mail_id, letter.value, sealed, person_id=person_id, reference=reference, now=now
        )
        return mail_id

    def address(self, path: str) -> str:
        """The complete address of a page of ours."""
        return f"{self.issuer}{path}"


def _aad(mail_id: UUID) -> bytes:
    return b"outbox" + mail_id.bytes
