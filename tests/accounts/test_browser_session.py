"""Browser sessions begin, are renewed, are kept alive and end."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from idp.accounts import browser_session
from idp.accounts.browser_session import NewSession
from idp.db import account, audit
from idp.db.account import Account, AccountState
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor
from tests.observed import statements
from tests.site import Site


@dataclass
class Desk:
    """A workstation in front of the product, with its clock."""

    site: Site

    def start(
        self, who: Account, replaces: BrowserSession | None = None, lacks: str | None = None
    ) -> NewSession:
        provider = self.site.provider
        with provider.database.write() as connection:
            return browser_session.start(
                connection,
                provider.randomness,
                provider.lifetimes,
                account_id=who.id,
                proved=(Factor.PASSWORD,),
                lacks=lacks,
                user_agent="a browser " * 100,
                address="192.0.2.7",
                replaces=replaces,
                now=self.site.clock.now(),
            )

    def find(self, secret: str | None) -> BrowserSession | None:
        with self.site.provider.database.read() as connection:
            return browser_session.find(connection, secret, self.site.clock.now())

    def find_due(self, secret: str | None) -> BrowserSession | None:
        with self.site.provider.database.read() as connection:
            return browser_session.find_due(connection, secret, self.site.clock.now())

    def change_secret(self, session: BrowserSession) -> NewSession | None:
        provider = self.site.provider
        with provider.database.write() as connection:
            return browser_session.change_secret(
                connection, provider.randomness, provider.lifetimes, session, self.site.clock.now()
            )

    def stands(self, who: Account, before: AccountState, after: AccountState) -> None:
        with self.site.provider.database.write() as connection:
            assert account.set_state(connection, who.id, before, after)

    def live(self, started: NewSession) -> BrowserSession:
        session = self.find(started.secret)
        assert session is not None
        return session

    def keep_alive(self, session: BrowserSession) -> int:
        """How many statements that took."""
        provider = self.site.provider
        with statements() as seen:
            browser_session.keep_alive(provider.database, session, provider.lifetimes, self.site.clock.now())
        return len(seen)


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


@pytest.fixture
def alice(site: Site) -> Account:
    return site.add_account("918AALICE01")


@pytest.fixture
def bob(site: Site) -> Account:
    return site.add_account("918BBOB01")


def test_a_session_says_who_signed_in_when_and_how(desk: Desk, alice: Account) -> None:
    started = desk.start(alice)
    said = browser_session.authentication(desk.live(started))
    assert (said.account_id, said.sid) == (alice.id, started.sid)
    assert (said.auth_time, said.acr, said.amr) == (desk.site.clock.now(), "AAL1_USERPASS", ("pwd",))


@pytest.mark.parametrize("secret", [None, "", "planted", "x" * 10_000])
def test_only_the_secret_opens_a_session(desk: Desk, alice: Account, secret: str | None) -> None:
    started = desk.start(alice)
    assert desk.find(secret) is None
    assert desk.find(str(started.sid)) is None


def test_a_session_ends_after_half_an_hour_of_rest(desk: Desk, alice: Account) -> None:
    started = desk.start(alice)
    desk.site.clock.advance(timedelta(minutes=29, seconds=59))
    assert desk.find(started.secret) is not None
    desk.site.clock.advance(timedelta(seconds=1))
    assert desk.find(started.secret) is None


def test_a_session_ends_after_twelve_hours_however_busy(desk: Desk, alice: Account) -> None:
    started = desk.start(alice)
    for _ in range(36):
        desk.keep_alive(desk.live(started))
        desk.site.clock.advance(timedelta(minutes=20))
    assert desk.find(started.secret) is None


def test_a_session_is_touched_at_most_once_a_minute(desk: Desk, alice: Account) -> None:
    started = desk.start(alice)
    desk.site.clock.advance(timedelta(seconds=59))
    assert desk.keep_alive(desk.live(started)) == 0
    desk.site.clock.advance(timedelta(seconds=1))
    assert desk.keep_alive(desk.live(started)) == 1
    assert desk.keep_alive(desk.live(started)) == 0


def test_touching_never_revives_a_session_that_has_ended(desk: Desk, alice: Account) -> None:
    started = desk.start(alice)
    session = desk.live(started)
    desk.site.clock.advance(timedelta(hours=1))
    desk.keep_alive(session)
    assert desk.find(started.secret) is None


def test_the_same_person_keeps_the_session_under_a_new_secret(desk: Desk, alice: Account) -> None:
    first = desk.start(alice)
    later = desk.site.clock.advance(timedelta(minutes=10))
    second = desk.start(alice, replaces=desk.live(first))
    assert second.sid == first.sid
    assert desk.find(first.secret) is None
    session = desk.live(second)
    assert (session.auth_time, session.expires_at) == (later, later + timedelta(hours=12))


def test_another_person_ends_the_session_before(desk: Desk, alice: Account, bob: Account) -> None:
    first = desk.start(alice)
    second = desk.start(bob, replaces=desk.live(first))
    assert second.sid != first.sid
    assert desk.find(first.secret) is None
    assert desk.live(second).account_id == bob.id
    assert _signed_out(desk.site, alice) == [(first.sid, "192.0.2.7", None)]


def test_a_session_that_ended_meanwhile_is_not_renewed_but_replaced(desk: Desk, alice: Account) -> None:
    first = desk.start(alice)
    stale = desk.live(first)
    with desk.site.provider.database.write() as connection:
        browser_session.end(connection, stale, address=None, client_id=None, now=desk.site.clock.now())
    second = desk.start(alice, replaces=stale)
    assert second.sid != first.sid
    assert desk.live(second).account_id == alice.id


@pytest.mark.parametrize("state", [each for each in AccountState if each is not AccountState.ACTIVE])
def test_a_session_of_an_account_that_may_not_sign_in_is_none(
    desk: Desk, alice: Account, state: AccountState
) -> None:
    started = desk.start(alice)
    with desk.site.provider.database.write() as connection:
        account.set_state(connection, alice.id, AccountState.ACTIVE, state)
    assert desk.find(started.secret) is None


def test_a_new_secret_opens_the_same_session_alone(desk: Desk, alice: Account) -> None:
    first = desk.start(alice)
    before = desk.live(first)
    desk.site.clock.advance(timedelta(minutes=10))
    second = desk.change_secret(before)
    assert second is not None
    assert second.sid == first.sid
    assert desk.find(first.secret) is None
    after = desk.live(second)
    assert replace(after, last_seen_at=before.last_seen_at) == before


def test_a_session_that_was_due_is_live_under_its_new_secret(desk: Desk, alice: Account) -> None:
    started = desk.start(alice, lacks="password_due")
    desk.stands(alice, AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD)
    due = desk.find_due(started.secret)
    assert due is not None
    changed = desk.change_secret(due)
    assert changed is not None
    assert desk.find_due(changed.secret) is None
    assert desk.find(changed.secret) is None
    desk.stands(alice, AccountState.MUST_CHANGE_PASSWORD, AccountState.ACTIVE)
    assert desk.find(started.secret) is None
    session = desk.live(changed)
    assert (session.sid, session.acr, session.amr) == (started.sid, "AAL1_USERPASS", ("pwd",))


@pytest.mark.parametrize("secret", [None, "", "planted"])
def test_only_the_secret_finds_a_due_session(desk: Desk, alice: Account, secret: str | None) -> None:
    desk.start(alice, lacks="password_due")
    desk.stands(alice, AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD)
    assert desk.find_due(secret) is None


def test_a_session_that_has_ended_gets_no_new_secret(desk: Desk, alice: Account) -> None:
    session = desk.live(desk.start(alice))
    desk.site.clock.advance(timedelta(minutes=30))
    assert desk.change_secret(session) is None


def test_signing_out_is_written_down_once(desk: Desk, alice: Account) -> None:
    started = desk.start(alice)
    session = desk.live(started)

    def end() -> bool:
        with desk.site.provider.database.write() as connection:
            return browser_session.end(
                connection,
                session,
                address="192.0.2.7",
                client_id="payslips",
                now=desk.site.clock.now(),
            )

    assert [end(), end()] == [True, False]
    assert desk.find(started.secret) is None
    assert _signed_out(desk.site, alice) == [(started.sid, "192.0.2.7", "payslips")]


def _signed_out(site: Site, who: Account) -> list[tuple[UUID | None, str | None, str | None]]:
    with site.provider.database.read() as connection:
        events = audit.of_account(connection, who.id, 10)
    return [(event.sid, event.address, event.client_id) for event in events if event.event == "sign_out"]
