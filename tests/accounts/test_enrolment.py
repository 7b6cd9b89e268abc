"""An app is enrolled with more than a password in hand, confirmed with its code, and told to its owner."""

from base64 import b32decode
from collections import Counter
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from idp.accounts import browser_session
from idp.accounts.attempt import AddressThrottled
from idp.accounts.enrolment import Enough, Enrolled, Mailed, Over, TooManyMails, WrongCode
from idp.accounts.link import LinkProblem
from idp.accounts.mfa import Proved
from idp.accounts.permission import Withheld
from idp.accounts.totp import Enrolment
from idp.db.browser_session import BrowserSession
from idp.db.engine import migration_engine
from idp.db.link import Purpose
from idp.db.totp_device import totp_devices
from idp.policy.enrolment import Permission
from idp.policy.second_factor import Rule
from tests.accounts.second_factors import Desk, Telephone, build
from tests.crowd import together
from tests.site import Site

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(site: Site) -> Desk:
    return build(site)


@pytest.fixture
def demanding(site: Site) -> Desk:
    """Where everybody has to have a second factor."""
    return build(site, Rule.ALWAYS)


def mail_link(desk: Desk, session: BrowserSession, request: str | None = None) -> str:
    """Have a link mailed; its token."""
    mailed = desk.enrolments.mail_link(session, desk.visit(), request)
    assert isinstance(mailed, Mailed), mailed
    link = desk.letters_about("enrol_factor")[-1].values["link"]
    return str(parse_qs(urlsplit(link).query)["link"][0])


def enrol(desk: Desk, session: BrowserSession, *, link: str | None = None, inside: bool = False) -> object:
    """Begin and confirm, or what stands in the way of beginning."""
    begun = desk.enrolments.begin_totp(session, "Telephone", link=link, is_trusted_network=inside)
    if not isinstance(begun, Enrolment):
        return begun
    return desk.confirm(session, begun, link=link, inside=inside)


class TestTheSecret:
    def test_has_160_bits_and_is_what_the_qr_code_says(self, desk: Desk) -> None:
        begun = desk.begin(desk.live_session(), inside=True)
        assert len(b32decode(begun.secret)) == 20
        uri = urlsplit(begun.uri)
        assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
        assert uri.path == "/Electronic%20Staff%20Record:918JSMITH01"
        assert parse_qs(uri.query) == {"secret": [begun.secret], "issuer": ["Electronic Staff Record"]}

    def test_is_another_each_time(self, desk: Desk) -> None:
        session = desk.live_session()
        assert desk.begin(session, inside=True).secret != desk.begin(session, inside=True).secret

    def test_is_not_readable_in_the_database(self, desk: Desk) -> None:
        begun = desk.begin(desk.live_session(), inside=True)
        with migration_engine(desk.site.provider.database.url).connect() as connection:
            (row,) = connection.execute(select(totp_devices)).all()
        assert begun.secret not in str(row)
        assert b32decode(begun.secret) not in bytes(row.sealed)


class TestTheFirstFactor:
    def test_needs_more_than_the_password(self, demanding: Desk) -> None:
        session = demanding.half_session()
        assert enrol(demanding, session) == Withheld(Permission.SECOND_PROOF)
        assert demanding.letters_about("factor_added") == []

    def test_needs_it_in_a_live_session_too(self, desk: Desk) -> None:
        assert enrol(desk, desk.live_session()) == Withheld(Permission.SECOND_PROOF)

    def test_is_enrolled_with_a_mailed_link_and_steps_the_session_up(self, demanding: Desk) -> None:
        entered = demanding.sign_in()
        session = demanding.half(entered.session)
        assert session is not None
        link = mail_link(demanding, session)
        demanding.site.clock.advance(15 * MINUTE)
        enrolled = enrol(demanding, session, link=link)
        assert isinstance(enrolled, Enrolled)
        live = demanding.live(enrolled.entered.session)
        assert live is not None
        assert (live.sid, live.acr) == (session.sid, "AAL2_TOTP")
        assert demanding.half(entered.session) is None

    def test_is_enrolled_on_a_trusted_network(self, demanding: Desk) -> None:
        assert isinstance(enrol(demanding, demanding.half_session(), inside=True), Enrolled)

    def test_comes_with_recovery_codes_that_work(self, demanding: Desk) -> None:
        enrolled = enrol(demanding, demanding.half_session(), inside=True)
        assert isinstance(enrolled, Enrolled)
        assert len(enrolled.codes) == 10
        assert isinstance(demanding.recover(demanding.half_session(), enrolled.codes[0]), Proved)

    def test_is_told_to_the_owner(self, demanding: Desk) -> None:
        session = demanding.half_session()
        enrol(demanding, session, inside=True)
        (letter,) = demanding.letters_about("factor_added")
        assert letter.to == "918jsmith01@example.nhs.uk"
        assert letter.values == {
            "name": "Jane Smith",
            "username": "918JSMITH01",
            "employer": "NHS Blood and Transplant",
            "factor": "totp",
            "label": "Telephone",
            "at": "2026-11-23T07:00:00+00:00",
            "account_page": "https://id.example.nhs.uk/account",
            "service_desk": "0117 496 0000",
        }
        assert demanding.events("factor.added") == [
            ("factor.added", "success", {"factor": "totp", "label": "Telephone"})
        ]

    def test_its_first_code_signs_nobody_in_again(self, demanding: Desk) -> None:
        session = demanding.half_session()
        begun = demanding.begin(session, inside=True)
        telephone = Telephone(begun.device_id, begun.secret)
        code = telephone.code(demanding.site)
        assert isinstance(demanding.confirm(session, begun, inside=True), Enrolled)
        assert not isinstance(demanding.prove(demanding.half_session(), code), Proved)

    def test_of_two_at_once_one_is_the_first(self, demanding: Desk) -> None:
        sessions = [demanding.half_session() for _ in range(12)]
        begun = demanding.begin(sessions[0], inside=True)
        turns = iter(sessions)
        outcomes = together(lambda: demanding.confirm(next(turns), begun, inside=True))
        assert Counter(type(outcome) for outcome in outcomes)[Enrolled] == 1
        assert len(demanding.letters_about("factor_added")) == 1


