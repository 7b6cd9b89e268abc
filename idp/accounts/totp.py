"""One-time codes of authenticator apps: enrol an app, recognise its code, use each time step once.

RFC 6238, RFC 4226 §4; OWASP ASVS 5.0 §6.5. The secret has 160 bits, is shown once and kept sealed, tied to
its row. A code is matched against the steps that are heard; which of two uses was first, one UPDATE decides.
Whether a guess is heard at all is the caller's business (`mfa`): nothing here counts.
"""

from base64 import b32encode, urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from pyotp import HOTP

from idp.db import Connection, totp_device
from idp.db.totp_device import TotpDevice
from idp.policy import totp
from idp.policy.lifetime import Lifetimes
from idp.services import logs
from idp.services.keys import MasterKeys, SealBroken
from idp.services.randomness import Randomness

MOST: Final = 5
"""Apps of one account."""

ISSUER: Final = "Electronic Staff Record"
_SECRET_BYTES: Final = 20
_log = logs.get()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An app that waits for its first code. `secret` and `uri` are shown to its owner, once."""

    device_id: UUID
    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Match:
    """A code of this app and this step; it has not been used yet."""

    device: TotpDevice
    step: int


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No app of the account has this code now. `off_by` is how many steps it is off, if it is no guess."""

    off_by: int | None = None


@dataclass(frozen=True, slots=True)
class Totp:
    """Enrols apps, and matches and uses their codes."""

    masters: MasterKeys
    randomness: Randomness
    lifetimes: Lifetimes

    def begin(
        self, connection: Connection, account_id: UUID, username: str, name: str, now: datetime
    ) -> Enrolment | None:
        """Make an app's secret, in place of one whose first code never came. None when there are enough."""
        if totp_device.count(connection, account_id) >= MOST:
            return None
        totp_device.remove_unconfirmed(connection, account_id)
        device_id = self.randomness.uuid()
        secret = urlsafe_b64decode(self.randomness.token() + "=")[:_SECRET_BYTES]
        sealed = self.masters.seal(secret, _aad(device_id))
        totp_device.add(connection, TotpDevice(device_id, account_id, name, sealed, None, now, None, None))
        text = b32encode(secret).decode()
        return Enrolment(device_id, text, _uri(username, text))

    def match_first(
        self, connection: Connection, account_id: UUID, device_id: UUID, code: str, now: datetime
    ) -> Match | NoMatch | None:
        """Whether this is the first code of an app that waits for it. None when no such app waits, or may."""
        since = now - self.lifetimes.transaction
        waiting = totp_device.find_unconfirmed(connection, device_id, account_id, since)
        if waiting is None or totp_device.count(connection, account_id) >= MOST:
            return None
        return self._matched([waiting], code, now)

    def confirm(self, connection: Connection, match: Match, now: datetime) -> bool:
        """Let the app count, and its first code be used. False when it did already."""
        device = match.device
        return totp_device.confirm(connection, device.id, device.account_id, match.step, now)

    def match(self, connection: Connection, account_id: UUID, code: str, now: datetime) -> Match | NoMatch:
        """The app and the step this code is of, among those that are heard now."""
        return self._matched(totp_device.of_account(connection, account_id), code, now)

    def use(self, connection: Connection, match: Match, now: datetime) -> bool:
        """Use the code. False when its step, or a later one, has been used, or the app is gone."""
        device = match.device
        return totp_device.use(connection, device.id, device.account_id, match.step, now)

    def _matched(self, devices: list[TotpDevice], code: str, now: datetime) -> Match | NoMatch:
        step_now = totp.step_at(now)
        for device in devices:
            step = self._step_of(device, code, totp.heard(step_now))
            if step is not None:
                return Match(device, step)
        for device in devices:
            step = self._step_of(device, code, totp.too_far(step_now))
            if step is not None:
                return NoMatch(step - step_now)
        return NoMatch()

    def _step_of(self, device: TotpDevice, code: str, steps: range | tuple[int, ...]) -> int | None:
        try:
            secret = self.masters.open(device.sealed, _aad(device.id))
        except SealBroken as broken:
            _log.error("totp_secret_unreadable", device=str(device.id), exc_info=broken)
            return None
        # RFC 6238 §4: the code of a step is the HOTP of its number, which is the one that will be used up.
        code_of = HOTP(b32encode(secret).decode(), digits=totp.DIGITS)
        equal = [step for step in steps if compare_digest(code_of.at(step), code)]
        return equal[0] if equal else None


def grouped(secret: str) -> str:
    """The secret as a person types it: in groups of four."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _uri(username: str, secret: str) -> str:
    """What a QR code tells an app; the format is that of Google Authenticator's Key Uri."""
    query = urlencode({"secret": secret, "issuer": ISSUER}, quote_via=quote)
    return f"otpauth://totp/{quote(ISSUER)}:{quote(username)}?{query}"


def _aad(device_id: UUID) -> bytes:
    return b"totp" + device_id.bytes
