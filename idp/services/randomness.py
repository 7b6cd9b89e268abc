"""Draw tokens that nobody may guess, row ids, and references that people can read aloud.

RFC 6749 §10.10 asks for at most 2^-128 of a chance to guess a token; ours have 2^-256. A reference is told
over the telephone and opens nothing by itself, so it is short, and two events may share one.
"""

import secrets
import uuid
from typing import Protocol

# Crockford's base 32: without I, L, O and U, which people mistake for 1, 1, 0 and V.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Randomness(Protocol):
    """What the provider asks of chance."""

    def token(self) -> str:
        """Return 256 random bits as 43 URL-safe characters."""

    def uuid(self) -> uuid.UUID:
        """Return a random UUID (RFC 9562 §5.4)."""

    def reference(self) -> str:
        """Return a short name for an event, such as `7F3K-2Q`: 30 random bits."""

    def below(self, n: int) -> int:
        """Return a random whole number from 0 to n - 1."""


class SystemRandomness:
    """The random source of the operating system."""

    def token(self) -> str:
        """Return 256 random bits as 43 URL-safe characters."""
        return secrets.token_urlsafe(32)

    def uuid(self) -> uuid.UUID:
        """Return a random UUID (RFC 9562 §5.4)."""
        return uuid.uuid4()

    def reference(self) -> str:
        """Return a short name for an event, such as `7F3K-2Q`: 30 random bits."""
        drawn = "".join(secrets.choice(_CROCKFORD) for _ in range(6))
        return f"{drawn[:4]}-{drawn[4:]}"

    def below(self, n: int) -> int:
        """Return a random whole number from 0 to n - 1."""
        return secrets.randbelow(n)
