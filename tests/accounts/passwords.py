"""Somebody who chooses new passwords: Jane Smith, her mailbox and her browsers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from idp.accounts import browser_session
from idp.accounts.attempt import AccountThrottled, AddressThrottled, Limits
from idp.accounts.browser_session import NewSession
from idp.accounts.entry import Entered, Visit
from idp.accounts.link import Link, LinkProblem, Links
from idp.accounts.password import (
    Changed,
    NotAccepted,
    NotDue,
    Passwords,
    WrongPassword,
)
from idp.accounts.post import Enclosed
from idp.accounts.sign_in import Credentials
from idp.db import account, attempt, audit
from idp.db.account import Account, AccountState
from idp.db.attempt import Bucket
from idp.db.browser_session import BrowserSession
from idp.db.link import Purpose
from idp.services.hashing import Hasher
from tests import mailbox
from tests.site import PASSWORD, Site

JANE = "918JSMITH01"
NEW = "Cloud.Tiger.Sock48"
OTHER = "Pencil-Wagon-Fish7"
WRONG = "Wrong.Horse.Lamp19"
HERE = "192.0.2.7"
TOO_LONG = "ab" * 600


@dataclass
class Desk:
    """Jane Smith, her mailbox and her browsers, and the service of new passwords."""

    site: Site
    passwords: Passwords
    links: Links

    @property
    def now(self) -> datetime:
        return self.site.clock.now()

    def jane(self, username: str = JANE) -> Account:
        with self.site.provider.database.read() as connection:
            found = account.find(connection, username)
        assert found is not None
        return found

    def stands(self, state: AccountState) -> None:
        with self.site.provider.database.write() as connection:
            before = account.find(connection, JANE)
            assert before is not None
            assert account.set_state(connection, before.id, before.state, state)

    def mail_link(self, purpose: Purpose = Purpose.RESET) -> str:
        with self.site.provider.database.write() as connection:
            return self.links.issue(connection, self.jane().id, purpose, self.now).token

    def link(self, token: str) -> Link | LinkProblem:
        with self.site.provider.database.read() as connection:
            return self.links.find(connection, token, frozenset(Purpose), self.now)

    def is_live(self, token: str) -> bool:
        return isinstance(self.link(token), Link)

    def update(self, token: str, username: str = JANE, password: str = NEW) -> object:
        return self.passwords.update(token, username, password, address=HERE)

    def change(
        self,
        session: BrowserSession,
        current: str = PASSWORD,
        password: str = NEW,
        *,
        known_device: str | None = None,
        limits: Limits | None = None,
        address: str = HERE,
    ) -> Changed | NotAccepted | WrongPassword | AddressThrottled:
        return self.passwords.change(
            session,
            current,
            password,
            address=address,
            known_device=known_device,
            limits=limits or self.site.provider.limits,
        )

    def change_due(
        self, session: BrowserSession, password: str = NEW
    ) -> Changed | NotAccepted | NotDue | AccountThrottled:
        return self.passwords.change_due(session, password, address=HERE)

    def try_to_sign_in(self, password: str = PASSWORD, username: str = JANE) -> object:
        return self.site.provider.sign_in.with_password(
            Credentials(
                username=username,
                password=password,
                visit=Visit(
                    address="198.51.100.4",
                    user_agent="a browser",
                    known_device=None,
                    trusted_device=None,
                    current=None,
                    request_digest=None,
                    is_trusted_network=False,
                    reference=self.site.provider.randomness.reference(),
                ),
                limits=self.site.provider.limits,
            )
        )

    def sign_in(self, password: str = PASSWORD) -> NewSession:
        signed_in = self.try_to_sign_in(password)
        assert isinstance(signed_in, Entered)
        return signed_in.session

    def find(self, session: NewSession) -> BrowserSession | None:
        with self.site.provider.database.read() as connection:
            return browser_session.find(connection, session.secret, self.now)

    def live(self, session: NewSession) -> BrowserSession:
        found = self.find(session)
        assert found is not None
        return found

    def due(self, session: NewSession) -> BrowserSession:
        with self.site.provider.database.read() as connection:
            found = browser_session.find_due(connection, session.secret, self.now)
        assert found is not None
        return found

    def sign_in_due(self) -> NewSession:
        self.stands(AccountState.MUST_CHANGE_PASSWORD)
        return self.sign_in()

    def events(self, *names: str) -> list[tuple[str, str, UUID | None, object]]:
        wanted = names or ("password.changed", "account.activated")
        with self.site.provider.database.read() as connection:
            found = audit.of_account(connection, self.jane().id, 50)
        return [
            (event.event, event.outcome, event.sid, event.detail)
            for event in reversed(found)
            if event.event in wanted
        ]

    def letters(self) -> list[Enclosed]:
        return mailbox.queued(self.site.provider.database.url, self.site.provider.masters)

    def guesses(self, factor: str = "password") -> list[int]:
        key = self.site.provider.sign_in.attempts.of_person(self.jane().person_id)
        with self.site.provider.database.read() as connection:
            return [row.n for row in attempt.of_key(connection, key) if row.factor == factor]

    def guess(self, factor: str) -> None:
        provider = self.site.provider
        key = provider.sign_in.attempts.of_person(self.jane().person_id)
        with provider.database.write() as connection:
            attempt.count(connection, provider.sign_in.attempts.rule, key, factor, Bucket.KNOWN, self.now)


def build(site: Site) -> Desk:
    """Jane at the desk of a site whose own words are few."""
    return Desk(site, replace(site.provider.passwords, more_words=("Payroll",)), site.provider.links)


@contextmanager
def nothing_changes(desk: Desk, username: str = JANE) -> Iterator[None]:
    def succeeded() -> list[object]:
        return [event for event in desk.events() if event[1] == "success"]

    before, letters, events = desk.jane(username), len(desk.letters()), succeeded()
    yield
    assert desk.jane(username) == before
    assert len(desk.letters()) == letters
    assert succeeded() == events


class Queue(Hasher):
    """A hash queue in which something happens, once, while a new password is hashed."""

    def __init__(self, pepper: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(pepper)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def make(self, pool: Any, password: str) -> str:  # noqa: ANN401 - private to its parent
        made = super().make(pool, password)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return made


def while_it_waits(desk: Desk, meanwhile: Callable[[], object]) -> Desk:
    hasher = Queue(desk.site.provider.masters.pepper, meanwhile)
    return replace(desk, passwords=replace(desk.passwords, hasher=hasher))
