"""How long everything lives.

RFC 9700 §4.14.2, OpenID Connect Core §10.1.1, NIST SP 800-63B-4 §2.2.3, OWASP ASVS 5.0 §10.4. A refresh token
lives and dies with the session, unless the client has `offline_access`. `idle` ends what is not used,
`absolute` ends what is.
"""

from dataclasses import dataclass, fields
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The defaults; those of sessions, access tokens and ID Tokens are settings.

    ValueError when one is not positive, or when two contradict each other.
    """

    code: timedelta = timedelta(seconds=60)
    transaction: timedelta = timedelta(minutes=30)
    id_token: timedelta = timedelta(minutes=5)
    access_token: timedelta = timedelta(minutes=5)
    refresh_idle: timedelta = timedelta(minutes=30)
    refresh_absolute: timedelta = timedelta(hours=12)
    refresh_retry: timedelta = timedelta(seconds=10)
    offline_idle: timedelta = timedelta(days=14)
    offline_absolute: timedelta = timedelta(days=90)
    session_idle: timedelta = timedelta(minutes=30)
    session_absolute: timedelta = timedelta(hours=12)
    # A setting that is shorter for every session is as short for these: one that opens nothing until a new
    # password was chosen, and NIST SP 800-63B-4 §2.3.3.
    due_session_idle: timedelta = timedelta(minutes=10)
    session_idle_aal3: timedelta = timedelta(minutes=15)
    client_assertion: timedelta = timedelta(seconds=60)
    client_assertion_leeway: timedelta = timedelta(seconds=30)
    jwks_max_age: timedelta = timedelta(seconds=600)
    key_announce: timedelta = timedelta(hours=24)
    key_retiring: timedelta = timedelta(hours=24)
    known_device: timedelta = timedelta(days=180)
    trusted_device: timedelta = timedelta(days=30)
    # OWASP ASVS 5.0 §7.5.1: who changes a factor has proved them all so short a time ago.
    freshness: timedelta = timedelta(minutes=5)
    # The guidance warns of 10 to 15 minutes of mail delay.
    reset_link: timedelta = timedelta(minutes=60)
    unlock_link: timedelta = timedelta(minutes=60)
    activation_link: timedelta = timedelta(hours=24)
    enrol_link: timedelta = timedelta(minutes=60)
    recovery_request: timedelta = timedelta(minutes=60)

    def refresh(self, *, offline: bool) -> tuple[timedelta, timedelta]:
        """How long a refresh token lives unused, and how long its family lives at most."""
        if offline:
            return self.offline_idle, self.offline_absolute
        return self.refresh_idle, self.refresh_absolute

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= timedelta(0):
                raise ValueError(f"the lifetime {field.name} must be longer than nothing")
        for kind in ("refresh", "offline", "session"):
            if getattr(self, f"{kind}_idle") > getattr(self, f"{kind}_absolute"):
                raise ValueError(f"the lifetime {kind}_idle must not exceed {kind}_absolute")
        # A relying party may hold a JWKS for jwks_max_age before it sees a new key, a token until it ends.
        if self.key_announce < self.jwks_max_age:
            raise ValueError("the lifetime key_announce must not be shorter than jwks_max_age")
        if self.key_retiring < max(self.id_token, self.access_token):
            raise ValueError("the lifetime key_retiring must not be shorter than id_token or access_token")
