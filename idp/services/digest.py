"""Reduce a random token to what the database may hold.

A token has 256 random bits, so plain SHA-256 is enough and no dictionary helps a thief: passwords, which
people choose, go through `hashing` instead.
"""

import hashlib


def digest(token: str) -> bytes:
    """Return SHA-256 (32 bytes) of the token's UTF-8; text that is not valid Unicode has a digest too."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
