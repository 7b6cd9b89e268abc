"""Decide whether a sign-in needs a second factor before it opens anything.

NIST SP 800-63B-4 §2.2, OWASP ASVS 5.0 §6.3.3. The installation's rule says who has to prove one; what a
relying party asks for comes on top, when it asks.
"""

from collections.abc import Collection
from enum import StrEnum

from idp.policy.assurance import Factor, is_multi_factor


class Rule(StrEnum):
    """Whose password alone is not enough.

    Of those who enrolled a second factor; of everybody outside the trusted networks, and of nobody inside; or
    of everybody, everywhere, at every sign-in.
    """

    WHEN_ENROLLED = "when_enrolled"
    OUTSIDE = "outside"
    ALWAYS = "always"


AFTER_PASSWORD = frozenset({Factor.TOTP, Factor.PASSKEY, Factor.SECURITY_KEY})
"""What makes an account one that has a second factor. A smartcard is another way in, no step of this one."""


def is_due(
    rule: Rule,
    *,
    enrolled: Collection[Factor],
    proved: Collection[Factor],
    is_trusted_network: bool,
    is_trusted_device: bool,
) -> bool:
    """Whether somebody who has proved these factors has to prove another, or to enrol one."""
    if is_multi_factor(proved) or (is_trusted_device and may_trust_devices(rule)):
        return False
    match rule:
        case Rule.WHEN_ENROLLED:
            return not AFTER_PASSWORD.isdisjoint(enrolled)
        case Rule.OUTSIDE:
            return not is_trusted_network
        case Rule.ALWAYS:
            return True


def may_trust_devices(rule: Rule) -> bool:
    """Whether people may ask not to be asked again on a device; always means always."""
    return rule is not Rule.ALWAYS


def may_be_without(rule: Rule) -> bool:
    """Whether people may remove their last second factor."""
    return rule is Rule.WHEN_ENROLLED
