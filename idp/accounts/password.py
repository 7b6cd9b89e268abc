"""New passwords: by a mailed link, by their owner who is signed in, and where one is due.

OWASP ASVS 5.0 §6.2, §6.3.1, §6.4.3. Everything that is wrong with a password is told at once, the history
included, whose hashes are checked in one place of the hash queue. A link never signs anybody in. Who guesses
at the current password is counted as at the login page, and a session whose password is due opens nothing
but this. Who has a link or such a session may try passwords often enough, and not keep the hash queue busy.
What a new password changes is `replacement`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from unicodedata import normalize
from uuid import UUID

from idp.accounts import passphrase
from idp.accounts.attempt import AccountThrottled, AddressThrottled, Attempts, Limits
from idp.accounts.browser_session import NewSession
from idp.accounts.known_device import KnownDevices
from idp.accounts.link import PASSWORD_PURPOSES, LinkProblem, Links
from idp.accounts.replacement import How, Replacement
from idp.accounts.sign_in import PASSWORD
from idp.db import Connection, Database, account, attempt, audit, employer, password_history, person, rate
from idp.db.account import Account, AccountState
from idp.db.attempt import Bucket
from idp.db.audit import AuditEvent
from idp.db.browser_session import PASSWORD_DUE, BrowserSession
from idp.policy import username as usernames
from idp.policy.event_name import EventName
from idp.policy.password import Failure, Profile, Rule, failures, words_of
from idp.policy.rate import RateLimits
from idp.services import hashing
from idp.services.clock import Clock
from idp.services.common_passwords import is_common
from idp.services.hashing import Hasher, Place
from idp.services.randomness import Randomness

_TRIES = RateLimits().new_password_account


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of the password of one account: a profile, and the words it may not hold."""

    profile: Profile
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """The link was used and the password is another; nobody is signed in."""

    username: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The password is another, and a new secret opens the session it was changed in."""

    session: NewSession


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """Everything that is wrong with the new password; the old one stands."""

    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class OtherUsername:
    """The link is of another account than the one that was named; it can still be used."""


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """The current password is another, or guesses at it are not heard, or all has changed meanwhile."""


@dataclass(frozen=True, slots=True)
class NotDue:
    """No password is due in this session: it has ended, or somebody was faster."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """An account as it was read, what is asked of its password, and the hashes that may not come again."""

    account: Account
    rules: Rules
    history: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Guess:
    """What was typed as the current password, in which session and from where."""

    password: str
    sid: UUID
    address: str
    known_device: str | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class Passwords:
    """The service of new passwords over what it needs. `more_words` are the installation's own."""

    database: Database
    hasher: Hasher
    attempts: Attempts
    known_devices: KnownDevices
    links: Links
    replacement: Replacement
    profile: Profile
    more_words: tuple[str, ...]
    clock: Clock
    randomness: Randomness

    def rules(self, account_id: UUID) -> Rules:
        """What is asked of a password of this account, which exists."""
        with self.database.read() as connection:
            return self._rules(connection, account.get(connection, account_id))

    def suggestions(self, rules: Rules) -> tuple[str, ...]:
        """Passphrases that these rules accept."""
        return passphrase.suggest(self.randomness, rules.profile, rules.words)

    def judge(self, rules: Rules, password: str) -> tuple[Failure, ...]:
        """What is wrong with a password before anybody has proved anything: all but the history.

        Whether a password was theirs is told only to who may set one.
        """
        return judged(rules, password)

    def update(
        self, token: str, username: str, password: str, *, address: str
    ) -> Updated | NotAccepted | OtherUsername | LinkProblem | AccountThrottled:
        """Choose a password by a mailed link that resets or activates. Raises `hashing.Busy`.

        The link of an account that was closed since is `UNKNOWN`: what is closed has no link.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            link = self.links.find(connection, token, PASSWORD_PURPOSES, now)
            if isinstance(link, LinkProblem):
                return link
            facts = self._facts(connection, link.account_id)
        found = facts.account
        if found.is_closed(now):
            return LinkProblem.UNKNOWN
        if usernames.normalise(username) != found.username:
            return OtherUsername()
        wanted = self._wanted(facts, password, now)
        if not isinstance(wanted, str):
            return wanted
        if self.replacement.by_link(token, found, wanted, address=address):
            return Updated(found.username)
        # What changed at the same moment is seen by looking again, most often a link that is used now.
        return self.update(token, username, password, address=address)

    def change(
        self,
        session: BrowserSession,
        current: str,
        password: str,
        *,
        address: str,
        known_device: str | None,
        limits: Limits,
    ) -> Changed | NotAccepted | WrongPassword | AddressThrottled:
        """Choose a password in a live session, knowing the current one. Raises `hashing.Busy`.

        Nothing is counted then. A throttled guess costs what a wrong one does, and is answered like it.
        """
        with self.hasher.place() as place:
            with self.database.read() as connection:
                facts = self._facts(connection, session.account_id)
            guess = _Guess(current, session.sid, address, known_device, limits)
            is_right = self._is_current(place, facts.account, guess)
            if isinstance(is_right, AddressThrottled):
                return is_right
            if not is_right or not facts.account.may_sign_in(self.clock.now()):
                return WrongPassword()
            wanted = _hashed(place, facts, password)
        if isinstance(wanted, NotAccepted):
            return wanted
        renewed = self.replacement.in_session(session, facts.account, wanted, How.CHANGED, address=address)
        return WrongPassword() if renewed is None else Changed(renewed)

    def change_due(
        self, session: BrowserSession, password: str, *, address: str
    ) -> Changed | NotAccepted | NotDue | AccountThrottled:
        """Choose a password in a session that is due, which makes it live. Raises `hashing.Busy`."""
        now = self.clock.now()
        with self.database.read() as connection:
            facts = self._facts(connection, session.account_id)
        if not _is_due(session, facts.account, now):
            return NotDue()
        wanted = self._wanted(facts, password, now)
        if not isinstance(wanted, str):
            return wanted
        renewed = self.replacement.in_session(session, facts.account, wanted, How.DUE, address=address)
        return NotDue() if renewed is None else Changed(renewed)

    def _wanted(self, facts: _Facts, password: str, now: datetime) -> str | NotAccepted | AccountThrottled:
        """Count a try without the current password, and hash it."""
        with self.database.write() as connection:
            throttled = self.attempts.count_new_password(connection, facts.account.id, _TRIES, now)
        if throttled is not None:
            return throttled
        with self.hasher.place() as place:
            return _hashed(place, facts, password)

    def _facts(self, connection: Connection, account_id: UUID) -> _Facts:
        found = account.get(connection, account_id)
        history = newest(connection, found, self.profile.history)
        return _Facts(found, self._rules(connection, found), history)

    def _rules(self, connection: Connection, found: Account) -> Rules:
        return Rules(self.profile, words_about(connection, found, self.more_words))

    def _is_current(self, place: Place, found: Account, guess: _Guess) -> bool | AddressThrottled:
        """Count the guess and commit, check it with nothing open, store the outcome: as at the login page."""
        now = self.clock.now()
        whose = self.attempts.of_person(found.person_id)
        address = self.attempts.of_address(guess.address)
        is_known = self.known_devices.knows(guess.known_device, found.person_id, now)
        bucket = Bucket.KNOWN if is_known else Bucket.UNKNOWN
        with self.database.write() as connection:
            heard = self.attempts.count(
                connection,
                whose=whose,
                factor=PASSWORD,
                bucket=bucket,
                address=address,
                limits=guess.limits,
                stranger=False,
                now=now,
            )
        if isinstance(heard, AddressThrottled):
            return heard
        verified = place.verify(guess.password, found.password_hash if heard.is_heard else None)
        now = self.clock.now()
        with self.database.write() as connection:
            if verified.ok:
                attempt.succeeded(connection, whose, PASSWORD, bucket, now)
                rate.succeeded(connection, address, whose)
            else:
                rate.failed(connection, address, whose, now)
                cause = "wrong_password" if heard.is_heard else "throttled"
                _record_failure(connection, found, guess, cause, now)
        return verified.ok


def words_about(connection: Connection, found: Account, more: Iterable[str]) -> tuple[str, ...]:
    """The words that a password of this account may not hold; `more` are the installation's own."""
    owner = person.find(connection, found.person_id)
    at = employer.find(connection, found.employer_code)
    return words_of(
        names=() if owner is None else (owner.given_name, owner.family_name),
        username=found.username,
        job_title=found.job_title,
        localities=(found.locality, *(() if at is None else (at.name, at.locality))),
        more=more,
    )