class TestTheLink:
    def test_is_mailed_to_the_address_on_record(self, demanding: Desk) -> None:
        session = demanding.half_session()
        visit = demanding.visit()
        assert demanding.enrolments.mail_link(session, visit, "h4ndle") == Mailed(visit.reference)
        (letter,) = demanding.letters_about("enrol_factor")
        assert letter.to == "918jsmith01@example.nhs.uk"
        assert letter.values["link"].startswith("https://id.example.nhs.uk/mfa/enrol?link=")
        assert letter.values["link"].endswith("&request=h4ndle")
        assert letter.values["until"] == "2026-11-23T08:00:00+00:00"
        assert letter.values["reference"] == visit.reference
        assert demanding.enrolments.mailed(demanding.jane().id) == visit.reference
        demanding.site.clock.advance(60 * MINUTE)
        assert demanding.enrolments.mailed(demanding.jane().id) is None

    def test_works_once(self, demanding: Desk) -> None:
        session = demanding.half_session()
        link = mail_link(demanding, session)
        assert isinstance(enrol(demanding, session, link=link), Enrolled)
        demanding.reset()
        again = demanding.half_session()
        assert enrol(demanding, again, link=link) == Withheld(LinkProblem.USED)

    def test_works_for_an_hour(self, demanding: Desk) -> None:
        link = mail_link(demanding, demanding.half_session())
        demanding.site.clock.advance(60 * MINUTE)
        assert enrol(demanding, demanding.half_session(), link=link) == Withheld(LinkProblem.EXPIRED)

    def test_has_a_successor(self, demanding: Desk) -> None:
        session = demanding.half_session()
        first = mail_link(demanding, session)
        demanding.site.clock.advance(MINUTE)
        second = mail_link(demanding, session)
        assert enrol(demanding, session, link=first) == Withheld(LinkProblem.SUPERSEDED)
        assert isinstance(enrol(demanding, session, link=second), Enrolled)

    def test_is_of_no_use_to_another_account(self, demanding: Desk) -> None:
        demanding.site.add_account("918JDOE01")
        link = mail_link(demanding, demanding.half_session())
        other = demanding.half_session("918JDOE01")
        assert enrol(demanding, other, link=link) == Withheld(LinkProblem.UNKNOWN)

    @pytest.mark.parametrize("purpose", [Purpose.RESET, Purpose.ACTIVATE, Purpose.UNLOCK])
    def test_is_none_for_anything_else(self, demanding: Desk, purpose: Purpose) -> None:
        provider, now = demanding.site.provider, demanding.site.clock.now()
        with provider.database.write() as connection:
            token = provider.links.issue(connection, demanding.jane().id, purpose, now).token
        session = demanding.half_session()
        assert enrol(demanding, session, link=token) == Withheld(LinkProblem.UNKNOWN)

    def test_may_be_ended_while_the_app_is_set_up(self, demanding: Desk) -> None:
        session = demanding.half_session()
        link = mail_link(demanding, session)
        begun = demanding.begin(session, link=link)
        demanding.site.clock.advance(MINUTE)
        mail_link(demanding, session)
        outcome = demanding.confirm(session, begun, link=link)
        assert outcome == Withheld(LinkProblem.SUPERSEDED)

    def test_does_not_help_who_has_a_factor_already(self, demanding: Desk) -> None:
        link = mail_link(demanding, demanding.half_session())
        demanding.add_app()
        session = demanding.half_session()
        assert enrol(demanding, session, link=link) == Withheld(Permission.PROVE)

    def test_is_not_mailed_where_it_would_not_help(self, demanding: Desk) -> None:
        inside = demanding.visit(inside=True)
        assert demanding.enrolments.mail_link(demanding.half_session(), inside, None) is None
        demanding.add_app()
        outcome = demanding.enrolments.mail_link(demanding.half_session(), demanding.visit(), None)
        assert outcome == Withheld(Permission.PROVE)
        assert demanding.letters_about("enrol_factor") == []

    def test_is_mailed_three_times_an_hour(self, demanding: Desk) -> None:
        session = demanding.half_session()
        for _ in range(3):
            mail_link(demanding, session)
        outcome = demanding.enrolments.mail_link(session, demanding.visit(), None)
        assert isinstance(outcome, TooManyMails)
        assert len(demanding.letters_about("enrol_factor")) == 3

    def test_is_mailed_ten_times_in_ten_minutes_from_an_address(self, demanding: Desk) -> None:
        session = demanding.half_session()
        outcomes = [demanding.enrolments.mail_link(session, demanding.visit(), None) for _ in range(11)]
        assert isinstance(outcomes[10], AddressThrottled)


