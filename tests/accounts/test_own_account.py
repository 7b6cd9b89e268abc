"""What owners end of what is open in their name: all of it at once, and nobody else's."""

import threading
from datetime import timedelta

import pytest

from idp.accounts import browser_session, own_account
from idp.accounts.own_account import Acting
from idp.db import account, audit
from idp.db.account import Account
from idp.db.browser_session import SECOND_FACTOR_DUE, BrowserSession
from idp.policy.assurance import Factor
from tests.site import Site

HERE = "192.0.2.7"


@pytest.fixture
def jane(site: Site) -> Account:
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    return found


def log_in(site: Site, who: Account, lacks: str | None = None) -> BrowserSession:
    provider, now = site.provider, site.clock.now()
    with provider.database.write() as connection:
        made = browser_session.start(
            connection,
            provider.randomness,
            provider.lifetimes,
            account_id=who.id,
            proved=(Factor.PASSWORD,),
            lacks=lacks,
            user_agent="a browser",
            address=HERE,
            replaces=None,
            now=now,
        )
        find = browser_session.find if lacks is None else browser_session.find_half
        found = find(connection, made.secret, now)
    assert found is not None
    return found


def acting(site: Site, session: BrowserSession) -> Acting:
    return Acting(session, HERE, site.clock.now())


def look(site: Site, session: BrowserSession) -> own_account.Seen:
    with site.provider.database.read() as connection:
        return own_account.look(connection, acting(site, session), None)


def end_others(site: Site, session: BrowserSession) -> bool:
    with site.provider.database.write() as connection:
        is_live = own_account.hold(connection, acting(site, session), site.provider.lifetimes)
        return is_live and own_account.end_other_sessions(connection, acting(site, session))


def test_only_live_sessions_are_seen_the_one_used_last_first(site: Site, jane: Account) -> None:
    first = log_in(site, jane)
    site.clock.advance(timedelta(minutes=29))
    second = log_in(site, jane)
    log_in(site, jane, SECOND_FACTOR_DUE)
    assert [each.sid for each in look(site, second).sessions] == [second.sid, first.sid]
    site.clock.advance(timedelta(minutes=2))
    assert [each.sid for each in look(site, second).sessions] == [second.sid]


def test_a_half_session_that_is_begun_elsewhere_ends_too(site: Site, jane: Account) -> None:
    mine, half = log_in(site, jane), log_in(site, jane, SECOND_FACTOR_DUE)
    assert end_others(site, mine)
    with site.provider.database.write() as connection:
        assert not own_account.hold(connection, acting(site, half), site.provider.lifetimes)


def test_another_account_of_the_same_person_is_another_account(site: Site, jane: Account) -> None:
    other = site.add_account("432JSMITH01", person_id=jane.person_id)
    mine, theirs = log_in(site, jane), log_in(site, other)
    assert [each.sid for each in look(site, mine).sessions] == [mine.sid]
    with site.provider.database.write() as connection:
        assert not own_account.end_session(connection, acting(site, mine), theirs.sid)
    assert end_others(site, mine)
    assert [each.sid for each in look(site, theirs).sessions] == [theirs.sid]


def test_of_two_that_sign_each_other_out_at_once_one_stays(site: Site, jane: Account) -> None:
    pair = [log_in(site, jane), log_in(site, jane)]
    start = threading.Barrier(2)
    outcomes: dict[int, bool] = {}

    def end(which: int) -> None:
        start.wait(10)
        outcomes[which] = end_others(site, pair[which])

    threads = [threading.Thread(target=end, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes.values()) == [False, True]
    (stays,) = [session for which, session in enumerate(pair) if outcomes[which]]
    assert [each.sid for each in look(site, stays).sessions] == [stays.sid]
    with site.provider.database.read() as connection:
        ended = [each for each in audit.of_account(connection, jane.id, 10) if each.event == "session.ended"]
    assert len(ended) == 1
