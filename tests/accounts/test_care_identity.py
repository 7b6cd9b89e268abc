"""Whom NHS Care Identity vouches for is signed in to the account of their card, and nobody else is."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, cycle
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from idp.accounts import administration, browser_session, card_link
from idp.accounts.care_identity import CareIdentityProblem, Refused, Returned, SignedOut, Wanted
from idp.accounts.entry import Entered, Visit
from idp.db import browser_session as rows
from idp.db import care_identity, smartcard
from idp.db.browser_session import BrowserSession
from idp.db.signing_key import SigningKey
from idp.policy.assurance import Factor
from idp.policy.journey import Assurance
from tests import site as sites
from tests.accounts import cards
from tests.care import OTHER_NUMBER, SUBJECT, Care, caring, query_of
from tests.crowd import together
from tests.site import Site
from tests.upstream import (
    EC,
    NUMBER,
    STRANGER,
    Change,
    later,
    public_key_as_secret,
    replacing,
    signing,
    unsigned,
)

SECRET = "a-secret-of-one-browser"
_numbers = count()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
VISIT = Visit(
    address="192.0.2.7",
    user_agent="a browser",
    known_device=None,
    trusted_device=None,
    current=None,
    request_digest=None,
    is_trusted_network=False,
    reference="7F3K-2Q",
)


@pytest.fixture
def care(
    database_url: str,
    keys_dir: Path,
    signing_keys: list[SigningKey],
    password_hash: str,
    now: datetime,
    tmp_path: Path,
) -> Iterator[Care]:
    """Jane's card is linked."""

    def make(**settings: object) -> Site:
        return sites.build(database_url, keys_dir, signing_keys, password_hash, now, **settings)

    with caring(make, now, tmp_path) as care:
        care.site.add_account()
        care.link()
        yield care
        care.site.provider.database.close()


def leave(care: Care, secret: str = SECRET, wanted: Wanted | None = None) -> str:
    there = care.service.leave(
        secret,
        wanted or Wanted(),
        address=VISIT.address,
        limits=care.site.provider.limits,
        language="cy",
    )
    assert isinstance(there, str), there
    return there


def returned(url: str) -> Returned:
    brought = query_of(url)
    return Returned(*(brought.get(name, "") for name in ("state", "code", "error", "iss")))


def sign_in(care: Care, wanted: Wanted | None = None, visit: Visit = VISIT) -> Entered | Refused:
    secret = f"{SECRET}-{next(_numbers)}"
    back = care.upstream.authorize(leave(care, secret, wanted))
    return care.service.come_back(secret, returned(back), visit)


def session(care: Care, entered: Entered | Refused) -> BrowserSession:
    assert isinstance(entered, Entered), entered
    with care.site.provider.database.read() as connection:
        found = browser_session.find(connection, entered.session.secret, care.site.clock.now())
    assert found is not None
    return found


def problem(care: Care, wanted: Wanted | None = None) -> str:
    refused = sign_in(care, wanted)
    assert isinstance(refused, Refused), refused
    return refused.problem.value


