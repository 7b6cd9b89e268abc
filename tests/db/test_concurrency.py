"""One-time things under twelve threads at once: whoever is first has it, and nobody else."""

import hashlib
import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.db import (
    Conflict,
    Connection,
    Database,
    account,
    attempt,
    authorization_code,
    authorization_request,
    browser_session,
    client_assertion,
    consent,
    grant,
    rate,
    refresh_token,
    revoked_access_token,
    signing_key,
)
from idp.db.attempt import Bucket
from idp.db.authorization_request import AuthorizationRequest
from idp.db.signing_key import KeyStage, SigningKey
from idp.policy.lockout import LockoutRule
from tests.builders import (
    ACCOUNT_ID,
    CLIENT_ID,
    GRANT_ID,
    SID,
    a_code,
    a_grant,
    a_refresh_token,
    a_session,
    add_session,
    add_signed_in,
    an_account,
    digest_of,
)
from tests.crowd import THREADS, together

KEY = hashlib.sha256(b"someone").digest()


@pytest.fixture
def signed_in(database: Database, now: datetime) -> Database:
    with database.write() as connection:
        add_signed_in(connection, now)
    return database


def _all_at_once(
    database: Database, act: Callable[[Connection], object], *, times: int = THREADS
) -> list[object]:
    """What each of many transactions answered."""

    def transaction() -> object:
        with database.write() as connection:
            return act(connection)

    return together(transaction, times=times)


def test_a_code_is_redeemed_once(signed_in: Database, now: datetime) -> None:
    code = a_code(now)
    with signed_in.write() as connection:
        authorization_code.add(connection, code)

    answers = _all_at_once(
        signed_in, lambda connection: authorization_code.redeem(connection, code.digest, CLIENT_ID, now)
    )

    assert Counter(answers) == {code: 1, None: 11}


def test_a_refresh_token_is_rotated_once(signed_in: Database, now: datetime) -> None:
    token = a_refresh_token(now)
    with signed_in.write() as connection:
        assert grant.add_if_live(connection, a_grant(now), now)
        refresh_token.add(connection, token)

    answers = _all_at_once(
        signed_in, lambda connection: refresh_token.rotate(connection, token.digest, CLIENT_ID, now)
    )

    assert Counter(answers) == {replace(token, rotated_at=now): 1, None: 11}


def test_a_refresh_token_has_one_child(signed_in: Database, now: datetime) -> None:
    parent = a_refresh_token(now)
    with signed_in.write() as connection:
        assert grant.add_if_live(connection, a_grant(now), now)
        refresh_token.add(connection, parent)

    def beget() -> str:
        # As derived from the parent: the same for everyone who derives it.
        child = replace(parent, digest=digest_of("child"), parent_digest=parent.digest)
        try:
            with signed_in.write() as connection:
                refresh_token.add(connection, child)
        except Conflict:
            return "refused"
        return "born"

    assert Counter(together(beget)) == {"born": 1, "refused": 11}


def test_of_a_hundred_guesses_at_once_six_are_heard(database: Database, now: datetime) -> None:
    answers = _all_at_once(
        database,
        lambda connection: attempt.count(connection, LockoutRule(), KEY, "password", Bucket.UNKNOWN, now),
        times=100,
    )

    assert Counter(answers) == {None: 94, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1}
    with database.read() as connection:
        [counted] = attempt.of_key(connection, KEY)
    assert (counted.n, counted.not_before) == (6, now + timedelta(seconds=30))


def test_a_client_assertion_is_used_once(database: Database, now: datetime) -> None:
    answers = _all_at_once(
        database, lambda connection: client_assertion.use(connection, CLIENT_ID, digest_of("jti"), now)
    )

    assert Counter(answers) == {True: 1, False: 11}


def test_a_request_is_answered_once(signed_in: Database, now: datetime) -> None:
    parked = AuthorizationRequest(
        digest=digest_of("handle"),
        binding_digest=digest_of("browser"),
        client_id=CLIENT_ID,
        parameters={},
        created_at=now,
        expires_at=now + timedelta(minutes=30),
        signed_in_sid=None,
        selected_sid=None,
        consented_sid=None,
        completed_at=None,
    )
    with signed_in.write() as connection:
        authorization_request.add(connection, parked)

    answers = _all_at_once(
        signed_in, lambda connection: authorization_request.complete(connection, parked.digest, now)
    )

    assert Counter(answers) == {True: 1, False: 11}


def test_an_access_token_is_revoked_once(database: Database, now: datetime) -> None:
    answers = _all_at_once(database, lambda connection: revoked_access_token.add(connection, "jti", now))

    assert Counter(answers) == {True: 1, False: 11}


def test_a_session_ends_once(signed_in: Database, now: datetime) -> None:
    answers = _all_at_once(signed_in, lambda connection: browser_session.end(connection, SID, now))

    assert Counter(answers) == {True: 1, False: 11}


def test_every_request_in_a_window_is_counted(database: Database, now: datetime) -> None:
    answers = _all_at_once(database, lambda connection: rate.hit(connection, KEY, now), times=100)

    assert sorted(answers, key=repr) == sorted(range(1, 101), key=repr)


def test_two_nodes_that_rotate_at_once_leave_one_active_key(database: Database, now: datetime) -> None:
    names = itertools.count()

    def activate() -> str:
        n = next(names)
        key = SigningKey(f"kid-{n}", "ES256", KeyStage.ACTIVE, {"kty": "EC"}, b"sealed", now, now, None, None)
        try:
            with database.write() as connection:
                signing_key.add(connection, key)
        except Conflict:
            return "refused"
        return "active"

    assert Counter(together(activate)) == {"active": 1, "refused": 11}


