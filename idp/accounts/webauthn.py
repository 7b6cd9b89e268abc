"""Ceremonies with authenticators: a challenge for one browser, used up before its answer is believed.

Web Authentication Level 3 §7.1, §7.2, §13.4.3; OWASP ASVS 5.0 §6.5.1, §6.7.2. A challenge has 256 random
bits, of which the database holds a digest, and is for one kind of ceremony, one account or nobody, and the
browser that holds one secret. It is used up in a transaction of its own, so whatever the answer turns out to
be, it cannot come again. Nothing here opens a session or stores a passkey.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.db import Connection, Database, passkey, webauthn_challenge
from idp.db.passkey import Passkey
from idp.db.webauthn_challenge import Ceremony, Challenge
from idp.policy.assurance import Factor
from idp.services import webauthn
from idp.services.authenticator import Assertion, Flaw, Flawed, Registration
from idp.services.clock import Clock
from idp.services.digest import digest
from idp.services.randomness import Randomness
from idp.services.webauthn import Asserted, Registered, RelyingParty, Trust

LIFETIME: Final = timedelta(minutes=5)


class Cause(StrEnum):
    """Why a sound answer is refused, as the audit log names it. What is not sound has a `Flaw`."""

    CHALLENGE = "challenge_unusable"
    UNKNOWN = "unknown_passkey"
    OTHER_ACCOUNT = "passkey_of_another_account"
    OTHER_HANDLE = "user_handle_of_another"
    BACKUP_CHANGED = "backup_eligibility_changed"
    COUNTER = "counter_did_not_advance"
    CLOSED = "account_closed"
    CHANGED = "changed_meanwhile"
    TAKEN = "passkey_exists"
    TOO_MANY = "too_many_passkeys"
    NOT_ALLOWED = "no_fresh_proof"


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer proves nothing. `account_id` is whose passkey it was, where that is known."""

    cause: Cause | Flaw
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """This passkey signed, here and now; that it was used has not been remembered yet."""

    passkey: Passkey
    asserted: Asserted
    factor: Factor

    def use(self, connection: Connection, now: datetime) -> bool:
        """Remember it. False when its counter did not advance: there may be a copy of the key."""
        return passkey.use(
            connection,
            self.passkey,
            sign_count=self.asserted.sign_count,
            is_backup_eligible=self.asserted.is_backup_eligible,
            is_backed_up=self.asserted.is_backed_up,
            now=now,
        )


@dataclass(frozen=True, slots=True)
class Ceremonies:
    """Begins ceremonies, and judges how they end. `binding` is a secret that only the one browser holds."""

    database: Database
    party: RelyingParty
    trust: Trust
    clock: Clock
    randomness: Randomness

    def begin(
        self, connection: Connection, ceremony: Ceremony, account_id: UUID | None, binding: str, now: datetime
    ) -> str:
        """A new challenge."""
        token = self.randomness.token()
        webauthn_challenge.add(
            connection,
            Challenge(
                digest=digest(token),
                ceremony=ceremony,
                account_id=account_id,
                binding=digest(binding),
                created_at=now,
                expires_at=now + LIFETIME,
            ),
        )
        return token

    def assertion(
        self, answer: str, ceremony: Ceremony, account_id: UUID | None, binding: str
    ) -> Verified | Refused:
        """Judge the answer to a challenge; `account_id` is who must have given it, None where it tells."""
        try:
            assertion = Assertion.read(answer)
        except Flawed as flawed:
            return Refused(flawed.flaw)
        if not self._use_up(assertion.challenge, ceremony, account_id, binding):
            return Refused(Cause.CHALLENGE)
        with self.database.read() as connection:
            found = passkey.find(connection, assertion.credential_id)
        if found is None:
            return Refused(Cause.UNKNOWN)
        return _of_another(found, assertion, account_id) or self._verified(found, assertion)

    def registration(self, answer: str, account_id: UUID, binding: str) -> Registered | Refused:
        """Judge a new credential for this account."""
        try:
            registration = Registration.read(answer)
        except Flawed as flawed:
            return Refused(flawed.flaw, account_id)
        if not self._use_up(registration.challenge, Ceremony.REGISTER, account_id, binding):
            return Refused(Cause.CHALLENGE, account_id)
        try:
            return webauthn.verify_registration(self.party, registration, self.trust)
        except Flawed as flawed:
            return Refused(flawed.flaw, account_id)

    def factor(self, found: Passkey) -> Factor:
        """What it proves. The key of a security key stays in its device, and a vendor we trust today says so.

        NIST SP 800-63B-4 §2.3.2, §3.1.7. What may be copied to another device is a passkey like any other.
        """
        stays = found.is_attested and not found.is_backup_eligible
        return Factor.SECURITY_KEY if stays and self.trust.covers(found.model) else Factor.PASSKEY

    def _verified(self, found: Passkey, assertion: Assertion) -> Verified | Refused:
        try:
            asserted = webauthn.verify_assertion(self.party, assertion, found.public_key)
        except Flawed as flawed:
            return Refused(flawed.flaw, found.account_id)
        if asserted.is_backup_eligible is not found.is_backup_eligible:
            return Refused(Cause.BACKUP_CHANGED, found.account_id)
        return Verified(found, asserted, self.factor(found))

    def _use_up(self, challenge: str, ceremony: Ceremony, account_id: UUID | None, binding: str) -> bool:
        now = self.clock.now()
        with self.database.write() as connection:
            return webauthn_challenge.use(
                connection, digest(challenge), ceremony, account_id, digest(binding), now
            )


def _of_another(found: Passkey, assertion: Assertion, account_id: UUID | None) -> Refused | None:
    """Its owner must be who has to prove it or, where that is nobody yet, whom its device names (§7.2)."""
    if account_id is not None and found.account_id != account_id:
        return Refused(Cause.OTHER_ACCOUNT, found.account_id)
    is_named = assertion.user_handle is not None or account_id is None
    if is_named and assertion.user_handle != found.account_id.bytes:
        return Refused(Cause.OTHER_HANDLE, found.account_id)
    return None