class TestWhatIsAskedFor:
    def test_is_what_openid_connect_names_so(self, care: Care) -> None:
        asked = query_of(leave(care))
        assert asked.pop("state")
        assert asked.pop("nonce")
        assert asked.pop("code_challenge")
        assert asked == {
            "response_type": "code",
            "client_id": "999999999999.apps.national",
            "redirect_uri": "https://id.example.nhs.uk/care-identity/return",
            "scope": "openid nhsperson",
            "code_challenge_method": "S256",
            "acr_values": "AAL3_ANY",
            "max_age": "0",
            "prompt": "login",
            "ui_locales": "cy",
        }

    def test_holds_nothing_of_the_browsers_secret_and_no_value_twice(self, care: Care) -> None:
        asked = query_of(leave(care))
        made = [asked[name] for name in ("state", "nonce", "code_challenge")]
        assert len({*made, SECRET}) == 4
        again = query_of(leave(care, "another-secret"))
        assert not set(made) & {again[name] for name in ("state", "nonce", "code_challenge")}

    @pytest.mark.parametrize(
        ("wanted", "acr_values", "max_age", "prompt"),
        [
            pytest.param(Wanted(), "AAL2_OR_AAL3_ANY", "300", None, id="what is configured"),
            pytest.param(Wanted(is_new=True), "AAL2_OR_AAL3_ANY", "0", "login", id="prompt=login"),
            pytest.param(Wanted(max_age=60 * SECOND), "AAL2_OR_AAL3_ANY", "60", None, id="a shorter max_age"),
            pytest.param(Wanted(max_age=HOUR), "AAL2_OR_AAL3_ANY", "300", None, id="a longer max_age"),
            pytest.param(Wanted(max_age=0 * SECOND), "AAL2_OR_AAL3_ANY", "0", "login", id="max_age=0"),
            pytest.param(
                Wanted(Assurance(required=(("AAL3_SMARTCARD",),))), "AAL3_ANY", "300", None, id="a card"
            ),
            pytest.param(Wanted(Assurance(required=(("AAL3_ANY",),))), "AAL3_ANY", "300", None, id="level 3"),
            pytest.param(
                Wanted(Assurance(required=(("AAL2_ANY", "AAL3_ANY"),))),
                "AAL2_OR_AAL3_ANY",
                "300",
                None,
                id="either",
            ),
            pytest.param(
                Wanted(Assurance(required=(("AAL1_USERPASS",),))),
                "AAL2_OR_AAL3_ANY",
                "300",
                None,
                id="less is not asked for",
            ),
            pytest.param(
                Wanted(Assurance(wished=("AAL3_ANY",))),
                "AAL2_OR_AAL3_ANY",
                "300",
                None,
                id="a wish is no condition",
            ),
        ],
    )
    def test_is_as_much_as_the_application_needs(
        self, care: Care, wanted: Wanted, acr_values: str, max_age: str, prompt: str | None
    ) -> None:
        lenient = replace(care.service, acr_values=("AAL2_OR_AAL3_ANY",), max_age=300)
        there = lenient.leave(
            SECRET, wanted, address="192.0.2.7", limits=care.site.provider.limits, language="en"
        )
        assert isinstance(there, str)
        asked = query_of(there)
        assert (asked["acr_values"], asked["max_age"], asked.get("prompt")) == (acr_values, max_age, prompt)


