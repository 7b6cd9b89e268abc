"""What administrators do to authorities and cards, each with its audit row in the same transaction.

OWASP ASVS 5.0 §6.3.7, §6.5.6. A card opens one account, known by its card number, or by issuer and serial
number where it has none. Its owner is told by mail. Either change ends the devices that are trusted, and
releasing a card every session of the account: it may have been lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from idp.accounts import text
from idp.accounts.administration import NotDone
from idp.accounts.factor_news import Change, Changed, FactorNews
from idp.db import Connection, audit, browser_session, certificate_authority, smartcard, trusted_device
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.certificate_authority import CertificateAuthority
from idp.db.smartcard import Smartcard
from idp.policy.card_number import NumberFrom, is_card_number
from idp.policy.event_name import EventName
from idp.services import http, x509
from idp.services.randomness import Randomness
from idp.services.x509 import Authority, Problem, Verified

_PROBLEM: Final = {
    Problem.MALFORMED: "The file holds no certificate that can be read.",
    Problem.WEAK: "Its key or its signature is of a kind that is not accepted. Use RSA of 2048 to 8192 bits, "
    "P-256 or P-384, and SHA-256 or longer.",
    Problem.UNTRUSTED: "No authority that is believed gave it. Run: idp ca list",
    Problem.WRONG_USE: "It is not for this use.",
    Problem.EXPIRED: "It has expired.",
    Problem.NOT_YET_VALID: "It is not valid yet; check the clock of this machine.",
}


@dataclass(frozen=True, slots=True)
class Released:
    """A card opens nothing any more; how many sessions ended with that."""

    card: Smartcard
    sessions: int


def add_authority(
    connection: Connection,
    randomness: Randomness,
    certificate: bytes,
    *,
    name: str,
    crl_url: str | None,
    ocsp_url: str | None,
    now: datetime,
) -> CertificateAuthority | NotDone:
    """Believe an authority, whose certificate is PEM or DER, from now on."""
    der = x509.read_authority(certificate, now)
    if isinstance(der, Problem):
        return NotDone(_PROBLEM[der])
    tidy = text.tidy(name) or ""
    problem = _name_problem(connection, tidy) or _urls_problem(crl_url, ocsp_url)
    if problem is not None:
        return NotDone(problem)
    fingerprint = sha256(der).digest()
    known = next((each for each in certificate_authority.every(connection) if each.certificate == der), None)
    if known is not None:
        return NotDone(f"This authority is there already, as {known.name}. Run: idp ca list")
    made = CertificateAuthority(
        randomness.uuid(), tidy, der, fingerprint, crl_url, ocsp_url, now, disabled_at=None
    )
    certificate_authority.add(connection, made)
    _record(
        connection,
        EventName.AUTHORITY_ADDED,
        None,
        now,
        {"authority": tidy, "fingerprint": fingerprint.hex(), "crl_url": crl_url, "ocsp_url": ocsp_url},
    )
    return made


def set_disabled(
    connection: Connection, authority: CertificateAuthority, *, disabled: bool, now: datetime
) -> bool:
    """Stop believing an authority, or begin again. False when that was so."""
    if (authority.disabled_at is not None) is disabled:
        return False
    certificate_authority.set_disabled(connection, authority.id, now if disabled else None)
    event = EventName.AUTHORITY_DISABLED if disabled else EventName.AUTHORITY_ENABLED
    _record(connection, event, None, now, {"authority": authority.name})
    return True


def move(
    connection: Connection,
    authority: CertificateAuthority,
    *,
    crl_url: str | None,
    ocsp_url: str | None,
    now: datetime,
) -> NotDone | None:
    """Change where an authority is asked about revocation."""
    problem = _urls_problem(crl_url, ocsp_url)
    if problem is not None:
        return NotDone(problem)
    certificate_authority.set_urls(connection, authority.id, crl_url, ocsp_url)
    detail = {"authority": authority.name, "crl_url": crl_url, "ocsp_url": ocsp_url}
    _record(connection, EventName.AUTHORITY_MOVED, None, now, detail)
    return None


def read_card(
    connection: Connection, certificate: bytes, number_from: NumberFrom, now: datetime
) -> Verified | NotDone:
    """What a card's certificate, PEM or DER, identifies it by; it must be one that could sign in."""
    der = x509.read_card(certificate)
    if der is None:
        return NotDone(_PROBLEM[Problem.MALFORMED])
    authorities = [Authority(each.id, each.certificate) for each in certificate_authority.enabled(connection)]
    verified = x509.verify([der], authorities, now, number_from)
    return NotDone(_PROBLEM[verified]) if isinstance(verified, Problem) else verified


