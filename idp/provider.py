"""The assembled provider: rules, clock, keys, database and server as one frozen value.

Made by `app.assemble`, handed to every view. Lower layers receive the parts they need as arguments.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from idp.accounts.attempt import Limits
from idp.accounts.care_identity import CareIdentity
from idp.accounts.enrolment import Enrolments
from idp.accounts.entry import Entry
from idp.accounts.factors import Factors
from idp.accounts.link import Links
from idp.accounts.mfa import Mfa
from idp.accounts.passkey import Passkeys
from idp.accounts.passkey_enrolment import PasskeyEnrolment
from idp.accounts.password import Passwords
from idp.accounts.recovery import Recovery
from idp.accounts.sign_in import SignIn
from idp.accounts.smartcard import Smartcards
from idp.db import Database
from idp.policy.lifetime import Lifetimes
from idp.policy.network import Networks
from idp.protocol.keyring import KeyRing
from idp.protocol.server import Server
from idp.services.clock import Clock
from idp.services.keys import MasterKeys
from idp.services.randomness import Randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Everything a request may need.

    `cookie_prefix` keeps cookies apart where hosts share a name. `smartcard_origin` is where browsers are
    asked for a certificate, if they are at all; `care_identity` is there where NHS Care Identity is a way in.
    """

    issuer: str
    database: Database
    masters: MasterKeys
    csrf_key: bytes
    keyring: KeyRing
    server: Server
    sign_in: SignIn
    entry: Entry
    mfa: Mfa
    enrolments: Enrolments
    factors: Factors
    links: Links
    passkeys: Passkeys
    passkey_enrolment: PasskeyEnrolment
    passwords: Passwords
    recovery: Recovery
    smartcards: Smartcards
    care_identity: CareIdentity | None
    limits: Limits
    lifetimes: Lifetimes
    clock: Clock
    randomness: Randomness
    trusted_proxies: Networks
    trusted_networks: Networks
    metrics_networks: Networks
    cookie_prefix: str
    service_desk: str | None
    smartcard_origin: str | None
    outbox: Path | None

    @property
    def is_https(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.issuer.startswith("https://")

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return self.clock.now()