def newest(connection: Connection, found: Account, count: int) -> tuple[str, ...]:
    """The newest hashes. The current one is among them, also where nobody has remembered it."""
    recent = password_history.recent(connection, found.id, count)
    if found.password_hash is None or found.password_hash in recent:
        return tuple(recent)
    return (found.password_hash, *recent)[:count]


def _is_due(session: BrowserSession, found: Account, now: datetime) -> bool:
    is_due = found.state is AccountState.MUST_CHANGE_PASSWORD and session.acr == PASSWORD_DUE
    return is_due and not found.has_ended(now)


def _hashed(place: Place, facts: _Facts, password: str) -> str | NotAccepted:
    """The hash to store, or everything that is wrong with the password. What is too long is never hashed."""
    in_history = not _is_too_long(password, facts.rules.profile) and any(
        place.verify(password, phc).ok for phc in facts.history
    )
    found = judged(facts.rules, password, in_history=in_history)
    return NotAccepted(found) if found else place.hash(password)


def judged(rules: Rules, password: str, *, in_history: bool = False) -> tuple[Failure, ...]:
    """What is wrong with a password; `in_history` says whether it was one of the account's last."""
    profile, words = rules.profile, rules.words
    if _is_too_long(password, profile):
        found = (Failure(Rule.LENGTH), *failures(password, profile, words))
        return tuple(dict.fromkeys(found))
    return failures(password, profile, words, is_common=is_common(password), in_history=in_history)


def _is_too_long(password: str, profile: Profile) -> bool:
    # In bytes first: that bounds what is normalised here.
    return hashing.is_too_long(password) or len(normalize("NFKC", password)) > profile.longest


def _record_failure(connection: Connection, found: Account, guess: _Guess, cause: str, now: datetime) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=EventName.PASSWORD_CHANGED,
            outcome="failed",
            account_id=found.id,
            sid=guess.sid,
            address=guess.address,
            detail={"how": How.CHANGED.value, "cause": cause},
        ),
    )
