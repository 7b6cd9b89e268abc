"""What the stand-in for NHS Care Identity and the identity provider need to know of each other."""

import json
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from idp.cli.demo.certificates import CARDS
from idp.cli.demo.files import write
from idp.cli.demo.place import Place

CLIENT_ID: Final = "electronic-staff-record"
"""What the identity provider is called there."""


def make(place: Place) -> None:
    """Make whatever is missing: the identity provider's key, and the list of who has a Smartcard."""
    if not place.care_identity_key.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(place.care_identity_key, pem.decode())
    write(place.care_identity_people, json.dumps(_people(), indent=1, ensure_ascii=False) + "\n")


def is_complete(place: Place) -> bool:
    """Whether there is nothing to make."""
    return place.care_identity_key.exists() and place.care_identity_people.exists()


def _people() -> list[dict[str, str]]:
    """Whose cards are in order: there is nobody at Care Identity without one."""
    return [
        {"nhsid_useruid": card.number, "name": card.holder}
        for card in CARDS
        if not (card.is_revoked or card.is_expired or card.is_foreign)
    ]
