"""Decide whether a person has to be asked before a client gets what it asks for.

OpenID Connect Core §3.1.2.4 and §11. A first-party client is the employer's own and needs no consent, except
for the date of birth and for access while the person is away, which nobody gets without the person's word.
"""

from typing import Final

ALWAYS_ASKED: Final = frozenset({"birthdate", "offline_access"})
"""Scopes for which first-party clients ask, too."""


def is_needed(*, first_party: bool, asked: frozenset[str], granted: frozenset[str]) -> bool:
    """Whether `asked` holds a scope that needs the person's consent and that `granted` does not cover."""
    missing = asked - granted
    return bool(missing & ALWAYS_ASKED if first_party else missing)
