"""Care identities, the sessions they began and the requests for them, as rows."""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from idp.db import Conflict, Database, browser_session, care_identity, cleanup, smartcard, upstream_request
from idp.db.care_identity import BegunSession, CareIdentity, CareIdentitySession
from idp.db.smartcard import Smartcard
from idp.db.upstream_request import UpstreamRequest
from tests.builders import ACCOUNT_ID, SID, a_session, add_signed_in, digest_of
from tests.crowd import together

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ISSUER = "https://am.nhsidentity.example"
CARD_ID = uuid.UUID("60000000-0000-4000-8000-000000000001")
OTHER_CARD_ID = uuid.UUID("60000000-0000-4000-8000-000000000002")
OTHER_SID = uuid.UUID("70000000-0000-4000-8000-000000000002")


def a_request(now: datetime) -> UpstreamRequest:
    return UpstreamRequest(digest_of("state"), ("AAL3_ANY",), 0, now, now + 10 * MINUTE, None)


def an_identity(now: datetime) -> CareIdentity:
    return CareIdentity(ISSUER, "910000000001", CARD_ID, now, now)


def a_care_session(now: datetime) -> CareIdentitySession:
    return CareIdentitySession(SID, ISSUER, "910000000001", "upstream-1", now)


@pytest.fixture
def stored(database: Database, now: datetime) -> Database:
    """A database with a person who is signed in, two cards, an identity and a request."""
    with database.write() as connection:
        add_signed_in(connection, now)
        smartcard.add(connection, Smartcard(CARD_ID, ACCOUNT_ID, "123456789012", None, None, now, None))
        smartcard.add(connection, Smartcard(OTHER_CARD_ID, ACCOUNT_ID, "999999999999", None, None, now, None))
        care_identity.add(connection, an_identity(now))
        upstream_request.add(connection, a_request(now))
    return database


