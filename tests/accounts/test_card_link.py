"""Authorities are believed, and cards bound, when everything about them is in order; owners are told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.accounts import card_link
from idp.accounts.administration import NotDone
from idp.db import account, certificate_authority, smartcard
from idp.db.certificate_authority import CertificateAuthority
from idp.policy.card_number import NumberFrom
from idp.services.letters import Letter
from idp.services.x509 import Verified
from tests import mailbox
from tests.accounts import cards
from tests.accounts.cards import CA, Cards
from tests.certificates import NOW, Authority
from tests.site import Site

URL = "http://crl.example/cards.crl"
DAY = timedelta(days=1)


@pytest.fixture
def desk(site: Site) -> Cards:
    return cards.build(site)


def jane(desk: Cards) -> account.Account:
    with desk.site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    return found


def add(
    desk: Cards,
    certificate: bytes = CA.pem,
    name: str = "Card CA",
    crl_url: str | None = URL,
    ocsp_url: str | None = None,
) -> CertificateAuthority | NotDone:
    with desk.site.provider.database.write() as connection:
        return card_link.add_authority(
            connection,
            desk.site.provider.randomness,
            certificate,
            name=name,
            crl_url=crl_url,
            ocsp_url=ocsp_url,
            now=NOW,
        )


def read(desk: Cards, certificate: bytes) -> Verified | NotDone:
    with desk.site.provider.database.read() as connection:
        return card_link.read_card(connection, certificate, NumberFrom.SUBJECT_SERIAL_NUMBER, NOW)


class TestAnAuthority:
    def test_is_believed_by_its_certificate(self, desk: Cards) -> None:
        added = add(desk, name="  Card   CA ")

        assert isinstance(added, CertificateAuthority)
        assert (added.name, added.certificate, added.crl_url) == ("Card CA", CA.der, URL)
        with desk.site.provider.database.read() as connection:
            assert certificate_authority.enabled(connection) == [added]
        event = desk.events()[-1]
        assert event.event == "authority.added"
        assert event.detail == {
            "authority": "Card CA",
            "fingerprint": added.fingerprint.hex(),
            "crl_url": URL,
            "ocsp_url": None,
        }

    @pytest.mark.parametrize(
        ("wrong", "problem"),
        [
            ({"certificate": b"nothing"}, "no certificate"),
            ({"certificate": CA.card().pem}, "not for this use"),
            ({"certificate": Authority.root(lasts=DAY / 2).pem}, "expired"),
            ({"name": " "}, "needs a name"),
            ({"name": "Card\x07CA"}, "cannot be printed"),
            ({"crl_url": "ldap://crl.example/"}, "is not an http"),
            ({"ocsp_url": "http://me:secret@ocsp.example/"}, "credentials"),
        ],
    )
    def test_that_is_not_in_order_is_not_believed(
        self, desk: Cards, wrong: dict[str, str], problem: str
    ) -> None:
        done = add(desk, **wrong)  # type: ignore[arg-type]  # a certificate is bytes, the others are text
        assert isinstance(done, NotDone)
        assert problem in done.problem

    def test_is_there_once_by_name_and_by_certificate(self, desk: Cards) -> None:
        add(desk)
        twin, namesake = add(desk, name="Again"), add(desk, Authority.root().pem)
        assert isinstance(twin, NotDone)
        assert isinstance(namesake, NotDone)
        assert "there already, as Card CA" in twin.problem
        assert "called Card CA already" in namesake.problem

    def test_is_disabled_and_believed_again(self, desk: Cards) -> None:
        added = add(desk)
        assert isinstance(added, CertificateAuthority)
        with desk.site.provider.database.write() as connection:
            assert card_link.set_disabled(connection, added, disabled=True, now=NOW)
            assert certificate_authority.enabled(connection) == []
            (stored,) = certificate_authority.every(connection)
            assert not card_link.set_disabled(connection, stored, disabled=True, now=NOW)
            assert card_link.set_disabled(connection, stored, disabled=False, now=NOW)
            assert certificate_authority.enabled(connection) == [added]
        assert [event.event for event in desk.events()][-2:] == ["authority.disabled", "authority.enabled"]

    def test_may_move_to_an_address_that_is_one(self, desk: Cards) -> None:
        added = add(desk)
        assert isinstance(added, CertificateAuthority)
        with desk.site.provider.database.write() as connection:
            wrong = card_link.move(connection, added, crl_url="file:///x", ocsp_url=None, now=NOW)
            assert wrong is not None
            assert card_link.move(connection, added, crl_url=None, ocsp_url=URL, now=NOW) is None
            (stored,) = certificate_authority.every(connection)
        assert (stored.crl_url, stored.ocsp_url) == (None, URL)


class TestACard:
    def test_is_linked_by_its_number_and_its_owner_is_told(self, desk: Cards) -> None:
        linked = desk.link(jane(desk), "123456789012")

        with desk.site.provider.database.read() as connection:
            assert smartcard.find_by_number(connection, "123456789012") == linked
        assert (linked.authority_id, linked.serial) == (None, None)
        names = [event.event for event in desk.events()]
        assert names[-2:] == ["smartcard.linked", "factor.added"]
        (letter,) = mailbox.queued(desk.site.provider.database.url, desk.site.provider.masters)
        assert letter.letter is Letter.FACTOR_ADDED
        assert (letter.values["factor"], letter.values["label"]) == ("smartcard", "…9012")

    def test_is_linked_by_its_certificate(self, desk: Cards) -> None:
        add(desk)
        numbered, nameless = read(desk, CA.card().pem), read(desk, CA.card(None, serial=0x1F).pem)
        assert isinstance(numbered, Verified)
        assert isinstance(nameless, Verified)

        by_number, by_serial = desk.link(jane(desk), numbered), desk.link(jane(desk), nameless)

        assert (by_number.card_number, by_number.serial) == ("123456789012", None)
        assert (by_serial.card_number, by_serial.serial) == (None, "1f")
        assert by_serial.authority_id == nameless.authority_id is not None

    @pytest.mark.parametrize(
        ("certificate", "problem"),
        [
            (lambda: b"nothing", "no certificate"),
            (lambda: Authority.root("Another CA").card().pem, "No authority that is believed"),
            (lambda: CA.card(lasts=DAY / 2).pem, "expired"),
            (lambda: CA.card(extensions={"extended": None}).pem, "not for this use"),
        ],
    )
    def test_that_could_not_sign_in_is_not_read(
        self, desk: Cards, certificate: Callable[[], bytes], problem: str
    ) -> None:
        add(desk)
        done = read(desk, certificate())
        assert isinstance(done, NotDone)
        assert problem in done.problem

    @pytest.mark.parametrize("number", ["", "12345678901", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢"])
    def test_number_has_twelve_digits(self, desk: Cards, number: str) -> None:
        with desk.site.provider.database.write() as connection:
            done = card_link.link(
                connection, desk.news, desk.site.provider.randomness, jane(desk), number, NOW
            )
        assert isinstance(done, NotDone)

    def test_opens_one_account(self, desk: Cards) -> None:
        add(desk)
        desk.link(jane(desk), "123456789012")
        nameless = read(desk, CA.card(None).pem)
        assert isinstance(nameless, Verified)
        desk.link(jane(desk), nameless)
        other = desk.site.add_account("918OJONES01")
        for which in ("123456789012", nameless):
            with desk.site.provider.database.write() as connection:
                done = card_link.link(connection, desk.news, desk.site.provider.randomness, other, which, NOW)
            assert isinstance(done, NotDone)
            assert "linked already" in done.problem

    def test_that_is_released_ends_the_sessions_of_its_account(self, desk: Cards) -> None:
        found, provider = jane(desk), desk.site.provider
        card = desk.link(found)
        visitor = desk.site.browser()
        visitor.sign_in_to()
        with provider.database.write() as connection:
            released = card_link.unlink(connection, desk.news, found, card, NOW)
            assert isinstance(released, card_link.Released)
            assert released.sessions == 1
            assert smartcard.of_account(connection, found.id) == []
            assert isinstance(card_link.unlink(connection, desk.news, found, card, NOW), NotDone)
        names = [event.event for event in desk.events()]
        assert names[-2:] == ["smartcard.unlinked", "factor.removed"]
        letters = mailbox.queued(provider.database.url, provider.masters)
        assert Letter.FACTOR_REMOVED in {each.letter for each in letters}
