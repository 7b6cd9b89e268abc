"""Name the assurance of a sign-in.

OpenID Connect Core §2 (`acr`), RFC 8176 (`amr`), NIST SP 800-63B-4 §2. The words are those of NHS Care
Identity. `AAL2_ANY` means level 2 and not 3: the vocabulary has `AAL2_OR_AAL3_ANY` for "2 or better".
"""

from collections.abc import Collection
from enum import StrEnum


class Acr(StrEnum):
    """Authentication context classes; those ending in ANY are only asked for, never reached."""

    AAL1_USERPASS = "AAL1_USERPASS"
    AAL2_TOTP = "AAL2_TOTP"
    AAL2_ANY = "AAL2_ANY"
    AAL2_OR_AAL3_ANY = "AAL2_OR_AAL3_ANY"
    AAL3_FIDO2 = "AAL3_FIDO2"
    AAL3_SMARTCARD = "AAL3_SMARTCARD"
    AAL3_ANY = "AAL3_ANY"


def reached(amr: Collection[str]) -> Acr:
    """Name the assurance that these RFC 8176 methods give together.

    A password is the only method so far; ValueError for a sign-in without one.
    """
    if "pwd" not in amr:
        raise ValueError(f"no assurance is defined for the methods {sorted(amr)}")
    return Acr.AAL1_USERPASS
