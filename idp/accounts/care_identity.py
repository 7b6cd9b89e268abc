"""Sign in with NHS Care Identity: send the browser there, and make a session of what is vouched for.

OpenID Connect Core §3.1.2.1 and §3.1.2.7, RFC 7636, RFC 9207, Back-Channel Logout 1.0 §2.7; OWASP ASVS 5.0
§6.8. Who somebody is, Care Identity says; which account that opens, the service desk has said by linking a
card. What is vouched for is measured by what was asked: assurance, and how long ago.

The browser holds one secret. `state`, `nonce` and the PKCE verifier are made from it, so that nothing else
has to be kept, and an answer serves the browser that asked, once.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from idp.accounts import care_binding
from idp.accounts.attempt import AddressThrottled, Attempts, Limits
from idp.accounts.entry import Entered, Entry, Visit, may_enter
from idp.db import Conflict, Connection, Database, account, audit, browser_session, care_identity
from idp.db import upstream_request as requests
from idp.db.audit import AuditEvent
from idp.db.care_identity import CareIdentitySession
from idp.db.smartcard import Smartcard
from idp.db.upstream_request import UpstreamRequest
from idp.policy.assurance import Acr, Factor, satisfies
from idp.policy.care_identity import factor_of, is_as_asked
from idp.policy.event_name import EventName
from idp.policy.journey import Assurance
from idp.services import logs
from idp.services.clock import Clock
from idp.services.digest import digest
from idp.services.upstream import Assertion, NotBelieved, Unreachable, UpstreamClient

LIFETIME: Final = timedelta(minutes=15)
"""How long the way there and back may take."""

LEEWAY: Final = timedelta(seconds=30)
"""By how much the other clock may be wrong."""

_LONGEST_ERROR: Final = 64
_THEIR_TROUBLE: Final = frozenset({"temporarily_unavailable", "server_error"})
_log = logs.get()


class CareIdentityProblem(StrEnum):
    """Why nobody is signed in."""

    UNREACHABLE = "unreachable"
    LOST = "lost"
    DECLINED = "declined"
    NOT_BELIEVED = "not_believed"
    TOO_WEAK = "too_weak"
    NOT_FRESH = "not_fresh"
    UNKNOWN_PERSON = "unknown_person"
    OTHER_CARD = "other_card"
    ACCOUNT_CLOSED = "account_closed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody is signed in. With `reference` the audit log finds it; without, nobody was vouched for."""

    problem: CareIdentityProblem
    cause: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the application that waits demands of the sign-in. `is_new`: not one from before."""

    assurance: Assurance = field(default_factory=Assurance)
    max_age: timedelta | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """The authorization response, as the browser brought it; what it lacks is empty."""

    state: str
    code: str
    error: str
    iss: str


@dataclass(frozen=True, slots=True)
class SignedOut:
    """How many sessions ended here because they ended there."""

    sessions: int


class _Undone(Exception):
    """Something forbids it. The transaction rolls back, and this becomes a value."""

    def __init__(self, problem: CareIdentityProblem, account_id: UUID | None = None) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.account_id = account_id


@dataclass(frozen=True, slots=True)
class CareIdentity:
    """The service. `key` is for what is made from browsers' secrets.

    `acr_values` and `max_age` (in seconds) are asked for where the application that waits does not ask for
    more.
    """

    database: Database
    upstream: UpstreamClient
    attempts: Attempts
    entry: Entry
    clock: Clock
    key: bytes
    acr_values: tuple[str, ...]
    max_age: int

    def leave(
        self, secret: str, wanted: Wanted, *, address: str, limits: Limits, language: str
    ) -> str | Refused | AddressThrottled:
        """Where to send the browser that holds this secret."""
        now = self.clock.now()
        state = state_of(secret)
        acr_values, max_age = self._to_ask(wanted)
        request = UpstreamRequest(digest(state), acr_values, max_age, now, now + LIFETIME, None)
        with self.database.write() as connection:
            throttled = self.attempts.count_ceremony(connection, address, limits, now)
            if throttled is not None:
                return throttled
            requests.add(connection, request)
        try:
            return self.upstream.authorization_url(
                state=state,
                nonce=self._derived(b"nonce", secret),
                code_challenge=_as_text(digest(self._derived(b"verifier", secret))),
                acr_values=acr_values,
                max_age=max_age,
                prompt=None if max_age else "login",
                ui_locales=language,
            )
        except Unreachable as unreachable:
            return _unreachable(unreachable)

    def come_back(self, secret: str | None, returned: Returned, visit: Visit) -> Entered | Refused:
        """Open a session for whom Care Identity vouches for, in the browser that asked it to."""
        if secret is None or not hmac.compare_digest(state_of(secret).encode(), returned.state.encode()):
            return Refused(CareIdentityProblem.LOST, "another browser")
        with self.database.write() as connection:
            # First of all, and for good: an answer that fails is as used as one that does not.
            asked = requests.redeem(connection, digest(returned.state), self.clock.now())
        if asked is None:
            return Refused(CareIdentityProblem.LOST, "used or too old")
        try:
            problem = self._problem(returned)
            if problem is not None:
                return problem
            # Outside any transaction: it may take seconds.
            said = self.upstream.redeem(
                returned.code,
                code_verifier=self._derived(b"verifier", secret),
                nonce=self._derived(b"nonce", secret),
                now=self.clock.now(),
            )
        except Unreachable as unreachable:
            return _unreachable(unreachable)
        except NotBelieved as error:
            return _not_believed(str(error))
        return self._signed_in(asked, said, visit)

    def logged_out(self, logout_token: str, *, address: str) -> SignedOut | Refused:
        """End what began with a session that has ended there. Nothing that was begun later ends."""
        now = self.clock.now()
        try:
            said = self.upstream.read_logout(logout_token, now)
        except Unreachable as unreachable:
            return _unreachable(unreachable)
        except NotBelieved as error:
            return _not_believed(str(error))
        issuer = self.upstream.issuer
        with self.database.read() as connection:
            begun = care_identity.begun_sessions(
                connection, issuer, said.subject, said.sid, said.iat + LEEWAY
            )
        ended = 0
        for each in begun:
            # Each by itself: who holds one must not wait for another, which somebody ends in another order.
            with self.database.write() as connection:
                if browser_session.end(connection, each.sid, now):
                    ended += 1
                    event = AuditEvent(
                        at=now,
                        event=EventName.CARE_IDENTITY_SIGNED_OUT,
                        account_id=each.account_id,
                        sid=each.sid,
                        address=address,
                        detail={"issuer": issuer, "subject": said.subject},
                    )
                    audit.record(connection, event)
        return SignedOut(ended)

    def _to_ask(self, wanted: Wanted) -> tuple[tuple[str, ...], int]:
        """The assurance and the age to ask for: ours, or the application's where that is more."""
        # A wish is none: who has nothing better at Care Identity could not sign in at all.
        demands_level_3 = any(
            not satisfies(Acr.AAL2_ANY, values)
            and any(satisfies(each, values) for each in (Acr.AAL3_SMARTCARD, Acr.AAL3_FIDO2))
            for values in wanted.assurance.required
        )
        acr_values = (Acr.AAL3_ANY.value,) if demands_level_3 else self.acr_values
        if wanted.is_new:
            return acr_values, 0
        asked = wanted.max_age
        return acr_values, self.max_age if asked is None else min(self.max_age, int(asked.total_seconds()))

    def _problem(self, returned: Returned) -> Refused | None:
        """What is wrong with the answer before there is a code to redeem. Raises `Unreachable`."""
        # RFC 9207 §2.4, before anything else is believed, an error not excepted.
        if returned.iss != self.upstream.issuer and (returned.iss or self.upstream.demands_iss):
            return _not_believed("wrong_issuer: the answer is not from whom we asked")
        if returned.error in _THEIR_TROUBLE:
            return Refused(CareIdentityProblem.UNREACHABLE, returned.error)
        if returned.error or not returned.code:
            cause = returned.error[:_LONGEST_ERROR] or "no code"
            return Refused(CareIdentityProblem.DECLINED, cause)
        return None

    def _signed_in(self, asked: UpstreamRequest, said: Assertion, visit: Visit) -> Entered | Refused:
        factor = factor_of(said.acr, said.amr, said.level)
        if factor is None or not is_as_asked(factor, asked.acr_values):
            return self._refuse(CareIdentityProblem.TOO_WEAK, said, visit)
        # OpenID Connect Core §2: who was asked for max_age says auth_time.
        oldest = asked.asked_at - timedelta(seconds=asked.max_age) - LEEWAY
        if said.auth_time is None or said.auth_time < oldest:
            return self._refuse(CareIdentityProblem.NOT_FRESH, said, visit)
        try:
            return self._enter(factor, said, said.auth_time, visit)
        except Conflict:
            # Somebody bound the same person, or the same card, at the same moment.
            return self._enter(factor, said, said.auth_time, visit)

    def _enter(self, factor: Factor, said: Assertion, auth_time: datetime, visit: Visit) -> Entered | Refused:
        now = self.clock.now()
        try:
            with self.database.write() as connection:
                return self._opened(connection, factor, said, min(auth_time, now), visit, now)
        except _Undone as undone:
            return self._refuse(undone.problem, said, visit, undone.account_id)

    def _opened(
        self,
        connection: Connection,
        factor: Factor,
        said: Assertion,
        auth_time: datetime,
        visit: Visit,
        now: datetime,
    ) -> Entered:
        """The session, and the card and its binding used: all or nothing. Raises `_Undone`, `Conflict`."""
        card = _card(connection, said)
        found = account.get(connection, card.account_id)
        if not may_enter(found, now):
            raise _Undone(CareIdentityProblem.ACCOUNT_CLOSED, found.id)
        # The card's rows before the account's, in the order of whoever uses or releases one.
        if not care_binding.use(connection, said, card, now):
            raise _Undone(CareIdentityProblem.CHANGED, found.id)
        _record(connection, EventName.CARE_IDENTITY_PROVED, "success", said, visit, found.id, now)
        entered = self.entry.enter(
            connection,
            found,
            (factor,),
            visit,
            now,
            auth_time=auth_time,
            nhsid_useruid=card.card_number,
        )
        if entered is None:
            raise _Undone(CareIdentityProblem.CHANGED, found.id)
        begun = CareIdentitySession(entered.session.sid, said.issuer, said.subject, said.sid, begun_at=now)
        care_identity.begin_session(connection, begun)
        return entered

    def _refuse(
        self, problem: CareIdentityProblem, said: Assertion, visit: Visit, account_id: UUID | None = None
    ) -> Refused:
        """Record that somebody was refused for whom Care Identity does vouch."""
        _log.warning("care_identity_refused", reference=visit.reference, problem=problem.value)
        with self.database.write() as connection:
            _record(
                connection,
                EventName.CARE_IDENTITY_REFUSED,
                problem.value,
                said,
                visit,
                account_id,
                self.clock.now(),
            )
        return Refused(problem, None, visit.reference)

    def _derived(self, purpose: bytes, secret: str) -> str:
        return _as_text(hmac.digest(self.key, purpose + b" " + secret.encode(), hashlib.sha256))


