"""Name the assurance of a sign-in from the factors that were proved in it.

OpenID Connect Core §2 (`acr`, `amr`), RFC 8176, NIST SP 800-63B-4 §2. The words are those of NHS Care
Identity. `AAL2_ANY` means level 2 and not 3: the vocabulary has `AAL2_OR_AAL3_ANY` for "2 or better". A
passkey that can be copied to another device, or whose make nobody vouches for, does not reach level 3.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType


class Acr(StrEnum):
    """Authentication context classes; `AAL2_OR_AAL3_ANY` and `AAL3_ANY` are only asked for, never reached."""

    AAL1_USERPASS = "AAL1_USERPASS"
    AAL2_TOTP = "AAL2_TOTP"
    AAL2_ANY = "AAL2_ANY"
    AAL2_OR_AAL3_ANY = "AAL2_OR_AAL3_ANY"
    AAL3_FIDO2 = "AAL3_FIDO2"
    AAL3_SMARTCARD = "AAL3_SMARTCARD"
    AAL3_ANY = "AAL3_ANY"


class Factor(StrEnum):
    """What a person can prove to be who they are; sessions keep these words.

    Both kinds of passkey verify their user. A `SECURITY_KEY` is one whose key stays in a device that an
    attestation vouches for; a `PASSKEY` is any other. Of an `UNCONFIRMED_SMARTCARD` its authority has not
    said for too long whether it still stands. For a `CARE_IDENTITY` NHS Care Identity vouches: two factors
    were proved there, and nothing here can say which.
    """

    PASSWORD = "password"  # noqa: S105 - the factor's name
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    SECURITY_KEY = "security_key"
    SMARTCARD = "smartcard"
    UNCONFIRMED_SMARTCARD = "unconfirmed_smartcard"
    CARE_IDENTITY = "care_identity"


# The highest first: what was proved may hold several.
_REACHED_BY = (
    (frozenset({Factor.SMARTCARD}), Acr.AAL3_SMARTCARD),
    (frozenset({Factor.SECURITY_KEY}), Acr.AAL3_FIDO2),
    (frozenset({Factor.PASSWORD, Factor.TOTP}), Acr.AAL2_TOTP),
    (frozenset({Factor.PASSKEY}), Acr.AAL2_ANY),
    (frozenset({Factor.UNCONFIRMED_SMARTCARD}), Acr.AAL2_ANY),
    (frozenset({Factor.CARE_IDENTITY}), Acr.AAL2_ANY),
    (frozenset({Factor.PASSWORD, Factor.RECOVERY_CODE}), Acr.AAL2_ANY),
    (frozenset({Factor.PASSWORD}), Acr.AAL1_USERPASS),
)

_METHODS = MappingProxyType(
    {
        Factor.PASSWORD: ("pwd",),
        Factor.TOTP: ("otp",),
        Factor.RECOVERY_CODE: ("otp",),
        Factor.PASSKEY: ("swk", "user"),
        Factor.SECURITY_KEY: ("hwk", "user"),
        Factor.SMARTCARD: ("sc", "pin"),
        Factor.UNCONFIRMED_SMARTCARD: ("sc", "pin"),
        Factor.CARE_IDENTITY: (),
    }
)

_TWO_BY_THEMSELVES = frozenset(
    {
        Factor.PASSKEY,
        Factor.SECURITY_KEY,
        Factor.SMARTCARD,
        Factor.UNCONFIRMED_SMARTCARD,
        Factor.CARE_IDENTITY,
    }
)

_LEVEL_3: frozenset[str] = frozenset({Acr.AAL3_FIDO2, Acr.AAL3_SMARTCARD})
_LEVEL_2: frozenset[str] = frozenset({Acr.AAL2_TOTP, Acr.AAL2_ANY})
_SATISFIED_BY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        # Who is content with a password is content with more.
        Acr.AAL1_USERPASS: _LEVEL_2 | _LEVEL_3 | {Acr.AAL1_USERPASS},
        Acr.AAL2_TOTP: frozenset({Acr.AAL2_TOTP}),
        Acr.AAL2_ANY: _LEVEL_2,
        Acr.AAL2_OR_AAL3_ANY: _LEVEL_2 | _LEVEL_3,
        Acr.AAL3_FIDO2: frozenset({Acr.AAL3_FIDO2}),
        Acr.AAL3_SMARTCARD: frozenset({Acr.AAL3_SMARTCARD}),
        Acr.AAL3_ANY: _LEVEL_3,
    }
)
_REACHABLE = frozenset(acr for _, acr in _REACHED_BY)


def acr_of(factors: Collection[Factor]) -> Acr:
    """Name the highest assurance that these factors give together.

    ValueError for a sign-in that nobody could have made, such as one with a code from an app alone.
    """
    proved = frozenset(factors)
    for needed, acr in _REACHED_BY:
        if needed <= proved:
            return acr
    raise ValueError(f"no assurance is defined for the factors {sorted(proved)}")


def amr_of(factors: Iterable[Factor]) -> tuple[str, ...]:
    """List the RFC 8176 methods of these factors in the order they were used, each once.

    `mfa` ends the list when two factors were proved: a passkey and a card prove two by themselves. It is all
    that a `CARE_IDENTITY` says.
    """
    proved = tuple(factors)
    methods = list(dict.fromkeys(method for factor in proved for method in _METHODS[factor]))
    return (*methods, "mfa") if is_multi_factor(proved) else tuple(methods)


def is_multi_factor(factors: Collection[Factor]) -> bool:
    """Whether two different kinds of factor were proved: what one has, and what one knows or is."""
    proved = frozenset(factors)
    has_code = bool(proved & {Factor.TOTP, Factor.RECOVERY_CODE})
    return bool(proved & _TWO_BY_THEMSELVES) or (Factor.PASSWORD in proved and has_code)


def satisfies(reached: str, wanted: Collection[str]) -> bool:
    """Whether this assurance is one of those wanted, and whether anything is wanted at all.

    Values that nobody defined here are never reached.
    """
    return not wanted or any(reached in _SATISFIED_BY.get(value, ()) for value in wanted)


def is_level_3(acr: str) -> bool:
    """Whether a device was proved whose key cannot leave it."""
    return acr in _LEVEL_3


def is_known(wanted: Collection[str]) -> bool:
    """Whether some sign-in could satisfy this, or nothing is wanted."""
    return any(satisfies(reached, wanted) for reached in _REACHABLE)


def factors_of(words: Sequence[str]) -> tuple[Factor, ...]:
    """Read the factors that a session keeps. ValueError for a word that is none."""
    return tuple(Factor(word) for word in words)
