"""Bind an authorization code to the client that asked for it.

RFC 7636. S256 only, and for every client unless it is registered as exempt, which then sends a nonce:
stricter than RFC 9700 §2.1.1.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

# RFC 7636 §4.2: the digest of 32 bytes is 43 characters of base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether it can be an S256 `code_challenge`."""
    return _CHALLENGE.fullmatch(text) is not None


def is_verifier(text: str) -> bool:
    """Whether it can be a `code_verifier` (RFC 7636 §4.1)."""
    return _VERIFIER.fullmatch(text) is not None


def challenge(code_verifier: str) -> str:
    """The S256 `code_challenge` of a verifier (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()


def verifies(code_verifier: str | None, code_challenge: str | None) -> bool:
    """Whether the verifier is the challenge's; neither may come without the other (RFC 9700 §4.8.2)."""
    if code_verifier is None or code_challenge is None:
        return code_verifier is code_challenge
    return is_verifier(code_verifier) and hmac.compare_digest(challenge(code_verifier), code_challenge)
