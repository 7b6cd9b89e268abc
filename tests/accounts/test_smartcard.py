"""A card signs in whom it is bound to, while its authority stands by it, and one browser, once."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from idp.accounts import administration
from idp.accounts.card_link import unlink
from idp.accounts.entry import Visit
from idp.accounts.smartcard import CardProblem, Proved
from idp.db import account, certificate_authority, smartcard
from idp.db.account import AccountState
from idp.policy.assurance import Factor
from idp.policy.card_number import NumberFrom
from idp.policy.revocation import Grace, Verdict
from tests.accounts import cards
from tests.accounts.cards import CA, Cards
from tests.builders import digest_of
from tests.certificates import CARD_NUMBER, NOW, Authority, Card, a_name
from tests.crowd import together
from tests.site import Site

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BROWSER = digest_of("this browser")
SUB = CA.intermediate()
ADDRESS = "192.0.2.7"


@pytest.fixture
def desk(site: Site) -> Cards:
    """Jane's card is linked, and nothing is revoked."""
    desk = cards.build(site)
    desk.believe(crl=CA.crl(number=41))
    desk.link(jane(desk))
    return desk


def jane(desk: Cards) -> account.Account:
    with desk.site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    return found


def prove(desk: Cards, card: Card) -> str:
    accepted = desk.accepted(card)
    return desk.smartcards.prove(BROWSER, accepted, address=ADDRESS, reference="7F3K-2Q")


def redeem(desk: Cards, token: str, binding: bytes = BROWSER) -> Proved | None:
    with desk.site.provider.database.write() as connection:
        return desk.smartcards.redeem(connection, token, binding, desk.site.clock.now())


class TestACard:
    def test_is_its_owners_and_the_audit_log_says_which_list_vouched_for_it(self, desk: Cards) -> None:
        accepted = desk.accepted(CA.card())

        assert accepted.account == jane(desk)
        assert accepted.factor is Factor.SMARTCARD
        assert accepted.detail == {
            "card": "123456789012",
            "authority": "CN=Card CA",
            "crl_number": "41",
            "revocation": "good",
            "authority_asked": False,
        }

    def test_tells_its_holder_what_it_is(self, desk: Cards) -> None:
        examined = desk.examine(CA.card())

        assert examined.said is not None
        assert examined.said.issuer == "Card CA"
        assert (examined.authority, examined.verdict, examined.crl_number) == (
            "CN=Card CA",
            Verdict.GOOD,
            41,
        )
        assert examined.account == jane(desk)

    def test_is_known_by_nothing_but_its_number(self, desk: Cards) -> None:
        namesake = CA.card("999999999999", name=a_name("Jane Smith", (NameOID.SERIAL_NUMBER, "999999999999")))
        assert desk.problem(namesake) is CardProblem.UNKNOWN_CARD
        assert desk.problem(CA.card(None, name=a_name(CARD_NUMBER))) is CardProblem.UNKNOWN_CARD
        assert desk.problem(CA.card(None, name=a_name("918JSMITH01"))) is CardProblem.UNKNOWN_CARD

    def test_that_replaces_another_under_the_same_number_goes_on(self, desk: Cards) -> None:
        first, second = CA.card(), CA.card()
        assert first.serial != second.serial
        assert desk.accepted(first).account == desk.accepted(second).account

    def test_without_a_number_is_known_by_issuer_and_serial_number(self, desk: Cards) -> None:
        other = desk.site.add_account("918OJONES01")
        card = CA.card(None)
        desk.link(other, desk.verified(card))

        accepted = desk.accepted(card)
        assert accepted.account.username == "918OJONES01"
        assert accepted.detail["card"] == f"serial {card.serial}"
        # Issued anew, it is another card and needs another binding.
        assert desk.problem(CA.card(None)) is CardProblem.UNKNOWN_CARD

    def test_of_another_authority_with_the_same_serial_number_is_another_card(self, desk: Cards) -> None:
        other = Authority.root("Another CA")
        desk.believe(other, crl=other.crl())
        card = CA.card(None, serial=4242)
        desk.link(desk.site.add_account("918OJONES01"), desk.verified(card))
        assert desk.accepted(card)
        assert desk.problem(other.card(None, serial=4242)) is CardProblem.UNKNOWN_CARD

    def test_that_two_accounts_lay_claim_to_opens_neither(self, desk: Cards) -> None:
        card = CA.card()
        other = desk.site.add_account("918OJONES01")
        nameless = replace(desk.verified(card), card_number=None)
        desk.link(other, nameless)
        assert desk.problem(card) is CardProblem.UNKNOWN_CARD

    def test_may_carry_its_number_where_it_is_configured(self, site: Site) -> None:
        desk = cards.build(site, number_from=NumberFrom.NOWHERE)
        desk.believe(crl=CA.crl())
        desk.link(jane(desk))
        assert desk.problem(CA.card()) is CardProblem.UNKNOWN_CARD


