"""Say what a card number looks like, and where a certificate may carry one.

An NHS Care Identity card has a number of twelve digits. It survives the replacement of a card, which issuer
and serial number of a certificate do not.
"""

import re
from enum import StrEnum

_CARD_NUMBER = re.compile(r"[0-9]{12}")


class NumberFrom(StrEnum):
    """Where a certificate carries the card number: in one place, or nowhere."""

    SUBJECT_SERIAL_NUMBER = "subject-serial-number"
    SAN_UPN = "san-upn"
    NOWHERE = "nowhere"


def is_card_number(text: str) -> bool:
    """Whether the text is a card number and nothing else."""
    return _CARD_NUMBER.fullmatch(text) is not None