class TestRequests:
    def test_are_read_as_they_were_stored_once(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            redeemed = upstream_request.redeem(connection, digest_of("state"), now)
            assert redeemed == replace(a_request(now), used_at=now)
            assert upstream_request.redeem(connection, digest_of("state"), now) is None

    def test_are_used_by_one_of_many(self, stored: Database, now: datetime) -> None:
        def use() -> bool:
            with stored.write() as connection:
                return upstream_request.redeem(connection, digest_of("state"), now) is not None

        assert Counter(together(use)) == {True: 1, False: 11}

    def test_are_known_by_nothing_else_and_run_out(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            assert upstream_request.redeem(connection, digest_of("another"), now) is None
            assert upstream_request.redeem(connection, digest_of("state"), now + 10 * MINUTE) is None
            last = upstream_request.redeem(connection, digest_of("state"), now + 10 * MINUTE - SECOND)
            assert last is not None


class TestIdentities:
    def test_are_those_of_one_issuer_and_subject(self, stored: Database, now: datetime) -> None:
        with stored.read() as connection:
            assert care_identity.find(connection, ISSUER, "910000000001") == an_identity(now)
            assert care_identity.find(connection, "https://another.example", "910000000001") is None
            assert care_identity.find(connection, ISSUER, "910000000002") is None
            assert care_identity.find_of_card(connection, ISSUER, CARD_ID) == an_identity(now)
            assert care_identity.find_of_card(connection, ISSUER, OTHER_CARD_ID) is None

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"smartcard_id": OTHER_CARD_ID}, id="the same person with another card"),
            pytest.param({"subject": "910000000002"}, id="another person with the same card"),
        ],
    )
    def test_are_bound_to_one_card_and_cards_to_one(
        self, stored: Database, now: datetime, other: dict[str, Any]
    ) -> None:
        with pytest.raises(Conflict), stored.write() as connection:
            care_identity.add(connection, replace(an_identity(now), **other))

    def test_remember_when_they_were_used(self, stored: Database, now: datetime) -> None:
        later = now + MINUTE
        with stored.write() as connection:
            assert care_identity.used(connection, an_identity(now), later)
            assert care_identity.find(connection, ISSUER, "910000000001") == replace(
                an_identity(now), last_used_at=later
            )

    def test_are_not_used_with_another_card(self, stored: Database, now: datetime) -> None:
        elsewhere = replace(an_identity(now), smartcard_id=OTHER_CARD_ID)
        with stored.write() as connection:
            assert not care_identity.used(connection, elsewhere, now + MINUTE)
            assert care_identity.find(connection, ISSUER, "910000000001") == an_identity(now)

    def test_go_with_their_card(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            assert smartcard.remove(connection, CARD_ID)
            assert care_identity.find(connection, ISSUER, "910000000001") is None
            assert not care_identity.used(connection, an_identity(now), now)


class TestSessions:
    @pytest.fixture
    def begun(self, stored: Database, now: datetime) -> Database:
        """The session rests on one upstream, and another of the same person on one without a name."""
        with stored.write() as connection:
            care_identity.begin_session(connection, a_care_session(now))
            browser_session.add(
                connection,
                replace(a_session(now), sid=OTHER_SID),
                digest=digest_of("another session"),
                idle_expires_at=now + MINUTE,
                user_agent=None,
            )
            nameless = replace(a_care_session(now), sid=OTHER_SID, upstream_sid=None)
            care_identity.begin_session(connection, nameless)
        return stored

    @pytest.mark.parametrize(
        ("issuer", "subject", "sid", "after", "ended"),
        [
            pytest.param(ISSUER, None, "upstream-1", 0, {SID}, id="one is named"),
            pytest.param(ISSUER, "910000000001", None, 0, {SID, OTHER_SID}, id="all of a person"),
            pytest.param(
                ISSUER,
                "910000000001",
                "upstream-1",
                0,
                {SID, OTHER_SID},
                id="those that are not named go too",
            ),
            pytest.param(ISSUER, "910000000001", "upstream-2", 0, {OTHER_SID}, id="another is named"),
            pytest.param(ISSUER, "910000000002", None, 0, set(), id="another person"),
            pytest.param(ISSUER, None, "upstream-2", 0, set(), id="nobody's"),
            pytest.param(
                "https://another.example", "910000000001", "upstream-1", 0, set(), id="another's word"
            ),
            pytest.param(ISSUER, "910000000001", None, -1, set(), id="begun later"),
        ],
    )
    def test_end_when_they_end_upstream(
        self,
        begun: Database,
        now: datetime,
        issuer: str,
        subject: str | None,
        sid: str | None,
        after: int,
        ended: set[uuid.UUID],
    ) -> None:
        until = now + after * SECOND
        with begun.read() as connection:
            found = care_identity.begun_sessions(connection, issuer, subject, sid, until)
        assert found == [BegunSession(each, ACCOUNT_ID) for each in sorted(ended)]

    def test_rest_on_the_last_sign_in_alone(self, begun: Database, now: datetime) -> None:
        later = replace(a_care_session(now + MINUTE), upstream_sid="upstream-2")
        with begun.write() as connection:
            care_identity.begin_session(connection, later)
            assert care_identity.begun_sessions(connection, ISSUER, None, "upstream-1", now + MINUTE) == []
            found = care_identity.begun_sessions(connection, ISSUER, None, "upstream-2", now + MINUTE)
        assert found == [BegunSession(SID, ACCOUNT_ID)]

    def test_that_were_begun_anew_with_something_else_go_on(self, begun: Database, now: datetime) -> None:
        later = now + MINUTE
        with begun.write() as connection:
            renewed = a_session(later)
            assert browser_session.renew(connection, renewed, digest_of("new"), later + MINUTE)
            assert care_identity.begun_sessions(connection, ISSUER, None, "upstream-1", later) == []

    def test_that_ended_are_not_ended_again(self, begun: Database, now: datetime) -> None:
        with begun.write() as connection:
            browser_session.end(connection, SID, now)
            assert care_identity.begun_sessions(connection, ISSUER, None, "upstream-1", now) == []

    def test_take_what_is_known_of_them_along(self, begun: Database, now: datetime) -> None:
        swept = cleanup.sweep(begun, now + timedelta(days=30))
        assert swept["browser_sessions"] == 2
        with begun.read() as connection:
            assert care_identity.begun_sessions(connection, ISSUER, None, "upstream-1", now) == []


def test_a_session_says_which_card_was_used_until_something_else_is(stored: Database, now: datetime) -> None:
    with_a_card = replace(a_session(now + MINUTE), nhsid_useruid="123456789012", auth_time=now)
    with stored.write() as connection:
        assert browser_session.renew(connection, with_a_card, digest_of("new"), now + 5 * MINUTE)
        assert browser_session.find_live(connection, digest_of("new"), now + MINUTE) == with_a_card
        assert browser_session.renew(
            connection, a_session(now + 2 * MINUTE), digest_of("newer"), now + 5 * MINUTE
        )
        found = browser_session.find_live(connection, digest_of("newer"), now + 2 * MINUTE)
    assert found is not None
    assert found.nhsid_useruid is None
