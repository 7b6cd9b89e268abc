"""The one way in: whatever a person has proved, here a session comes of it.

NIST SP 800-63B-4 §2.2, OWASP ASVS 5.0 §6.3.3 and §7.2.4. A password, a passkey and a card all pass this gate,
so that none forgets what another one checks. While a second factor is due the session is half: it opens
nothing, guesses at the password stay counted, and the browser is not known. Then a password that must be
changed is due. Who enters from a browser that does not know them is told so by mail.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from idp.accounts import browser_session
from idp.accounts.attempt import Attempts
from idp.accounts.browser_session import NewSession
from idp.accounts.known_device import KnownDevices
from idp.accounts.post import Post
from idp.accounts.trusted_device import TrustedDevices
from idp.db import Connection, account, attempt, audit, authorization_request, second_factor
from idp.db.account import Account, AccountState
from idp.db.attempt import Bucket
from idp.db.audit import AuditEvent
from idp.db.browser_session import PASSWORD_DUE, SECOND_FACTOR_DUE, BrowserSession
from idp.policy import event_name
from idp.policy.assurance import Factor, factors_of
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.policy.second_factor import Rule, is_due
from idp.services.letters import Letter
from idp.services.randomness import Randomness

_MAY_ENTER = frozenset({AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD})
_OUTCOME: dict[str | None, str] = {
    SECOND_FACTOR_DUE: "second_factor_due",
    PASSWORD_DUE: "password_change_due",
    None: "success",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """From where somebody signs in, and for what.

    `known_device` and `trusted_device` are the values of those cookies, `current` is the session that nobody
    has ended in this browser, `request_digest` the parked request to sign in for. Under `reference` the audit
    log finds it.
    """

    address: str
    user_agent: str | None
    known_device: str | None
    trusted_device: str | None
    current: BrowserSession | None
    request_digest: bytes | None
    is_trusted_network: bool
    reference: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A session under a new secret, and the browser's new `known_device` cookie once it is not half."""

    session: NewSession
    known_device: str | None
    is_half: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """Opens sessions, by the installation's `rule` on second factors."""

    attempts: Attempts
    known_devices: KnownDevices
    trusted_devices: TrustedDevices
    rule: Rule
    post: Post
    lifetimes: Lifetimes
    randomness: Randomness

    def enter(
        self,
        connection: Connection,
        found: Account,
        proved: tuple[Factor, ...],
        visit: Visit,
        now: datetime,
        *,
        auth_time: datetime | None = None,
        nhsid_useruid: str | None = None,
    ) -> Entered | None:
        """Open a session for who has just proved these factors of the account as it was read.

        None when the account is closed, or its state or password has changed since. Until the transaction
        ends nobody else can change either. Who proved them to somebody else did so at `auth_time`;
        `nhsid_useruid` is the number of the card that was used, if it was one.
        """
        if not may_enter(found, now) or not account.hold(connection, found):
            return None
        lacks = self._lacks(connection, found, proved, visit, now)
        session = browser_session.start(
            connection,
            self.randomness,
            self.lifetimes,
            account_id=found.id,
            proved=proved,
            lacks=lacks,
            user_agent=visit.user_agent,
            address=visit.address,
            replaces=visit.current,
            now=now,
            auth_time=auth_time,
            nhsid_useruid=nhsid_useruid,
        )
        if visit.request_digest is not None:
            authorization_request.signed_in(connection, visit.request_digest, session.sid)
        _record(connection, event_name.sign_in(proved[0]), found, session, visit, lacks, now)
        if lacks == SECOND_FACTOR_DUE:
            return Entered(session, None, is_half=True)
        return self._complete(connection, found, proved, session, visit, now)

    def step_up(
        self, connection: Connection, session: BrowserSession, proved: Factor, visit: Visit, now: datetime
    ) -> Entered | None:
        """Add a factor that was just proved to a half or live session. None when that is not what it was."""
        found = account.get(connection, session.account_id)
        if not may_enter(found, now) or not account.hold(connection, found):
            return None
        is_live = session.acr not in {SECOND_FACTOR_DUE, PASSWORD_DUE}
        lacks = None if is_live else _password(found)
        renewed = browser_session.step_up(
            connection, self.randomness, self.lifetimes, session, proved, lacks=lacks, now=now
        )
        if renewed is None:
            return None
        _record(connection, event_name.second_factor(proved), found, renewed, visit, lacks, now)
        if is_live:
            return Entered(renewed, None, is_half=False)
        factors = (*factors_of(session.factors), proved)
        return self._complete(connection, found, factors, renewed, visit, now)

    def _lacks(
        self, connection: Connection, found: Account, proved: tuple[Factor, ...], visit: Visit, now: datetime
    ) -> str | None:
        due = partial(
            is_due,
            self.rule,
            enrolled=second_factor.of_account(connection, found.id),
            proved=proved,
            is_trusted_network=visit.is_trusted_network,
        )
        # A device is looked for when it would spare a question, and then it counts as used.
        if due(is_trusted_device=False) and due(
            is_trusted_device=self.trusted_devices.use(connection, visit.trusted_device, found.id, now)
        ):
            return SECOND_FACTOR_DUE
        return _password(found)

    def _complete(
        self,
        connection: Connection,
        found: Account,
        proved: tuple[Factor, ...],
        session: NewSession,
        visit: Visit,
        now: datetime,
    ) -> Entered:
        """All factors due are done: only now do guesses end, and is the browser known."""
        account.signed_in(connection, found, now)
        is_known = self.known_devices.knows(visit.known_device, found.person_id, now)
        if Factor.PASSWORD in proved:
            whose = self.attempts.of_person(found.person_id)
            bucket = Bucket.KNOWN if is_known else Bucket.UNKNOWN
            attempt.succeeded(connection, whose, Factor.PASSWORD.value, bucket, now)
        if not is_known and _has_entered_before(connection, found):
            self._tell(connection, found, visit, now)
        cookie = self.known_devices.after_sign_in(visit.known_device, found.person_id, now)
        return Entered(session, cookie, is_half=False)

    def _tell(self, connection: Connection, found: Account, visit: Visit, now: datetime) -> None:
        profile = account.get_profile(connection, found.id)
        self.post.queue(
            connection,
            Letter.NEW_DEVICE,
            to=profile.email,
            language=profile.language,
            values={
                "name": profile.name,
                "username": profile.username,
                "employer": profile.employer_name,
                "at": now.isoformat(),
                "device": visit.user_agent or "-",
                "account_page": self.post.address("/account"),
                "forgotten": self.post.address("/forgotten"),
                "service_desk": profile.service_desk,
            },
            person_id=profile.person_id,
            reference=visit.reference,
            now=now,
        )


def may_enter(found: Account, now: datetime) -> bool:
    """Whether a session may be opened for this account at all, live or not."""
    return found.state in _MAY_ENTER and not found.has_ended(now)


def _has_entered_before(connection: Connection, found: Account) -> bool:
    """Whether this person has, in any account, before the account was read: the first time is no news."""
    others = (other for other in account.of_person(connection, found.person_id) if other.id != found.id)
    return any(each.last_sign_in_at is not None for each in (found, *others))


def _password(found: Account) -> str | None:
    return PASSWORD_DUE if found.state is AccountState.MUST_CHANGE_PASSWORD else None


def _record(
    connection: Connection,
    event: EventName,
    found: Account,
    session: NewSession,
    visit: Visit,
    lacks: str | None,
    now: datetime,
) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=event,
            outcome=_OUTCOME[lacks],
            account_id=found.id,
            sid=session.sid,
            address=visit.address,
            reference=visit.reference,
        ),
    )