class TestWhoIsVouchedFor:
    def test_is_signed_in_as_when_and_how_they_proved_it_there(self, care: Care) -> None:
        began = care.site.clock.now()
        there = leave(care)
        care.site.clock.advance(5 * SECOND)
        back = care.upstream.authorize(there)
        care.site.clock.advance(5 * SECOND)
        care.upstream.change_id_token = later("auth_time", -5 * SECOND)
        entered = care.service.come_back(SECRET, returned(back), VISIT)
        found = session(care, entered)
        assert found.account_id == care.account().id
        assert (found.acr, found.amr) == ("AAL3_SMARTCARD", ("sc", "pin", "mfa"))
        assert found.auth_time == began + 5 * SECOND
        assert found.nhsid_useruid == "656005750104"

    @pytest.mark.parametrize(
        ("acr", "amr", "level", "reached"),
        [
            ("AAL3_ANY", ["N3_SMARTCARD"], "3", "AAL3_SMARTCARD"),
            ("AAL3_ANY", ["FIDO2"], "3", "AAL3_FIDO2"),
            ("AAL3_ANY", ["IOS"], "3", "AAL2_ANY"),
            ("AAL2_OR_AAL3_ANY", ["N3_SMARTCARD"], "3", "AAL3_SMARTCARD"),
            ("AAL2_OR_AAL3_ANY", ["N3_SMARTCARD"], "2", "AAL2_ANY"),
            ("AAL2_ANY", ["TOTP"], "2", "AAL2_ANY"),
        ],
    )
    def test_reaches_what_is_said_of_them_and_no_more(
        self, care: Care, acr: str, amr: list[str], level: str, reached: str
    ) -> None:
        care.upstream.acr, care.upstream.amr, care.upstream.level = acr, amr, level
        lenient = replace(care.service, acr_values=("AAL2_OR_AAL3_ANY",))
        there = lenient.leave(
            SECRET, Wanted(), address="192.0.2.7", limits=care.site.provider.limits, language="en"
        )
        assert isinstance(there, str)
        entered = lenient.come_back(SECRET, returned(care.upstream.authorize(there)), VISIT)
        assert session(care, entered).acr == reached

    def test_is_bound_to_the_card_and_found_by_the_binding(self, care: Care) -> None:
        began = care.site.clock.now()
        session(care, sign_in(care))
        care.site.clock.advance(MINUTE)
        session(care, sign_in(care))
        with care.site.provider.database.read() as connection:
            bound = care_identity.find(connection, care.upstream.issuer, SUBJECT)
            (card,) = smartcard.of_account(connection, care.account().id)
        assert bound is not None
        assert (bound.smartcard_id, bound.linked_at, bound.last_used_at) == (card.id, began, began + MINUTE)
        assert card.last_used_at == began + MINUTE

    def test_may_be_bound_by_twelve_at_once(self, care: Care) -> None:
        backs = [
            (secret, returned(care.upstream.authorize(leave(care, secret))))
            for secret in (f"secret-{number}" for number in range(12))
        ]
        outcomes = together(lambda: care.service.come_back(*backs.pop(), VISIT))
        assert Counter(type(outcome) for outcome in outcomes) == {Entered: 12}

    def test_is_one_alone_when_twelve_come_at_once_with_one_number(self, care: Care) -> None:
        people = count(910000000100)
        care.upstream.change_id_token = lambda claims: claims.update(
            sub=str(next(people)), nhsid_useruid=NUMBER
        )
        backs = [
            (secret, returned(care.upstream.authorize(leave(care, secret))))
            for secret in (f"secret-{number}" for number in range(12))
        ]
        outcomes = together(lambda: care.service.come_back(*backs.pop(), VISIT))
        assert Counter(
            outcome.problem.value if isinstance(outcome, Refused) else "entered" for outcome in outcomes
        ) == {"entered": 1, "other_card": 11}

    def test_is_one_person_when_twelve_answers_give_them_two_numbers_at_once(self, care: Care) -> None:
        care.site.add_account("918OJONES01")
        care.link(OTHER_NUMBER, "918OJONES01")
        numbers = cycle((NUMBER, OTHER_NUMBER))
        care.upstream.change_id_token = lambda claims: claims.update(nhsid_useruid=next(numbers))
        backs = [
            (secret, returned(care.upstream.authorize(leave(care, secret))))
            for secret in (f"secret-{number}" for number in range(12))
        ]
        outcomes = together(lambda: care.service.come_back(*backs.pop(), VISIT))
        entered = [outcome for outcome in outcomes if isinstance(outcome, Entered)]
        assert len({session(care, each).account_id for each in entered}) == 1
        refused = Counter(outcome.problem for outcome in outcomes if isinstance(outcome, Refused))
        assert refused == {CareIdentityProblem.OTHER_CARD: 12 - len(entered)}

    def test_is_told_of_in_the_audit_log(self, care: Care) -> None:
        sign_in(care)
        proved, entered = care.events()[-2:]
        assert (proved.event, proved.outcome, proved.reference) == (
            "care_identity.proved",
            "success",
            "7F3K-2Q",
        )
        assert proved.account_id == care.account().id
        assert proved.detail == {
            "issuer": care.upstream.issuer,
            "subject": "910000000001",
            "card": "656005750104",
            "acr": "AAL3_ANY",
            "amr": ["N3_SMARTCARD"],
            "level": "3",
            "auth_time": "2026-11-23T07:00:00+00:00",
        }
        assert (entered.event, entered.outcome) == ("sign_in.smartcard", "success")

    def test_who_must_change_the_password_has_that_to_do(self, care: Care) -> None:
        with care.site.provider.database.write() as connection:
            administration.require_change(connection, care.account(), care.site.clock.now())
        entered = sign_in(care)
        assert isinstance(entered, Entered)
        with care.site.provider.database.read() as connection:
            due = browser_session.find_due(connection, entered.session.secret, care.site.clock.now())
        assert due is not None


WRONG: list[tuple[str, Callable[[Care], None], str]] = []


def _wrong(expected: str) -> Callable[[Callable[[Care], None]], Callable[[Care], None]]:
    def note(prepare: Callable[[Care], None]) -> Callable[[Care], None]:
        WRONG.append((prepare.__name__.strip("_").replace("_", " "), prepare, expected))
        return prepare

    return note


@_wrong("too_weak")
def _level_2_where_level_3_was_asked(care: Care) -> None:
    care.upstream.acr, care.upstream.amr, care.upstream.level = "AAL2_ANY", ["TOTP"], "2"


@_wrong("too_weak")
def _one_factor(care: Care) -> None:
    care.upstream.acr, care.upstream.amr, care.upstream.level = "AAL1_USERPASS", ["PASSWORD"], "1"


@_wrong("too_weak")
def _a_level_below_its_class(care: Care) -> None:
    care.upstream.level = "1"


@_wrong("too_weak")
def _no_class(care: Care) -> None:
    care.upstream.change_id_token = replacing(acr=None)


