"""Authorities, their lists, cards and proofs, as rows: each guarded by the one statement that changes it."""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from idp.db import Conflict, Database, certificate_authority, revocation_list, smartcard, smartcard_proof
from idp.db.certificate_authority import CertificateAuthority
from idp.db.revocation_list import Content, RevocationList
from idp.db.smartcard import Smartcard
from idp.db.smartcard_proof import SmartcardProof
from tests.builders import ACCOUNT_ID, add_account, an_account, digest_of
from tests.crowd import together

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CA_ID = uuid.UUID("50000000-0000-4000-8000-000000000001")
CARD_ID = uuid.UUID("60000000-0000-4000-8000-000000000001")
BINDING = digest_of("a browser")


def an_authority(now: datetime) -> CertificateAuthority:
    return CertificateAuthority(
        id=CA_ID,
        name="Card CA",
        certificate=b"\x30\x00",
        fingerprint=digest_of("certificate"),
        crl_url="http://crl.example/cards.crl",
        ocsp_url=None,
        added_at=now,
        disabled_at=None,
    )


def a_card(now: datetime) -> Smartcard:
    return Smartcard(CARD_ID, ACCOUNT_ID, "123456789012", None, None, now, None)


def a_proof(now: datetime) -> SmartcardProof:
    return SmartcardProof(digest_of("proof"), BINDING, ACCOUNT_ID, {"crl_number": 7}, now, now + MINUTE, None)


def a_list(now: datetime, number: int = 7) -> Content:
    return Content(b"\x30\x01" + bytes([number % 256]), number, now - MINUTE, now + DAY)


@pytest.fixture
def stored(database: Database, now: datetime) -> Database:
    """A database with an account, an authority, a card and a proof."""
    with database.write() as connection:
        add_account(connection, an_account(now))
        certificate_authority.add(connection, an_authority(now))
        smartcard.add(connection, a_card(now))
        smartcard_proof.add(connection, a_proof(now))
    return database