def link(
    connection: Connection,
    news: FactorNews,
    randomness: Randomness,
    found: Account,
    which: str | Verified,
    now: datetime,
) -> Smartcard | NotDone:
    """Bind a card, given as its number or its certificate, to an account, and tell its owner."""
    number = which if isinstance(which, str) else which.card_number
    if number is not None and not is_card_number(number):
        return NotDone(f"{number!r} is no card number. It has twelve digits.")
    made = Smartcard(
        id=randomness.uuid(),
        account_id=found.id,
        card_number=number,
        authority_id=None if isinstance(which, str) or number is not None else which.authority_id,
        serial=None if isinstance(which, str) or number is not None else which.serial,
        linked_at=now,
        last_used_at=None,
    )
    if number is None and made.authority_id is None:
        return NotDone("It has no card number, and its issuer is not one of the authorities: idp ca list")
    if _find_same(connection, made) is not None:
        return NotDone("This card is linked already. Run: idp card list")
    smartcard.add(connection, made)
    trusted_device.revoke_all(connection, found.id, now)
    _record(connection, EventName.SMARTCARD_LINKED, found, now, {"card": name_of(made)})
    news.added(connection, _change(found, made, now))
    return made


def unlink(
    connection: Connection, news: FactorNews, found: Account, card: Smartcard, now: datetime
) -> Released | NotDone:
    """Release a card of an account, end the account's sessions, and tell its owner."""
    if not smartcard.remove(connection, card.id):
        return NotDone("The card was released at the same moment. Run: idp card list")
    ended = browser_session.end_all(connection, found.id, now)
    trusted_device.revoke_all(connection, found.id, now)
    _record(connection, EventName.SMARTCARD_UNLINKED, found, now, {"card": name_of(card), "sessions": ended})
    news.removed(connection, _change(found, card, now))
    return Released(card, ended)


def name_of(card: Smartcard) -> str:
    """What operators call a card."""
    return card.card_number or f"serial {card.serial}"


def _find_same(connection: Connection, made: Smartcard) -> Smartcard | None:
    if made.card_number is not None:
        return smartcard.find_by_number(connection, made.card_number)
    if made.authority_id is None or made.serial is None:
        return None
    return smartcard.find_by_serial(connection, made.authority_id, made.serial)


def _change(found: Account, card: Smartcard, now: datetime) -> Change:
    # The mail shows no more of the number than its owner needs to tell two cards apart.
    label = None if card.card_number is None else f"…{card.card_number[-4:]}"
    return Change(account_id=found.id, what=Changed.SMARTCARD, label=label, at=now)


def _name_problem(connection: Connection, name: str) -> str | None:
    if not name:
        return "The authority needs a name, for you to call it by."
    problem = text.problem(name)
    if problem is not None:
        return f"{name!r} {problem}."
    if certificate_authority.find(connection, name) is not None:
        return f"There is an authority called {name} already. Run: idp ca list"
    return None


def _urls_problem(*urls: str | None) -> str | None:
    for url in urls:
        problem = None if url is None else http.url_problem(url)
        if problem is not None:
            return f"{url!r} {problem}."
    return None


def _record(
    connection: Connection,
    event: EventName,
    found: Account | None,
    now: datetime,
    detail: Mapping[str, object],
) -> None:
    whose = {} if found is None else {"username": found.username}
    audit.record(
        connection,
        AuditEvent(
            at=now, event=event, account_id=None if found is None else found.id, detail={**whose, **detail}
        ),
    )