@_wrong("not_fresh")
def _a_sign_in_from_before(care: Care) -> None:
    care.upstream.change_id_token = later("auth_time", -31 * SECOND)


@_wrong("not_fresh")
def _no_time(care: Care) -> None:
    care.upstream.change_id_token = replacing(auth_time=None)


@_wrong("unknown_person")
def _a_number_that_nobody_linked(care: Care) -> None:
    care.upstream.change_userinfo = replacing(nhsid_useruid=OTHER_NUMBER)


@_wrong("unknown_person")
def _no_number(care: Care) -> None:
    care.upstream.change_userinfo = replacing(nhsid_useruid=None)


@_wrong("unknown_person")
def _a_number_that_is_none(care: Care) -> None:
    care.upstream.change_userinfo = replacing(nhsid_useruid="918JSMITH01")


@_wrong("account_closed")
def _a_disabled_account(care: Care) -> None:
    with care.site.provider.database.write() as connection:
        administration.disable(connection, care.account(), care.site.clock.now())


@_wrong("other_card")
def _another_person_with_the_same_number(care: Care) -> None:
    session(care, sign_in(care))
    care.upstream.sub = "910000000002"


@_wrong("other_card")
def _the_same_person_with_a_number_of_another_account(care: Care) -> None:
    session(care, sign_in(care))
    care.site.add_account("918OJONES01")
    care.link(OTHER_NUMBER, "918OJONES01")
    care.upstream.change_userinfo = replacing(nhsid_useruid=OTHER_NUMBER)


@_wrong("other_card")
def _the_same_person_with_a_number_that_nobody_linked(care: Care) -> None:
    session(care, sign_in(care))
    care.upstream.change_userinfo = replacing(nhsid_useruid=OTHER_NUMBER)


@_wrong("other_card")
def _the_same_person_with_no_number(care: Care) -> None:
    session(care, sign_in(care))
    care.upstream.change_userinfo = replacing(nhsid_useruid=None)


@pytest.mark.parametrize(("prepare", "expected"), [pytest.param(*rest, id=name) for name, *rest in WRONG])
def test_who_is_vouched_for_is_refused_and_the_audit_log_says_why(
    care: Care, prepare: Callable[[Care], None], expected: str
) -> None:
    prepare(care)
    refused = sign_in(care)
    assert refused == Refused(CareIdentityProblem(expected), None, "7F3K-2Q")
    told = care.events()[-1]
    assert (told.event, told.outcome, told.reference) == ("care_identity.refused", expected, "7F3K-2Q")
    assert told.detail is not None
    assert told.detail["issuer"] == care.upstream.issuer


def test_what_was_asked_for_a_while_ago_may_be_as_old_as_that(care: Care) -> None:
    """Fresh is what was proved after it was asked for, less what clocks may differ by."""
    there = leave(care)
    care.site.clock.advance(10 * MINUTE)
    care.upstream.change_id_token = later("auth_time", -10 * MINUTE - 30 * SECOND)
    session(care, care.service.come_back(SECRET, returned(care.upstream.authorize(there)), VISIT))


BAD: list[tuple[str, str, Change]] = [
    ("another issuer", "wrong_issuer", replacing(iss="https://another.example")),
    ("another nonce", "wrong_nonce", replacing(nonce="another")),
    ("no nonce", "wrong_nonce", replacing(nonce=None)),
    ("another audience", "wrong_audience", replacing(aud="another-client")),
    ("expired", "expired", later("exp", -HOUR)),
]


