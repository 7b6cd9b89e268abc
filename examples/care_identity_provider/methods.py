"""How people prove who they are, and in which words Care Identity says so.

`acr` names the class of sign-ins that was asked for, `amr` what was done, `authentication_assurance_level`
how strong it was. Two of these ways are weaker than most applications want: the real service would not offer
them then, and the stand-in does, so that one can see the application refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """One way. `classes` are those it belongs to, the one it is called by first."""

    key: str
    name: str
    amr: str
    level: str
    classes: tuple[str, ...]

    def acr(self, asked: Sequence[str]) -> str:
        """The first class asked for that this belongs to; its own where there is none."""
        return next((each for each in asked if each in self.classes), self.classes[0])

    def is_enough(self, asked: Sequence[str]) -> bool:
        """Whether it belongs to one of the classes asked for, if any are."""
        return not asked or any(each in self.classes for each in asked)


METHODS = {
    method.key: method
    for method in (
        Method(
            key="smartcard",
            name="Smartcard and PIN",
            amr="N3_SMARTCARD",
            level="3",
            classes=("AAL3_ANY", "AAL2_OR_AAL3_ANY", "AAL3_SMARTCARD", "AAL3_N3_SMARTCARD"),
        ),
        Method(
            key="security_key",
            name="Security key",
            amr="FIDO2",
            level="3",
            classes=("AAL3_ANY", "AAL2_OR_AAL3_ANY", "AAL3_FIDO2"),
        ),
        Method(
            key="app",
            name="Code from an authenticator app",
            amr="TOTP",
            level="2",
            classes=("AAL2_ANY", "AAL2_OR_AAL3_ANY", "AAL2_TOTP"),
        ),
        Method(
            key="password",
            name="Password alone",
            amr="USERPASS",
            level="1",
            classes=("AAL1_USERPASS",),
        ),
    )
}
ACR_VALUES = tuple(dict.fromkeys(each for method in METHODS.values() for each in method.classes))