def state_of(secret: str) -> str:
    """What may be seen in addresses: the secret cannot be made from it."""
    return _as_text(digest(secret))


def _as_text(bytes_: bytes) -> str:
    return urlsafe_b64encode(bytes_).decode().rstrip("=")


def _unreachable(unreachable: Unreachable) -> Refused:
    _log.warning("care_identity_unreachable", cause=str(unreachable))
    return Refused(CareIdentityProblem.UNREACHABLE, str(unreachable))


def _not_believed(cause: str) -> Refused:
    # No error: anybody can bring an answer, or a logout token, that is not believed.
    _log.warning("care_identity_not_believed", cause=cause)
    return Refused(CareIdentityProblem.NOT_BELIEVED, cause)


def _card(connection: Connection, said: Assertion) -> Smartcard:
    """The card of who is vouched for. Raises `_Undone`."""
    match care_binding.find(connection, said):
        case care_binding.Unknown():
            raise _Undone(CareIdentityProblem.UNKNOWN_PERSON)
        case care_binding.Disagreement(account_id):
            raise _Undone(CareIdentityProblem.OTHER_CARD, account_id)
        case card:
            return card


def _record(
    connection: Connection,
    event: EventName,
    outcome: str,
    said: Assertion,
    visit: Visit,
    account_id: UUID | None,
    now: datetime,
) -> None:
    detail: dict[str, Any] = {
        "issuer": said.issuer,
        "subject": said.subject,
        "card": said.nhsid_useruid,
        "acr": said.acr,
        "amr": list(said.amr),
        "level": said.level,
        "auth_time": None if said.auth_time is None else said.auth_time.isoformat(),
    }
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=event,
            outcome=outcome,
            account_id=account_id,
            address=visit.address,
            reference=visit.reference,
            detail=detail,
        ),
    )