class TestAnotherFactor:
    def test_is_refused_to_half_of_what_is_enrolled(self, desk: Desk) -> None:
        desk.add_app()
        assert enrol(desk, desk.half_session(), inside=True) == Withheld(Permission.PROVE)

    def test_is_refused_where_a_trusted_device_spared_the_question(self, desk: Desk) -> None:
        telephone = desk.add_app()
        proved = desk.prove(desk.half_session(), telephone.code(desk.site), trust=True)
        assert isinstance(proved, Proved)
        entered = desk.sign_in(visit=desk.visit(trusted_device=proved.trusted))
        session = desk.live(entered.session)
        assert session is not None
        assert enrol(desk, session) == Withheld(Permission.PROVE)

    def test_needs_a_proof_of_all_that_is_enrolled_not_five_minutes_ago(self, desk: Desk) -> None:
        telephone = desk.add_app()
        proved = desk.prove(desk.half_session(), telephone.code(desk.site))
        assert isinstance(proved, Proved)
        session = desk.live(proved.entered.session)
        assert session is not None
        desk.site.clock.advance(5 * MINUTE - timedelta(seconds=1))
        begun = desk.begin(session)
        desk.site.clock.advance(timedelta(seconds=1))
        assert desk.confirm(session, begun) == Withheld(Permission.LOG_IN)

    def test_brings_no_new_recovery_codes_and_ends_trusted_devices(self, desk: Desk) -> None:
        telephone = desk.add_app()
        codes = desk.add_codes()
        proved = desk.prove(desk.half_session(), telephone.code(desk.site), trust=True)
        assert isinstance(proved, Proved)
        session = desk.live(proved.entered.session)
        assert session is not None
        enrolled = enrol(desk, session)
        assert isinstance(enrolled, Enrolled)
        assert enrolled.codes == ()
        assert desk.sign_in(visit=desk.visit(trusted_device=proved.trusted)).is_half
        assert isinstance(desk.recover(desk.half_session(), codes[0]), Proved)

    def test_may_be_one_of_five(self, desk: Desk) -> None:
        telephone = desk.add_app()
        for number in range(4):
            desk.add_app(name=f"Telephone {number}")
        proved = desk.prove(desk.half_session(), telephone.code(desk.site))
        assert isinstance(proved, Proved)
        session = desk.live(proved.entered.session)
        assert session is not None
        assert enrol(desk, session) == Enough()


class TestConfirming:
    def test_takes_the_app_s_own_code(self, desk: Desk) -> None:
        session = desk.live_session()
        begun = desk.begin(session, inside=True)
        wrong = Telephone(begun.device_id, begun.secret).wrong(desk.site)
        assert desk.confirm(session, begun, code=wrong, inside=True) == WrongCode()
        assert desk.mfa.ways(desk.jane().id) == ()
        assert isinstance(desk.confirm(session, begun, inside=True), Enrolled)

    def test_is_over_after_half_an_hour(self, demanding: Desk) -> None:
        begun = demanding.begin(demanding.half_session(), inside=True)
        demanding.site.clock.advance(30 * MINUTE)
        assert demanding.confirm(demanding.half_session(), begun, inside=True) == Over()

    def test_is_over_when_another_app_was_begun(self, desk: Desk) -> None:
        session = desk.live_session()
        first = desk.begin(session, inside=True)
        desk.begin(session, inside=True)
        assert desk.confirm(session, first, inside=True) == Over()

    def test_is_nothing_another_account_can_do(self, desk: Desk) -> None:
        desk.site.add_account("918JDOE01")
        begun = desk.begin(desk.live_session(), inside=True)
        other = desk.live_session("918JDOE01")
        assert desk.confirm(other, begun, inside=True) == Over()

    def test_is_over_when_the_session_has_ended_and_nothing_is_stored(self, desk: Desk) -> None:
        session = desk.live_session()
        begun = desk.begin(session, inside=True)
        with desk.site.provider.database.write() as connection:
            browser_session.end(connection, session, address=None, client_id=None, now=desk.site.clock.now())
        assert desk.confirm(session, begun, inside=True) == Over()
        assert desk.mfa.ways(desk.jane().id) == ()
        assert desk.letters() == []
