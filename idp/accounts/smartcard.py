"""Sign in with a smartcard: examine the certificate, prove that it was there, redeem the proof once.

NIST SP 800-63B-4 §2.3, OWASP ASVS 5.0 §6.5, RFC 5280 §6. The TLS handshake has shown that the key is there;
all else is decided here: the certificate, its revocation, the account it is bound to. The proof goes through
the browser from the smartcard origin to the issuer, lives for a minute, and serves the browser it was made
for, once. It remembers which revocation list it rests on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from idp.accounts.entry import may_enter
from idp.accounts.revocation_list import RevocationLists
from idp.db import Connection, Database, account, audit, certificate_authority, smartcard, smartcard_proof
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.certificate_authority import CertificateAuthority
from idp.db.smartcard import Smartcard
from idp.db.smartcard_proof import SmartcardProof
from idp.policy.assurance import Factor
from idp.policy.card_number import NumberFrom, is_card_number
from idp.policy.event_name import EventName
from idp.policy.revocation import Verdict, together
from idp.services import logs, x509
from idp.services.clock import Clock
from idp.services.digest import digest
from idp.services.randomness import Randomness
from idp.services.x509 import Authority, Described, Issued, Problem, Verified

PROOF_LIFETIME: Final = timedelta(seconds=60)
"""From the smartcard origin to the issuer is one redirect."""

_FACTOR: Final = {Verdict.GOOD: Factor.SMARTCARD, Verdict.LAST_KNOWN_GOOD: Factor.UNCONFIRMED_SMARTCARD}
_log = logs.get()


class CardProblem(StrEnum):
    """Why nobody is signed in by a card."""

    NO_CARD = "no_card"
    UNKNOWN_CARD = "unknown_card"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    UNTRUSTED = "untrusted"
    WRONG_USE = "wrong_use"
    WEAK = "weak"
    MALFORMED = "malformed"
    ACCOUNT_CLOSED = "account_closed"


@dataclass(frozen=True, slots=True)
class Card:
    """A card that opens an account. `detail` is for the audit log: which card, and what vouches for it."""

    account: Account
    smartcard_id: UUID
    factor: Factor
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of it, and what there was to see.

    `said` is what the certificate says of itself, `authority` who gave it, if we believe that one. `verdict`
    is what is known of its revocation, by the list `crl_number`. `account` is whose card it is.
    """

    outcome: Card | CardProblem
    said: Described | None = None
    authority: str | None = None
    verdict: Verdict | None = None
    crl_number: int | None = None
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof that has just been redeemed: whose it is, which factor it proves, and its number if any."""

    account: Account
    factor: Factor
    card_number: str | None


@dataclass(frozen=True, slots=True)
class Smartcards:
    """The service over what it needs. `number_from` is where certificates carry the card number."""

    database: Database
    lists: RevocationLists
    number_from: NumberFrom
    clock: Clock
    randomness: Randomness

    def examine(self, chain: Sequence[bytes], now: datetime) -> Examined:
        """Examine what a browser has presented: certificates in DER, the card's own first."""
        if not chain:
            return Examined(CardProblem.NO_CARD)
        said = x509.describe(chain[0], self.number_from)
        with self.database.read() as connection:
            believed = {each.id: each for each in certificate_authority.enabled(connection)}
        authorities = [Authority(each.id, each.certificate) for each in believed.values()]
        verified = x509.verify(chain, authorities, now, self.number_from)
        if isinstance(verified, Problem):
            return Examined(CardProblem(verified.value), said)
        verdict, crl_number, asked = self._revocation(verified.path, believed, now)
        issuer = None if verified.authority_id is None else believed[verified.authority_id].name
        with self.database.read() as connection:
            card = self._bound(connection, verified)
            found = None if card is None else account.get(connection, card.account_id)
        detail = {
            "card": _name_of(verified),
            "authority": issuer,
            "crl_number": None if crl_number is None else str(crl_number),
            "revocation": verdict.value,
            "authority_asked": asked,
        }
        outcome = _decide(verdict, card, found, detail, now)
        return Examined(outcome, said, issuer, verdict, crl_number, found)

    def prove(self, binding: bytes, card: Card, *, address: str, reference: str) -> str:
        """Store a proof for the browser with this binding (32 bytes); its token, for that browser alone."""
        now = self.clock.now()
        token = self.randomness.token()
        detail = {"smartcard_id": str(card.smartcard_id), "factor": card.factor.value, **card.detail}
        proof = SmartcardProof(
            digest(token), binding, card.account.id, detail, now, now + PROOF_LIFETIME, None
        )
        with self.database.write() as connection:
            smartcard_proof.add(connection, proof)
            audit.record(
                connection,
                AuditEvent(
                    at=now,
                    event=EventName.SMARTCARD_PROVED,
                    account_id=card.account.id,
                    address=address,
                    reference=reference,
                    detail=detail,
                ),
            )
        return token

    def refuse(self, examined: Examined, *, address: str, reference: str) -> None:
        """Record that a card was refused. One that we know nothing of is only logged: anybody can make it."""
        problem = examined.outcome
        if isinstance(problem, Card):
            raise TypeError("a card that is in order is not refused")
        _log.warning("smartcard_refused", reference=reference, problem=problem.value)
        if examined.verdict is None:
            return
        detail = {
            "card": examined.said and examined.said.card_number,
            "authority": examined.authority,
            "crl_number": None if examined.crl_number is None else str(examined.crl_number),
            "revocation": examined.verdict.value,
        }
        made = AuditEvent(
            at=self.clock.now(),
            event=EventName.SMARTCARD_REFUSED,
            outcome=problem.value,
            account_id=None if examined.account is None else examined.account.id,
            address=address,
            reference=reference,
            detail=detail,
        )
        with self.database.write() as connection:
            audit.record(connection, made)

    def redeem(self, connection: Connection, token: str, binding: bytes, now: datetime) -> Proved | None:
        """Use a proof, once, in the transaction of the sign-in. None unless it lives, for this browser.

        None, too, when its card has been released since.
        """
        proof = smartcard_proof.redeem(connection, digest(token), binding, now)
        if proof is None or not smartcard.used(connection, UUID(proof.detail["smartcard_id"]), now):
            return None
        name = proof.detail["card"]
        return Proved(
            account.get(connection, proof.account_id),
            Factor(proof.detail["factor"]),
            name if is_card_number(name) else None,
        )

    def _revocation(
        self, path: Sequence[Issued], believed: Mapping[UUID, CertificateAuthority], now: datetime
    ) -> tuple[Verdict, int | None, bool]:
        """The verdict on the whole path; by which list that on the card is, and whether anybody was asked."""
        verdicts, first = [], None
        for issued in path:
            if issued.authority_id is None:
                # Nobody told us where this one's revocations are.
                verdicts.append(Verdict.UNKNOWN)
                continue
            judged = self.lists.judge(believed[issued.authority_id], issued.serial, now)
            verdicts.append(judged.verdict)
            first = judged if issued is path[0] else first
        number = None if first is None else first.crl_number
        return together(verdicts), number, first is not None and first.asked

    def _bound(self, connection: Connection, verified: Verified) -> Smartcard | None:
        """The one card this is; none where its number says one thing and its serial number another."""
        number, authority_id = verified.card_number, verified.authority_id
        by_number = None if number is None else smartcard.find_by_number(connection, number)
        by_serial = (
            None
            if authority_id is None
            else smartcard.find_by_serial(connection, authority_id, verified.serial)
        )
        if by_number is not None and by_serial is not None and by_number.account_id != by_serial.account_id:
            _log.error("smartcard_of_two_accounts", cards=[str(by_number.id), str(by_serial.id)])
            return None
        return by_number or by_serial


def _decide(
    verdict: Verdict, card: Smartcard | None, found: Account | None, detail: Mapping[str, Any], now: datetime
) -> Card | CardProblem:
    """Of a card that its authority gave and that may be used: what it opens."""
    if verdict is Verdict.REVOKED:
        return CardProblem.REVOKED
    if verdict is Verdict.UNKNOWN:
        return CardProblem.REVOCATION_UNKNOWN
    if card is None or found is None:
        return CardProblem.UNKNOWN_CARD
    if not may_enter(found, now):
        return CardProblem.ACCOUNT_CLOSED
    return Card(found, card.id, _FACTOR[verdict], detail)


def _name_of(verified: Verified) -> str:
    return verified.card_number or f"serial {verified.serial}"