class TestNobodyIsBelieved:
    @pytest.mark.parametrize(
        ("cause", "change"), [pytest.param(cause, change, id=name) for name, cause, change in BAD]
    )
    def test_whose_token_says_something_else(self, care: Care, cause: str, change: Change) -> None:
        care.upstream.change_id_token = change
        refused = sign_in(care)
        assert isinstance(refused, Refused)
        assert refused.problem is CareIdentityProblem.NOT_BELIEVED
        assert (refused.cause or "").startswith(cause)
        assert refused.reference is None

    @pytest.mark.parametrize(
        "sign",
        [
            pytest.param(unsigned, id="without a signature"),
            pytest.param(public_key_as_secret, id="the public key as a secret"),
            pytest.param(signing(EC, alg="ES256", kid="ec-1"), id="another algorithm"),
            pytest.param(signing(STRANGER), id="a stranger's key"),
        ],
    )
    def test_whose_token_is_signed_otherwise(self, care: Care, sign: Callable[..., str]) -> None:
        care.upstream.sign = sign
        assert problem(care) == "not_believed"

    @pytest.mark.parametrize("iss", ["https://another.example", None])
    def test_whose_answer_is_not_from_whom_was_asked(self, care: Care, iss: str | None) -> None:
        """RFC 9207 §2.4: nobody is even asked to redeem the code."""
        care.upstream.change_redirect = replacing(iss=iss)
        assert problem(care) == "not_believed"
        assert "/token" not in care.upstream.paths

    def test_whose_answer_need_not_name_its_issuer_unless_it_is_promised(self, care: Care) -> None:
        care.upstream.change_discovery = replacing(authorization_response_iss_parameter_supported=None)
        care.upstream.change_redirect = replacing(iss=None)
        session(care, sign_in(care))

    def test_whose_token_is_about_another_than_userinfo(self, care: Care) -> None:
        care.upstream.change_userinfo = replacing(sub="910000000002", nhsid_useruid=NUMBER)
        assert problem(care) == "not_believed"


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ({"error": "access_denied", "code": None}, "declined"),
            ({"error": "login_required"}, "declined"),
            ({"code": None}, "declined"),
            ({"error": "temporarily_unavailable", "code": None}, "unreachable"),
            ({"error": "server_error", "code": None}, "unreachable"),
        ],
    )
    def test_may_be_no(self, care: Care, answer: dict[str, str | None], expected: str) -> None:
        care.upstream.change_redirect = replacing(**answer)
        assert problem(care) == expected
        assert "/token" not in care.upstream.paths

    @pytest.mark.parametrize("secret", [None, "a-secret-of-another"])
    def test_is_for_the_browser_that_asked(self, care: Care, secret: str | None) -> None:
        back = returned(care.upstream.authorize(leave(care)))
        refused = care.service.come_back(secret, back, VISIT)
        assert isinstance(refused, Refused)
        assert refused.problem is CareIdentityProblem.LOST
        # It was not used up by that.
        session(care, care.service.come_back(SECRET, back, VISIT))

    def test_with_a_state_of_nobodys_making_is_none(self, care: Care) -> None:
        made_up = replace(returned(care.upstream.authorize(leave(care))), state="\u00e9")
        assert care.service.come_back(SECRET, made_up, VISIT) == Refused(
            CareIdentityProblem.LOST, "another browser"
        )

    def test_is_used_once_by_one_of_twelve(self, care: Care) -> None:
        back = returned(care.upstream.authorize(leave(care)))
        outcomes = together(lambda: care.service.come_back(SECRET, back, VISIT))
        assert Counter(type(outcome) for outcome in outcomes) == {Entered: 1, Refused: 11}

    def test_that_failed_is_used_too(self, care: Care) -> None:
        back = returned(care.upstream.authorize(leave(care)))
        declined = replace(back, error="access_denied")
        care.service.come_back(SECRET, declined, VISIT)
        assert care.service.come_back(SECRET, back, VISIT) == Refused(
            CareIdentityProblem.LOST, "used or too old"
        )

    def test_that_took_too_long_is_none(self, care: Care) -> None:
        back = returned(care.upstream.authorize(leave(care)))
        care.site.clock.advance(15 * MINUTE)
        assert care.service.come_back(SECRET, back, VISIT) == Refused(
            CareIdentityProblem.LOST, "used or too old"
        )

    def test_cannot_be_asked_for_where_nobody_answers(self, care: Care) -> None:
        care.upstream.stop()
        there = care.service.leave(
            SECRET, Wanted(), address="192.0.2.7", limits=care.site.provider.limits, language="en"
        )
        assert isinstance(there, Refused)
        assert there.problem is CareIdentityProblem.UNREACHABLE


class TestACardThatIsUnlinked:
    def test_takes_the_identity_along_which_may_be_bound_anew(self, care: Care) -> None:
        entered = session(care, sign_in(care))
        desk = cards.build(care.site)
        with care.site.provider.database.write() as connection:
            (card,) = smartcard.of_account(connection, care.account().id)
            card_link.unlink(connection, desk.news, care.account(), card, care.site.clock.now())
            assert care_identity.find(connection, care.upstream.issuer, SUBJECT) is None
            assert browser_session.find(connection, str(entered.sid), care.site.clock.now()) is None
        assert problem(care) == "unknown_person"
        care.site.add_account("918OJONES01")
        care.link(NUMBER, "918OJONES01")
        assert session(care, sign_in(care)).account_id == care.account("918OJONES01").id

    def test_waits_for_nobody_who_uses_it_to_begin_a_session_anew(self, care: Care) -> None:
        database, now = care.site.provider.database, care.site.clock.now()
        visit = replace(VISIT, current=session(care, sign_in(care)))
        with database.read() as connection:
            (card,) = smartcard.of_account(connection, care.account().id)
        with ThreadPoolExecutor(1) as person:
            with database.write() as connection:
                # What `card_link.unlink` does, and somebody who comes in between.
                assert smartcard.remove(connection, card.id)
                late = person.submit(sign_in, care, None, visit)
                time.sleep(0.5)
                assert rows.end_all(connection, care.account().id, now) == 1
            refused = late.result(10)
        assert isinstance(refused, Refused)
        assert refused.problem in {CareIdentityProblem.CHANGED, CareIdentityProblem.UNKNOWN_PERSON}