def test_no_grant_outlives_a_session_that_ended_while_it_was_given(
    signed_in: Database, now: datetime
) -> None:
    ended = threading.Thread(target=_end, args=(signed_in, now))
    with signed_in.write() as connection:
        assert grant.add_if_live(connection, a_grant(now), now)
        # The session ends now: it has to wait for this grant, or it would not see it.
        ended.start()
        ended.join(timeout=0.3)
        assert ended.is_alive()
    ended.join()

    with signed_in.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None


def test_no_grant_outlives_a_consent_that_was_withdrawn_while_it_was_given(
    signed_in: Database, now: datetime
) -> None:
    code = a_code(now)
    with signed_in.write() as connection:
        authorization_code.add(connection, code)
        consent.grant(connection, ACCOUNT_ID, CLIENT_ID, frozenset(code.scope), now)
    withdrawn = threading.Thread(target=_withdraw, args=(signed_in, now))
    with signed_in.write() as connection:
        assert authorization_code.redeem(connection, code.digest, CLIENT_ID, now) == code
        assert grant.add_if_live(connection, a_grant(now), now)
        assert consent.hold(connection, ACCOUNT_ID, CLIENT_ID) == frozenset(code.scope)
        # The consent is withdrawn now, in another browser: that has to wait for this grant.
        withdrawn.start()
        withdrawn.join(timeout=0.3)
        assert withdrawn.is_alive()
    withdrawn.join()

    with signed_in.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None


def test_no_code_finds_a_consent_that_is_being_withdrawn(signed_in: Database, now: datetime) -> None:
    with signed_in.write() as connection:
        consent.grant(connection, ACCOUNT_ID, CLIENT_ID, frozenset({"openid"}), now)
    found: list[frozenset[str]] = []

    def hold() -> None:
        with signed_in.write() as connection:
            found.append(consent.hold(connection, ACCOUNT_ID, CLIENT_ID))

    holding = threading.Thread(target=hold)
    with signed_in.write() as connection:
        assert consent.withdraw(connection, ACCOUNT_ID, CLIENT_ID) is not None
        holding.start()
        holding.join(timeout=0.3)
        assert holding.is_alive()
    holding.join()

    assert found == [frozenset()]


def test_no_grant_outlives_a_password_that_was_changed_while_it_was_given(
    signed_in: Database, now: datetime
) -> None:
    ended = threading.Thread(target=_end_all, args=(signed_in, now))
    with signed_in.write() as connection:
        assert grant.add_if_live(connection, replace(a_grant(now), offline=True), now)
        ended.start()
        ended.join(timeout=0.3)
    ended.join()

    with signed_in.read() as connection:
        assert grant.find_live(connection, GRANT_ID, now) is None


def test_a_password_is_set_once_for_the_account_that_was_read(signed_in: Database, now: datetime) -> None:
    before = an_account(now)
    later = now + timedelta(seconds=1)

    answers = _all_at_once(
        signed_in, lambda connection: account.set_password(connection, before, "new", later)
    )

    assert Counter(answers) == {True: 1, False: 11}


def test_no_session_outlives_a_password_that_was_changed_while_it_began(
    signed_in: Database, now: datetime
) -> None:
    changed = threading.Thread(target=_change_password, args=(signed_in, now))
    with signed_in.write() as connection:
        assert account.signed_in(connection, an_account(now), now)
        add_session(connection, replace(a_session(now), sid=uuid.UUID(int=7)), secret="just begun")
        # The password changes now: it has to wait for this session, or it would not see it.
        changed.start()
        changed.join(timeout=0.3)
        assert changed.is_alive()
    changed.join()

    with signed_in.read() as connection:
        assert browser_session.find_live(connection, digest_of("just begun"), now) is None


def test_nobody_signs_in_with_a_password_that_is_being_changed(signed_in: Database, now: datetime) -> None:
    answers: list[bool] = []

    def sign_in() -> None:
        with signed_in.write() as connection:
            answers.append(account.signed_in(connection, an_account(now), now))

    signing_in = threading.Thread(target=sign_in)
    with signed_in.write() as connection:
        assert account.set_password(connection, an_account(now), "new", now + timedelta(seconds=1))
        signing_in.start()
        signing_in.join(timeout=0.3)
        assert signing_in.is_alive()
    signing_in.join()

    assert answers == [False]


def _change_password(database: Database, now: datetime) -> None:
    with database.write() as connection:
        assert account.set_password(connection, an_account(now), "new", now + timedelta(seconds=1))
        browser_session.end_others(connection, ACCOUNT_ID, None, now)


def _end(database: Database, now: datetime) -> None:
    with database.write() as connection:
        browser_session.end(connection, SID, now)


def _withdraw(database: Database, now: datetime) -> None:
    with database.write() as connection:
        assert consent.withdraw(connection, ACCOUNT_ID, CLIENT_ID) is not None
        authorization_code.remove_unredeemed(connection, ACCOUNT_ID, CLIENT_ID)
        grant.revoke_of_account_at_client(connection, ACCOUNT_ID, CLIENT_ID, now)


def _end_all(database: Database, now: datetime) -> None:
    with database.write() as connection:
        browser_session.end_all(connection, ACCOUNT_ID, now)
