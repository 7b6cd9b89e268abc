"""Read references as people type them or were told them on the telephone.

Crockford's base 32 leaves out I, L, O and U; three of these are read as the digits they look like.
"""

import re

_REFERENCE = re.compile(r"[0-9A-HJKMNP-TV-Z]{6}")
_MISREAD = str.maketrans("OIL", "011", "- \t")


def normalise(typed: str) -> str | None:
    """Return a typed reference as it is stored, or None when it cannot be one."""
    plain = typed.strip().upper().translate(_MISREAD)
    return f"{plain[:4]}-{plain[4:]}" if _REFERENCE.fullmatch(plain) else None
