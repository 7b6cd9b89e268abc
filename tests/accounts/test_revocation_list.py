"""Lists are fetched ahead of need; the last good one stays; an authority may be asked when it is stale."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest

from idp.accounts.revocation_list import Failed, Fetched
from idp.db import revocation_list
from idp.db.certificate_authority import CertificateAuthority
from idp.policy.revocation import Grace, Verdict
from idp.services import logs
from tests.accounts import cards
from tests.accounts.cards import CA, Cards, answering
from tests.certificates import NOW, Authority
from tests.crowd import together
from tests.site import Site

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LOST, KEPT = CA.card(), CA.card("210987654321")
SERIAL = KEPT.certificate.serial_number


@pytest.fixture
def desk(site: Site) -> Cards:
    return cards.build(site)


def standing(desk: Cards, authority: CertificateAuthority) -> revocation_list.RevocationList:
    with desk.site.provider.database.read() as connection:
        found = revocation_list.find(connection, authority.id)
    assert found is not None
    return found


def verdict(desk: Cards, authority: CertificateAuthority, serial: int = SERIAL) -> Verdict:
    return desk.smartcards.lists.judge(authority, serial, desk.site.clock.now()).verdict


class TestFetching:
    def test_a_list_is_kept_with_what_came_of_it(self, desk: Cards) -> None:
        with answering(lambda _: CA.crl([LOST], number=7)) as host:
            authority = desk.believe(crl_url=host.url)
            assert desk.smartcards.lists.fetch(authority) == Fetched(7, NOW - HOUR, NOW + DAY)

        assert standing(desk, authority).number == 7
        assert verdict(desk, authority) is Verdict.GOOD
        assert verdict(desk, authority, LOST.certificate.serial_number) is Verdict.REVOKED

    def test_lists_are_fetched_when_it_is_their_turn(self, desk: Cards) -> None:
        lists = desk.smartcards.lists
        with answering(lambda _: CA.crl()) as host:
            desk.believe(crl_url=host.url)
            desk.believe(Authority.root("Without an address"))
            assert lists.fetch_due() == {"fetched": 1}
            assert lists.fetch_due() == {}
            desk.site.clock.advance(9 * MINUTE)
            assert lists.fetch_due() == {}
            desk.site.clock.advance(MINUTE)
            assert lists.fetch_due() == {"fetched": 1}
            assert host.asked == ["GET /"] * 2

    def test_a_host_is_asked_by_one_worker_of_many(self, desk: Cards) -> None:
        with answering(lambda _: CA.crl()) as host:
            desk.believe(crl_url=host.url)
            together(desk.smartcards.lists.fetch_due)
            assert len(host.asked) == 1

    def test_what_goes_wrong_leaves_the_last_good_list(self, desk: Cards) -> None:
        content = [CA.crl(number=7)]
        with answering(lambda _: content[0]) as host:
            authority = desk.believe(crl_url=host.url)
            desk.smartcards.lists.fetch(authority)
            for bad, cause in (
                (CA.crl(number=6), "it is older than the list we have"),
                (CA.crl(number=8, at=NOW - 2 * HOUR), "it is older than the list we have"),
                (CA.crl(number=9, key=Authority.root().key), "the authority did not sign it"),
                (Authority.root("Another CA").crl(number=9), "it is another authority's list"),
                (b"<html>", "it is no revocation list"),
            ):
                content[0] = bad
                assert desk.smartcards.lists.fetch(authority) == Failed(cause)
                assert standing(desk, authority).number == 7
                assert standing(desk, authority).last_error == cause
            host.is_down = True
            assert desk.smartcards.lists.fetch(authority) == Failed("it answers with status 503")
        assert verdict(desk, authority) is Verdict.GOOD

    def test_an_older_list_is_taken_when_an_operator_says_so(self, desk: Cards) -> None:
        content = [CA.crl(number=7)]
        with answering(lambda _: content[0]) as host:
            authority = desk.believe(crl_url=host.url)
            desk.smartcards.lists.fetch(authority)
            content[0] = CA.crl(number=1)
            fetched = desk.smartcards.lists.fetch(authority, accept_older=True)
        assert isinstance(fetched, Fetched)
        assert standing(desk, authority).number == 1

    def test_of_many_that_fetch_at_once_the_newest_list_stays(self, desk: Cards) -> None:
        contents = iter([CA.crl(number=n) for n in (3, 9, 1, 7, 5, 2, 8, 4, 6, 1, 2, 3)])
        with answering(lambda _: next(contents)) as host:
            authority = desk.believe(crl_url=host.url)
            together(lambda: desk.smartcards.lists.fetch(authority))
        assert standing(desk, authority).number == 9

    def test_an_authority_without_an_address_is_not_fetched(self, desk: Cards) -> None:
        assert desk.smartcards.lists.fetch(desk.believe()) == Failed("no address is configured for it")


class TestTheAlarm:
    @pytest.fixture
    def heard(self) -> Iterator[StringIO]:
        stream = StringIO()
        logs.configure(stream)
        yield stream
        logs.configure()

    def test_is_raised_when_a_list_does_not_come_and_while_none_is_in_force(
        self, desk: Cards, heard: StringIO
    ) -> None:
        with answering(lambda _: CA.crl(until=NOW + MINUTE)) as host:
            authority = desk.believe(crl_url=host.url)
            desk.smartcards.lists.fetch(authority)
            assert _errors(heard) == []
            host.is_down = True
            desk.smartcards.lists.fetch(authority)
            assert _errors(heard) == ["crl_not_fetched"]
            desk.site.clock.advance(MINUTE)
            desk.smartcards.lists.fetch(authority)
            assert _errors(heard)[1:] == ["crl_not_fetched", "crl_out_of_date"]


def _errors(heard: StringIO) -> list[str]:
    events = [json.loads(line) for line in heard.getvalue().splitlines()]
    return [event["event"] for event in events if event["level"] == "error"]


class TestJudging:
    def test_without_a_list_nothing_is_known(self, desk: Cards) -> None:
        assert verdict(desk, desk.believe()) is Verdict.UNKNOWN

    def test_a_stale_list_counts_as_long_as_is_declared(self, site: Site) -> None:
        desk = cards.build(site, grace=Grace(level_2=2 * HOUR, level_3=HOUR))
        authority = desk.believe(crl=CA.crl([LOST], until=NOW + HOUR))
        found = []
        for _ in range(5):
            found.append(verdict(desk, authority))
            site.clock.advance(HOUR)
        good, last, unknown = Verdict.GOOD, Verdict.LAST_KNOWN_GOOD, Verdict.UNKNOWN
        assert found == [good, good, last, unknown, unknown]
        assert verdict(desk, authority, LOST.certificate.serial_number) is Verdict.REVOKED

    def test_a_new_list_is_noticed_at_once(self, desk: Cards) -> None:
        authority = desk.believe(crl=CA.crl(number=1))
        assert verdict(desk, authority) is Verdict.GOOD
        desk.publish(authority, CA.crl([KEPT], number=2))
        assert verdict(desk, authority) is Verdict.REVOKED

    def test_a_list_that_was_altered_in_the_database_counts_for_nothing(self, desk: Cards) -> None:
        authority = desk.believe(crl=CA.crl([KEPT]))
        forged = CA.crl(number=2, key=Authority.root().key)
        content = revocation_list.Content(forged, 2, NOW - HOUR, NOW + DAY)
        with desk.site.provider.database.write() as connection:
            seen = revocation_list.find(connection, authority.id)
            assert seen is not None
            assert revocation_list.replace(connection, authority.id, seen, content, NOW)
        assert verdict(desk, authority) is Verdict.UNKNOWN


class TestAsking:
    @pytest.mark.parametrize(("revoked", "expected"), [(False, Verdict.GOOD), (True, Verdict.REVOKED)])
    def test_the_authority_is_asked_when_the_list_is_stale(
        self, desk: Cards, revoked: bool, expected: Verdict
    ) -> None:
        with answering(lambda question: CA.ocsp_answer(question, revoked=revoked)) as host:
            authority = desk.believe(crl=CA.crl(until=NOW - MINUTE), ocsp_url=host.url)
            judged = desk.smartcards.lists.judge(authority, SERIAL, NOW)
            assert (judged.verdict, judged.asked, judged.crl_number) == (expected, True, 1)
            assert host.asked == ["POST /"]

    def test_nobody_is_asked_while_the_list_is_fresh_or_says_enough(self, desk: Cards) -> None:
        with answering(CA.ocsp_answer) as host:
            authority = desk.believe(crl=CA.crl([LOST], until=NOW + MINUTE), ocsp_url=host.url)
            assert verdict(desk, authority) is Verdict.GOOD
            desk.site.clock.advance(HOUR)
            assert verdict(desk, authority, LOST.certificate.serial_number) is Verdict.REVOKED
            assert host.asked == []

    def test_an_answer_that_is_not_believed_changes_nothing(self, desk: Cards) -> None:
        stranger = Authority.root("Card CA").responder()
        with answering(lambda question: CA.ocsp_answer(question, responder=stranger)) as host:
            authority = desk.believe(ocsp_url=host.url)
            assert verdict(desk, authority) is Verdict.UNKNOWN
            assert host.asked == ["POST /"]

    def test_a_responder_that_is_down_is_left_alone_for_half_a_minute(self, desk: Cards) -> None:
        with answering(CA.ocsp_answer) as host:
            authority = desk.believe(ocsp_url=host.url)
            host.is_down = True
            assert [verdict(desk, authority) for _ in range(3)] == [Verdict.UNKNOWN] * 3
            assert len(host.asked) == 1
            host.is_down = False
            desk.site.clock.advance(timedelta(seconds=30))
            assert verdict(desk, authority) is Verdict.GOOD
