"""Recovery codes: ten for the day the telephone is lost, each for one use.

OWASP ASVS 5.0 §6.5.1, §6.5.2. 80 random bits each, hashed as passwords are, so that neither a thief of the
database nor a guesser has any use of them. They are shown when they are made and never again; new ones end
those before.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.db import Connection, link
from idp.db import recovery_code as rows
from idp.db.recovery_code import RecoveryCode
from idp.policy import recovery_code
from idp.services.hashing import Hasher, Place
from idp.services.randomness import Randomness


@dataclass(frozen=True, slots=True)
class NewCodes:
    """Ten codes to show, and the hashes to store in the same order."""

    shown: tuple[str, ...]
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Makes, stores and checks them."""

    hasher: Hasher
    randomness: Randomness

    def draw(self) -> NewCodes:
        """Ten new codes, hashed with nothing open. Raises `hashing.Busy`."""
        shown = tuple(recovery_code.write(position, self._drawn()) for position in range(recovery_code.SET))
        with self.hasher.place() as place:
            return NewCodes(shown, tuple(place.hash(_canonical(code)) for code in shown))

    def store(self, connection: Connection, account_id: UUID, new: NewCodes, now: datetime) -> None:
        """Give the account these codes in place of those it had."""
        link.hold_account(connection, account_id)
        rows.replace_all(connection, account_id, new.hashes, now)

    def find(self, connection: Connection, account_id: UUID, code: str) -> RecoveryCode | None:
        """The stored code that a code which was read would have to be; used ones too."""
        return rows.find(connection, account_id, recovery_code.position_of(code))

    def is_right(self, place: Place, stored: RecoveryCode | None, code: str) -> bool:
        """Compare them; with nothing stored, or a used one, at the same cost."""
        is_open = stored is not None and stored.used_at is None
        return place.verify(code, stored.code_hash if stored is not None else None).ok and is_open

    def use(self, connection: Connection, stored: RecoveryCode, now: datetime) -> bool:
        """Use it. False when somebody was faster, or there is a new set."""
        return rows.use(connection, stored, now)

    def left(self, connection: Connection, account_id: UUID) -> int:
        """How many can still be used."""
        return rows.left(connection, account_id)

    def _drawn(self) -> str:
        alphabet = recovery_code.ALPHABET
        return "".join(alphabet[self.randomness.below(len(alphabet))] for _ in range(recovery_code.RANDOM))


def _canonical(shown: str) -> str:
    code = recovery_code.read(shown)
    if code is None:  # pragma: no cover - what we write can be read
        raise ValueError("a recovery code that was made cannot be read")
    return code