class TestSigningOutThere:
    def test_ends_the_session_that_began_there(self, care: Care) -> None:
        entered = sign_in(care)
        assert isinstance(entered, Entered)
        care.site.clock.advance(MINUTE)
        out = care.service.logged_out(care.upstream.logout_token(), address="198.51.100.4")
        assert out == SignedOut(1)
        with care.site.provider.database.read() as connection:
            assert browser_session.find(connection, entered.session.secret, care.site.clock.now()) is None
        told = care.events()[-1]
        assert (told.event, told.account_id, told.address) == (
            "care_identity.signed_out",
            care.account().id,
            "198.51.100.4",
        )

    @pytest.mark.parametrize(
        ("claims", "ended"),
        [
            pytest.param({"sub": None}, 1, id="by its name alone"),
            pytest.param({"sid": None}, 1, id="all of the person"),
            pytest.param({"sid": "another-session"}, 0, id="another session"),
            pytest.param({"sub": "910000000002", "sid": None}, 0, id="another person"),
        ],
    )
    def test_ends_what_is_named(self, care: Care, claims: dict[str, str | None], ended: int) -> None:
        session(care, sign_in(care))
        out = care.service.logged_out(care.upstream.logout_token(**claims), address="198.51.100.4")
        assert out == SignedOut(ended)

    def test_waits_for_nobody_who_waits_for_it(self, care: Care) -> None:
        """Somebody ends the same two sessions in the other order."""
        database, now = care.site.provider.database, care.site.clock.now()
        first, last = sorted(session(care, sign_in(care)).sid for _ in range(2))
        with ThreadPoolExecutor(1) as logout:
            with database.write() as connection:
                assert rows.end(connection, last, now)
                out = logout.submit(
                    care.service.logged_out, care.upstream.logout_token(), address="198.51.100.4"
                )
                time.sleep(0.3)
                rows.end(connection, first, now)
            ended = out.result(10)
        assert isinstance(ended, SignedOut)

    def test_ends_nothing_that_was_begun_later(self, care: Care) -> None:
        token = care.upstream.logout_token(sid=None)
        care.site.clock.advance(MINUTE)
        entered = sign_in(care)
        assert care.service.logged_out(token, address="198.51.100.4") == SignedOut(0)
        session(care, entered)

    def test_ends_no_session_that_was_begun_anew_with_a_password(self, care: Care) -> None:
        began = session(care, sign_in(care))
        care.site.clock.advance(MINUTE)
        visit = replace(VISIT, current=began)
        provider = care.site.provider
        with provider.database.write() as connection:
            found = care.account()
            entered = provider.entry.enter(connection, found, (Factor.PASSWORD,), visit, provider.now())
        assert isinstance(entered, Entered)
        assert entered.session.sid == began.sid
        out = care.service.logged_out(care.upstream.logout_token(), address="198.51.100.4")
        assert out == SignedOut(0)
        assert session(care, entered).nhsid_useruid is None

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "https://another.example"},
            {"aud": "another-client"},
            {"events": None},
            {"nonce": "an-id-token"},
            {"sub": None, "sid": None},
        ],
    )
    def test_must_be_their_own_word(self, care: Care, claims: dict[str, str | None]) -> None:
        entered = sign_in(care)
        with capture_logs() as logged:
            refused = care.service.logged_out(care.upstream.logout_token(**claims), address="198.51.100.4")
        assert isinstance(refused, Refused)
        assert refused.problem is CareIdentityProblem.NOT_BELIEVED
        session(care, entered)
        # Strangers must not be able to fill the log with errors.
        assert [(line["event"], line["log_level"]) for line in logged] == [
            ("care_identity_not_believed", "warning")
        ]
