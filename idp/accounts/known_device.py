"""Known devices: browsers in which a person has signed in before.

A signed cookie lists the pseudonyms of up to twenty people, given only after a full sign-in. It opens
nothing: guesses from a browser that knows the person are counted apart from those of strangers, so that an
attacker cannot shut out the owner at the usual workstation.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from idp.policy.lifetime import Lifetimes

MOST_PEOPLE = 20
"""On one browser: a ward computer knows its staff, not the whole hospital."""

_PSEUDONYM = 8
_ENTRY = _PSEUDONYM + 4
_MAC = 32

LONGEST = 2 * (MOST_PEOPLE * _ENTRY + _MAC)
"""Characters of a cookie that is looked at."""


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """Reads and writes the cookie. Entries are pseudonym and time of the last sign-in, newest first."""

    key: bytes
    lifetimes: Lifetimes

    def knows(self, cookie: str | None, person_id: UUID, now: datetime) -> bool:
        """Whether this browser has a full sign-in of the person behind it."""
        return self._pseudonym(person_id) in dict(self._entries(cookie, now))

    def after_sign_in(self, cookie: str | None, person_id: UUID, now: datetime) -> str:
        """The cookie's new value: this person first, the longest unseen beyond twenty forgotten."""
        me = self._pseudonym(person_id)
        others = [entry for entry in self._entries(cookie, now) if entry[0] != me]
        entries = [(me, now), *others][:MOST_PEOPLE]
        body = b"".join(name + int(at.timestamp()).to_bytes(4) for name, at in entries)
        return urlsafe_b64encode(body + self._mac(body)).rstrip(b"=").decode()

    def _entries(self, cookie: str | None, now: datetime) -> list[tuple[bytes, datetime]]:
        body = self._body(cookie)
        cutoff = now - self.lifetimes.known_device
        entries = [
            (
                body[start : start + _PSEUDONYM],
                datetime.fromtimestamp(int.from_bytes(body[start + _PSEUDONYM : start + _ENTRY]), UTC),
            )
            for start in range(0, len(body), _ENTRY)
        ]
        return [(name, at) for name, at in entries if at > cutoff]

    def _body(self, cookie: str | None) -> bytes:
        """The signed part; empty for anything we did not write."""
        if not cookie or len(cookie) > LONGEST or not cookie.isascii():
            return b""
        try:
            value = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
        except ValueError:
            return b""
        body, mac = value[:-_MAC], value[-_MAC:]
        is_ours = hmac.compare_digest(self._mac(body), mac) and len(body) % _ENTRY == 0
        return body if is_ours else b""

    def _pseudonym(self, person_id: UUID) -> bytes:
        return hmac.digest(self.key, b"person" + person_id.bytes, hashlib.sha256)[:_PSEUDONYM]

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self.key, b"cookie" + body, hashlib.sha256)
