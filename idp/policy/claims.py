"""Say which claims each scope gives.

OpenID Connect Core §5.4; `esr_username`, `esr_employer` and `esr_roles` are ours, `nhsid_useruid` is
that of NHS Care Identity: the number of the smartcard somebody signed in with. There is no
`preferred_username`: the username is half of a credential, and only the `esr` scope shows it.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

CLAIMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "openid": ("sub",),
        "profile": ("name", "given_name", "family_name", "locale"),
        "email": ("email", "email_verified"),
        "esr": ("esr_username", "esr_employer", "esr_roles", "nhsid_useruid"),
        "birthdate": ("birthdate",),
    }
)
"""The claims of each scope; `offline_access` and scopes of other APIs give none."""


@lru_cache(maxsize=512)
def select(scope: frozenset[str]) -> tuple[str, ...]:
    """Name the claims that a granted scope gives, always in the order of `CLAIMS`."""
    return tuple(claim for value, claims in CLAIMS.items() if value in scope for claim in claims)
