"""Read what NHS Care Identity (CIS2) says of a sign-in, and never make more of it than it says.

OpenID Connect Core §2 (`acr`, `amr`). Its `acr` names the class of sign-ins that was asked for and given,
not what was done: a card's is `AAL3_ANY` as a rule, and `AAL2_OR_AAL3_ANY` where that was asked for. What
was done stands in `amr`, in words of its own such as `N3_SMARTCARD`; how strong it was, in
`authentication_assurance_level`, a digit. (`id_assurance_level` is about who was given the card, not about
the sign-in.) All three are of one signed token; where they differ the lowest counts, and what nobody
defined here counts for nothing.

The words are those of digital.nhs.uk, "Authenticator guidance for developers" of CIS2 Authentication, and
of applications in use; an `acr` for one method is the method with its level before it. The service's own
passkeys, apps and one-time codes are level 2; smartcards, security keys and the iPad app level 3.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from idp.policy.assurance import Factor, acr_of, satisfies

# The least level that a class of sign-ins has, and the most.
_LEVELS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "AAL1_USERPASS": (1, 1),
        "AAL2_ANY": (2, 2),
        "AAL2_TOTP": (2, 2),
        "AAL2_NHSMAIL": (2, 2),
        "AAL2_OR_AAL3_ANY": (2, 3),
        "AAL3_ANY": (3, 3),
        "AAL3_IOS": (3, 3),
        "AAL3_FIDO2": (3, 3),
        "AAL3_SMARTCARD": (3, 3),
        "AAL3_N3_SMARTCARD": (3, 3),
        "AAL3_CIS2_SMARTCARD": (3, 3),
    }
)
_SMARTCARD: Final = frozenset({"SMARTCARD", "N3_SMARTCARD", "CIS2_SMARTCARD"})
_SECURITY_KEY: Final = frozenset({"FIDO2"})
_DIGITS: Final = MappingProxyType({"1": 1, "2": 2, "3": 3})
_TWO_FACTORS, _HARDWARE = 2, 3


def factor_of(acr: str | None, amr: Collection[str], level: str | None) -> Factor | None:
    """Name what was proved there; None when it was less than two factors, or when nobody can tell.

    `level` is the claim `authentication_assurance_level`, if there was one. A sign-in of level 3 in a way
    that has no name here is a `CARE_IDENTITY`, like any of level 2.
    """
    reached = _reached(acr, level)
    if acr is None or reached < _TWO_FACTORS:
        return None
    if reached < _HARDWARE:
        return Factor.CARE_IDENTITY
    if _names(acr, amr, _SMARTCARD):
        return Factor.SMARTCARD
    return Factor.SECURITY_KEY if _names(acr, amr, _SECURITY_KEY) else Factor.CARE_IDENTITY


def is_as_asked(factor: Factor, asked: Collection[str]) -> bool:
    """Whether one of the `acr_values` that we sent there is reached, and whether there were any at all."""
    return satisfies(acr_of((factor,)), asked)


def _reached(acr: str | None, level: str | None) -> int:
    least, most = _LEVELS.get(acr or "", (0, 0))
    return least if level is None else min(most, _DIGITS.get(level, 0))


def _names(acr: str, amr: Collection[str], methods: frozenset[str]) -> bool:
    """Whether this way is named, and `acr` and `amr` do not name two different ones."""
    of_acr = acr.removeprefix("AAL3_")
    if of_acr in _SMARTCARD | _SECURITY_KEY:
        return of_acr in methods and (not amr or not methods.isdisjoint(amr))
    return acr in {"AAL3_ANY", "AAL2_OR_AAL3_ANY"} and not methods.isdisjoint(amr)