class TestACardIsRefused:
    def test_that_is_not_there(self, desk: Cards) -> None:
        assert desk.problem(()) is CardProblem.NO_CARD

    def test_that_nobody_linked(self, desk: Cards) -> None:
        assert desk.problem(CA.card("999999999999")) is CardProblem.UNKNOWN_CARD

    def test_for_what_its_certificate_is(self, desk: Cards) -> None:
        assert desk.problem(CA.card(lasts=DAY / 2)) is CardProblem.EXPIRED
        assert desk.problem(CA.card(begins=NOW + HOUR)) is CardProblem.NOT_YET_VALID
        assert desk.problem(Authority.root("Another CA").card()) is CardProblem.UNTRUSTED
        assert desk.problem(CA.card(extensions={"extended": None})) is CardProblem.WRONG_USE
        assert desk.problem((b"\x30\x00",)) is CardProblem.MALFORMED

    def test_when_the_clock_has_moved_past_its_end(self, desk: Cards) -> None:
        card = CA.card(lasts=2 * DAY)
        assert desk.accepted(card)
        assert desk.problem(card, after=DAY + SECOND) is CardProblem.EXPIRED
        assert desk.problem(card, after=-DAY - SECOND) is CardProblem.NOT_YET_VALID

    def test_that_is_revoked(self, site: Site) -> None:
        desk = cards.build(site)
        lost = CA.card()
        desk.believe(crl=CA.crl([lost]))
        desk.link(jane(desk))
        assert desk.problem(lost) is CardProblem.REVOKED
        assert desk.accepted(CA.card())

    def test_while_nobody_knows_whether_it_is_revoked(self, site: Site) -> None:
        desk = cards.build(site)
        authority = desk.believe()
        desk.link(jane(desk))
        assert desk.problem(CA.card()) is CardProblem.REVOCATION_UNKNOWN
        desk.publish(authority, CA.crl(until=NOW + MINUTE))
        assert desk.accepted(CA.card())
        site.clock.advance(MINUTE)
        assert desk.problem(CA.card()) is CardProblem.REVOCATION_UNKNOWN

    def test_that_says_itself_where_to_ask(self, site: Site) -> None:
        desk = cards.build(site)
        desk.believe()
        desk.link(jane(desk))
        with cards.answering(lambda _: CA.crl()) as canary:
            where = x509.UniformResourceIdentifier(f"{canary.url}cards.crl")
            points = x509.CRLDistributionPoints([x509.DistributionPoint([where], None, None, None)])
            access = x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where),
                    x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where),
                ]
            )
            card = CA.card(extensions={"points": (points, False), "access": (access, False)})
            assert desk.problem(card) is CardProblem.REVOCATION_UNKNOWN
        assert canary.asked == []

    def test_whose_issuer_has_told_nobody_where_its_revocations_are(self, desk: Cards) -> None:
        """The root is believed, the authority between is not configured: nobody can say what it revoked."""
        assert desk.problem(SUB.card()) is CardProblem.REVOCATION_UNKNOWN
        desk.believe(SUB, crl=SUB.crl())
        assert desk.accepted(SUB.card())

    def test_whose_issuer_was_revoked(self, desk: Cards, site: Site) -> None:
        desk.believe(SUB, crl=SUB.crl())
        with site.provider.database.read() as connection:
            root = certificate_authority.find(connection, "CN=Card CA")
        assert root is not None
        desk.publish(root, CA.crl([Card(SUB.certificate, SUB.key)], number=42))
        assert desk.problem(SUB.card()) is CardProblem.REVOKED

    def test_once_its_authority_is_disabled(self, desk: Cards) -> None:
        with desk.site.provider.database.write() as connection:
            (authority,) = certificate_authority.enabled(connection)
            certificate_authority.set_disabled(connection, authority.id, NOW)
        assert desk.problem(CA.card()) is CardProblem.UNTRUSTED

    @pytest.mark.parametrize(
        "state", [AccountState.DISABLED, AccountState.LEAVER, AccountState.PENDING, AccountState.INACTIVE]
    )
    def test_of_an_account_that_is_closed(self, desk: Cards, state: AccountState) -> None:
        with desk.site.provider.database.write() as connection:
            account.set_state(connection, jane(desk).id, AccountState.ACTIVE, state)
        assert desk.problem(CA.card()) is CardProblem.ACCOUNT_CLOSED

    def test_of_somebody_who_has_left(self, desk: Cards) -> None:
        gone = desk.site.add_account("918OJONES01", ends_on=(NOW - DAY).date())
        desk.link(gone, "210987654321")
        assert desk.problem(CA.card("210987654321")) is CardProblem.ACCOUNT_CLOSED