class TestAuthorities:
    def test_are_read_as_they_were_stored(self, stored: Database, now: datetime) -> None:
        with stored.read() as connection:
            assert certificate_authority.every(connection) == [an_authority(now)]
            assert certificate_authority.find(connection, "Card CA") == an_authority(now)
            assert certificate_authority.find(connection, "card ca") is None

    def test_are_believed_until_they_are_disabled(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            certificate_authority.set_disabled(connection, CA_ID, now)
            assert certificate_authority.enabled(connection) == []
            assert certificate_authority.every(connection) == [replace(an_authority(now), disabled_at=now)]

            certificate_authority.set_disabled(connection, CA_ID, None)
            assert certificate_authority.enabled(connection) == [an_authority(now)]

    def test_may_move(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            certificate_authority.set_urls(connection, CA_ID, None, "http://ocsp.example/")
            moved = replace(an_authority(now), crl_url=None, ocsp_url="http://ocsp.example/")
            assert certificate_authority.enabled(connection) == [moved]

    def test_are_there_once(self, stored: Database, now: datetime) -> None:
        with pytest.raises(Conflict), stored.write() as connection:
            certificate_authority.add(connection, replace(an_authority(now), id=uuid.UUID(int=1)))


class TestLists:
    def test_are_fetched_by_one_at_a_time(self, stored: Database, now: datetime) -> None:
        def claim() -> bool:
            with stored.write() as connection:
                return revocation_list.claim(connection, CA_ID, now - 10 * MINUTE, now)

        assert Counter(together(claim)) == {True: 1, False: 11}

    def test_are_due_again_when_the_last_try_is_long_enough_ago(
        self, stored: Database, now: datetime
    ) -> None:
        with stored.write() as connection:
            assert revocation_list.find(connection, CA_ID) is None
            assert revocation_list.claim(connection, CA_ID, now - 10 * MINUTE, now)
            later = now + 10 * MINUTE
            assert not revocation_list.claim(connection, CA_ID, later - SECOND - 10 * MINUTE, later - SECOND)
            assert revocation_list.claim(connection, CA_ID, later - 10 * MINUTE, later)

    def test_are_kept_with_what_they_say_of_themselves(self, stored: Database, now: datetime) -> None:
        enormous = 2**159
        with stored.write() as connection:
            revocation_list.claim(connection, CA_ID, now, now)
            revocation_list.failed(connection, CA_ID, "it answers with status 404")
            empty = RevocationList(CA_ID, None, None, None, None, now, "it answers with status 404")
            assert revocation_list.find(connection, CA_ID) == empty
            assert revocation_list.read(connection, CA_ID) is None

            assert revocation_list.replace(connection, CA_ID, empty, a_list(now, enormous), now + SECOND)

            assert revocation_list.find(connection, CA_ID) == RevocationList(
                CA_ID, enormous, now - MINUTE, now + DAY, now + SECOND, now, None
            )
            assert revocation_list.read(connection, CA_ID) == b"\x30\x01\x00"

    def test_stay_when_the_next_does_not_come(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            revocation_list.claim(connection, CA_ID, now, now)
            seen = revocation_list.find(connection, CA_ID)
            assert seen is not None
            revocation_list.replace(connection, CA_ID, seen, a_list(now), now)
            revocation_list.failed(connection, CA_ID, "it takes too long to answer")

            assert revocation_list.read(connection, CA_ID) == b"\x30\x01\x07"
            found = revocation_list.find(connection, CA_ID)
            assert found is not None
            assert (found.number, found.last_error) == (7, "it takes too long to answer")

    def test_are_replaced_only_while_they_are_what_they_were_compared_with(
        self, stored: Database, now: datetime
    ) -> None:
        with stored.write() as connection:
            revocation_list.claim(connection, CA_ID, now, now)
            seen = revocation_list.find(connection, CA_ID)
            assert seen is not None
            assert revocation_list.replace(connection, CA_ID, seen, a_list(now, 9), now)
            assert not revocation_list.replace(connection, CA_ID, seen, a_list(now, 8), now)
            assert revocation_list.read(connection, CA_ID) == b"\x30\x01\x09"


class TestCards:
    def test_are_found_by_their_number_exactly(self, stored: Database, now: datetime) -> None:
        with stored.read() as connection:
            assert smartcard.find_by_number(connection, "123456789012") == a_card(now)
            assert smartcard.find_by_number(connection, "123456789013") is None
            assert smartcard.of_account(connection, ACCOUNT_ID) == [a_card(now)]
            assert smartcard.latest(connection, 10) == [a_card(now)]

    def test_are_found_by_issuer_and_serial_number_exactly(self, stored: Database, now: datetime) -> None:
        other = replace(a_card(now), id=uuid.UUID(int=2), card_number=None, authority_id=CA_ID, serial="1f")
        with stored.write() as connection:
            smartcard.add(connection, other)
            assert smartcard.find_by_serial(connection, CA_ID, "1f") == other
            assert smartcard.find_by_serial(connection, CA_ID, "1F") is None
            assert smartcard.find_by_serial(connection, uuid.UUID(int=3), "1f") is None

    @pytest.mark.parametrize(
        "twin",
        [
            {"card_number": "123456789012"},
            {"card_number": None, "authority_id": CA_ID, "serial": "1f"},
        ],
    )
    def test_are_bound_to_one_account(self, stored: Database, now: datetime, twin: dict[str, Any]) -> None:
        first = replace(a_card(now), id=uuid.UUID(int=4), card_number=None, authority_id=CA_ID, serial="1f")
        with stored.write() as connection:
            smartcard.add(connection, first)
        with pytest.raises(Conflict), stored.write() as connection:
            smartcard.add(connection, replace(a_card(now), id=uuid.UUID(int=5), **twin))

    def test_are_used_until_they_are_released(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            assert smartcard.used(connection, CARD_ID, now + MINUTE)
            assert smartcard.of_account(connection, ACCOUNT_ID)[0].last_used_at == now + MINUTE

            assert smartcard.remove(connection, CARD_ID)
            assert not smartcard.remove(connection, CARD_ID)
            assert not smartcard.used(connection, CARD_ID, now)
            assert smartcard.find_by_number(connection, "123456789012") is None


class TestProofs:
    def test_are_redeemed_once_by_the_browser_they_are_for(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            assert smartcard_proof.redeem(connection, digest_of("proof"), digest_of("other"), now) is None
            assert smartcard_proof.redeem(connection, digest_of("another"), BINDING, now) is None
            used = smartcard_proof.redeem(connection, digest_of("proof"), BINDING, now)
            assert used == replace(a_proof(now), used_at=now)
            assert smartcard_proof.redeem(connection, digest_of("proof"), BINDING, now) is None

    def test_live_until_their_last_moment(self, stored: Database, now: datetime) -> None:
        with stored.write() as connection:
            end = now + MINUTE
            assert smartcard_proof.redeem(connection, digest_of("proof"), BINDING, end) is None
            last = end - timedelta(microseconds=1)
            assert smartcard_proof.redeem(connection, digest_of("proof"), BINDING, last) is not None

    def test_serve_one_of_many_threads(self, stored: Database, now: datetime) -> None:
        def redeem() -> bool:
            with stored.write() as connection:
                proof = smartcard_proof.redeem(connection, digest_of("proof"), BINDING, now)
                return proof is not None

        assert Counter(together(redeem)) == {True: 1, False: 11}
