"""Decide whether somebody may change the second factors of the account they are in.

OWASP ASVS 5.0 §6.4.4, §7.5.1. Who has a second factor proves it first, and all of it a short time ago. Who
has none proves more than the password all the same, by a mailed link or by being where only staff are: else
whoever steals a password would make the account their own.
"""

from enum import StrEnum


class Permission(StrEnum):
    """What stands between a person and the change; each of them names a page."""

    GRANTED = "granted"
    LOG_IN = "log_in"
    PROVE = "prove"
    SECOND_PROOF = "second_proof"


def may_change(
    *,
    is_half: bool,
    is_enrolled: bool,
    is_multi_factor: bool,
    is_fresh: bool,
    has_link: bool,
    is_trusted_network: bool,
) -> Permission:
    """What is asked of a session that is half or live.

    `is_enrolled` says that the account has a second factor, `is_multi_factor` that this session proved one;
    `is_fresh` that all it proved was proved a short time ago; `has_link` that a mailed link is in hand.
    """
    may_begin = not is_enrolled and (has_link or (is_trusted_network and (is_half or is_fresh)))
    if may_begin or (is_multi_factor and is_fresh and not is_half):
        return Permission.GRANTED
    if not is_half and not is_fresh:
        return Permission.LOG_IN
    return Permission.PROVE if is_enrolled else Permission.SECOND_PROOF
