"""What a demo has to offer: for programs in demo.json, for people as tables."""

import json
from collections.abc import Sequence
from typing import Any

from idp.cli.demo.certificates import CARDS, PASSWORD, Card
from idp.cli.demo.clients import Client
from idp.cli.demo.files import write
from idp.cli.demo.people import PEOPLE, Persona
from idp.cli.demo.place import Place
from idp.cli.table import pairs, table


def describe(place: Place, clients: Sequence[Client]) -> None:
    """Write demo.json."""
    document = {
        "issuer": place.issuer,
        "accounts": [_account(persona, place) for persona in PEOPLE],
        "clients": [_client(client, place) for client in clients],
        "outbox": str(place.outbox),
        "mailbox": place.mailbox,
        "relying_party": place.self_service,
        "smartcard_origin": place.smartcard_origin,
        "care_identity": place.care_identity,
        "ca": str(place.ca),
        "cards": [{"name": card.name, **_files(card, place), "note": card.note} for card in CARDS],
    }
    write(place.description, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def lines(place: Place) -> list[str]:
    """What a person needs to begin."""
    addresses = (
        ("My ESR Self-Service", f"{place.self_service}   begin here"),
        ("Learning", place.learning),
        ("Central sign-in", place.issuer),
        ("NHS Care Identity", f"{place.care_identity}   a stand-in, where anybody is believed"),
        ("Mailbox", place.mailbox),
        ("Smartcards", f"{place.cards}   the password of each file is {PASSWORD}"),
        ("Their authority", f"{place.ca}   for a browser to trust {place.smartcard_origin}"),
        ("For programs", str(place.description)),
        ("Logs", str(place.logs)),
    )
    rows = [(persona.username, persona.password, persona.name, persona.note) for persona in PEOPLE]
    cards = [(place.p12(card.name).name, card.number, card.note) for card in CARDS]
    apps = [(persona.username, persona.totp_secret) for persona in PEOPLE if persona.totp_secret]
    return [
        "",
        *pairs(addresses),
        "",
        *table(("USERNAME", "PASSWORD", "NAME", "WHO"), rows),
        "",
        *table(("USERNAME", "KEY OF THE AUTHENTICATOR APP"), apps),
        "",
        *table(("SMARTCARD", "NUMBER", "WHAT"), cards),
        "",
    ]


def _account(persona: Persona, place: Place) -> dict[str, Any]:
    card = next((card for card in CARDS if card.is_good and card.opens == persona.username), None)
    return {
        "username": persona.username,
        "password": persona.password,
        "given_name": persona.given_name,
        "family_name": persona.family_name,
        "email": persona.email,
        "date_of_birth": persona.date_of_birth,
        "employer": persona.employer,
        "totp_secret": persona.totp_secret,
        "recovery_codes": list(persona.recovery_codes),
        "smartcard": None if card is None else _files(card, place),
        "note": persona.note,
    }


def _files(card: Card, place: Place) -> dict[str, Any]:
    p12 = place.p12(card.name)
    return {
        "card_number": card.number,
        "p12": str(p12),
        "p12_password": PASSWORD,
        "pem": str(p12.with_suffix(".pem")),
        "key": str(p12.with_suffix(".key")),
    }


def _client(client: Client, place: Place) -> dict[str, Any]:
    keys = client.credentials(place.clients) if client.auth_method == "private_key_jwt" else None
    return {
        "client_id": client.client_id,
        "client_secret": client.secret(place.clients),
        "redirect_uris": client.metadata.get("redirect_uris", []),
        "token_endpoint_auth_method": client.auth_method,
        "grant_types": client.metadata["grant_types"],
        "scope": client.metadata["scope"],
        "private_jwks": None if keys is None else str(keys),
    }
