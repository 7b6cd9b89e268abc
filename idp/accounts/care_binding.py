"""Find the card of whom NHS Care Identity vouches for, and bind the two to each other.

OWASP ASVS 5.0 §6.8.1. The service desk links cards; nobody links an identity. At the first sign-in the pair
of issuer and subject is bound to the card with that person's number, and from then on both have to agree:
the number alone, or the subject alone, could be given to somebody else there.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.db import Connection, care_identity, smartcard
from idp.db.care_identity import CareIdentity
from idp.db.smartcard import Smartcard
from idp.policy.card_number import is_card_number
from idp.services.upstream import Assertion


@dataclass(frozen=True, slots=True)
class Unknown:
    """No card with this number is linked, and this person is bound to none."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The person is bound to another card, or the card to another person; whose card it is, if any's."""

    account_id: UUID | None


def find(connection: Connection, said: Assertion) -> Smartcard | Unknown | Disagreement:
    """The card they are bound to, or the one with their number that nobody is bound to."""
    number = said.nhsid_useruid
    card = (
        smartcard.find_by_number(connection, number)
        if number is not None and is_card_number(number)
        else None
    )
    bound = care_identity.find(connection, said.issuer, said.subject)
    if card is None:
        return Unknown() if bound is None else Disagreement(None)
    bound = bound or care_identity.find_of_card(connection, said.issuer, card.id)
    if bound is not None and (bound.smartcard_id, bound.subject) != (card.id, said.subject):
        return Disagreement(card.account_id)
    return card


def use(connection: Connection, said: Assertion, card: Smartcard, now: datetime) -> bool:
    """Remember that the card was used, and by whom. False when it has been released since.

    Raises `Conflict` when it, or the person, was bound otherwise at the same moment.
    """
    if not smartcard.used(connection, card.id, now):
        return False
    identity = CareIdentity(said.issuer, said.subject, card.id, now, now)
    if not care_identity.used(connection, identity, now):
        care_identity.add(connection, identity)
    return True