class TestALastKnownGoodList:
    def test_is_worth_level_2_after_its_time_for_level_3(self, site: Site) -> None:
        desk = cards.build(site, grace=Grace(level_2=2 * HOUR, level_3=HOUR))
        desk.believe(crl=CA.crl(until=NOW + MINUTE))
        desk.link(jane(desk))

        assert desk.accepted(CA.card(), after=HOUR).factor is Factor.SMARTCARD
        later = desk.accepted(CA.card(), after=HOUR + MINUTE)
        assert later.factor is Factor.UNCONFIRMED_SMARTCARD
        assert later.detail["revocation"] == "last_known_good"
        assert desk.problem(CA.card(), after=2 * HOUR + MINUTE) is CardProblem.REVOCATION_UNKNOWN


class TestAProof:
    def test_is_redeemed_for_the_person_of_the_card(self, desk: Cards) -> None:
        proved = redeem(desk, prove(desk, CA.card()))
        assert proved == Proved(jane(desk), Factor.SMARTCARD, "123456789012")

    def test_is_redeemed_once(self, desk: Cards) -> None:
        token = prove(desk, CA.card())
        assert redeem(desk, token) is not None
        assert redeem(desk, token) is None

    def test_is_redeemed_by_one_of_many(self, desk: Cards) -> None:
        token = prove(desk, CA.card())
        outcomes = Counter(proved is not None for proved in together(lambda: redeem(desk, token)))
        assert outcomes == {True: 1, False: 11}

    def test_serves_no_other_browser_and_is_not_used_up_by_it(self, desk: Cards) -> None:
        token = prove(desk, CA.card())
        assert redeem(desk, token, digest_of("another browser")) is None
        assert redeem(desk, token) is not None

    def test_lives_for_a_minute(self, desk: Cards) -> None:
        early, late = prove(desk, CA.card()), prove(desk, CA.card())
        desk.site.clock.advance(59 * SECOND)
        assert redeem(desk, early) is not None
        desk.site.clock.advance(SECOND)
        assert redeem(desk, late) is None

    def test_dies_with_the_binding_of_its_card(self, desk: Cards) -> None:
        token = prove(desk, CA.card())
        with desk.site.provider.database.write() as connection:
            (card,) = smartcard.of_account(connection, jane(desk).id)
            unlink(connection, desk.news, jane(desk), card, NOW)
        assert redeem(desk, token) is None

    def test_of_nobody_is_none(self, desk: Cards) -> None:
        assert redeem(desk, "no token") is None

    def test_is_no_secret_in_the_database(self, desk: Cards) -> None:
        token = prove(desk, CA.card())
        found = [repr(event) for event in desk.events()]
        assert not any(token in each for each in found)

    def test_does_not_open_an_account_that_was_disabled_meanwhile(self, desk: Cards, site: Site) -> None:
        token = prove(desk, CA.card())
        with site.provider.database.write() as connection:
            administration.disable(connection, jane(desk), NOW)
        visit = Visit(
            address=ADDRESS,
            user_agent=None,
            known_device=None,
            trusted_device=None,
            current=None,
            request_digest=None,
            is_trusted_network=False,
            reference="7F3K-2Q",
        )
        with site.provider.database.write() as connection:
            proved = desk.smartcards.redeem(connection, token, BROWSER, NOW)
            assert proved is not None
            entered = site.provider.entry.enter(connection, proved.account, (proved.factor,), visit, NOW)
        assert entered is None


class TestTheAuditLog:
    def test_says_which_card_was_proved_by_which_list(self, desk: Cards) -> None:
        prove(desk, CA.card())
        event = desk.events()[-1]
        assert (event.event, event.outcome, event.account_id) == (
            "smartcard.proved",
            "success",
            jane(desk).id,
        )
        assert (event.address, event.reference) == (ADDRESS, "7F3K-2Q")
        detail = dict(event.detail or {})
        assert detail.pop("smartcard_id")
        assert detail == {
            "factor": "smartcard",
            "card": "123456789012",
            "authority": "CN=Card CA",
            "crl_number": "41",
            "revocation": "good",
            "authority_asked": False,
        }

    def test_says_why_a_card_of_ours_was_refused(self, desk: Cards) -> None:
        desk.smartcards.refuse(desk.examine(CA.card("999999999999")), address=ADDRESS, reference="7F3K-2Q")
        event = desk.events()[-1]
        assert (event.event, event.outcome, event.account_id) == ("smartcard.refused", "unknown_card", None)
        assert event.detail == {
            "card": "999999999999",
            "authority": "CN=Card CA",
            "crl_number": "41",
            "revocation": "good",
        }

    def test_is_not_filled_by_strangers(self, desk: Cards) -> None:
        before = desk.events(100)
        for card in (Authority.root("Another CA").card().chain, (), (b"\x00",)):
            desk.smartcards.refuse(desk.examine(card), address=ADDRESS, reference="7F3K-2Q")
        assert desk.events(100) == before

    def test_never_calls_a_good_card_refused(self, desk: Cards) -> None:
        with pytest.raises(TypeError, match="in order"):
            desk.smartcards.refuse(desk.examine(CA.card()), address=ADDRESS, reference="7F3K-2Q")
