from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.assurance import Factor, acr_of, amr_of, satisfies
from idp.policy.authentication import Authentication
from idp.policy.journey import Asked, Assurance, Standing, Step, next_step, ways_up
from idp.policy.prompt import Prompt
from idp.policy.refusal import Refused

NOW = datetime(2026, 3, 14, 7, 30, tzinfo=UTC)
OPENID = frozenset({"openid"})
NO_MATTER = Assurance()
LOGIN, SELECT, CONSENT, CODE = Step.LOGIN, Step.SELECT_ACCOUNT, Step.CONSENT, Step.ISSUE_CODE
CHANGE, SECOND, ENROL = Step.CHANGE_PASSWORD, Step.SECOND_FACTOR, Step.ENROL_FACTOR
PASSWORD, TOTP, CODE_OF_TEN = Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE
PASSKEY, KEY, CARD = Factor.PASSKEY, Factor.SECURITY_KEY, Factor.SMARTCARD
CARE = Factor.CARE_IDENTITY


def asked(
    *prompt: Prompt,
    max_age: int | None = None,
    hint: str | None = None,
    scope: frozenset[str] = OPENID,
    assurance: Assurance = NO_MATTER,
) -> Asked:
    age = None if max_age is None else timedelta(seconds=max_age)
    return Asked(prompt=frozenset(prompt), max_age=age, hinted_sub=hint, scope=scope, assurance=assurance)


def signed_in(
    ago: int = 600,
    *,
    here: bool = False,
    selected: bool = False,
    consented: frozenset[str] = frozenset(),
    consented_here: bool = False,
    first_party: bool = True,
    proved: tuple[Factor, ...] = (PASSWORD,),
    enrolled: frozenset[Factor] = frozenset(),
) -> Standing:
    at, acr = NOW - timedelta(seconds=ago), acr_of(proved).value
    return Standing(
        authentication=Authentication(UUID(int=1), UUID(int=2), at, acr, amr_of(proved)),
        sub="alice",
        first_party=first_party,
        consented=consented,
        signed_in_here=here,
        second_factor_due=False,
        password_due=False,
        proved=proved,
        enrolled=enrolled,
        selected_here=selected,
        consented_here=consented_here,
    )


def third_party(
    *,
    here: bool = False,
    selected: bool = False,
    consented: frozenset[str] = frozenset(),
    consented_here: bool = False,
) -> Standing:
    return signed_in(
        here=here, selected=selected, consented=consented, consented_here=consented_here, first_party=False
    )


STRANGER = Standing(
    authentication=None,
    sub=None,
    first_party=True,
    consented=frozenset(),
    signed_in_here=False,
    second_factor_due=False,
    password_due=False,
    proved=(),
    enrolled=frozenset(),
    selected_here=False,
    consented_here=False,
)
# Alice signed in here, with a password that must be changed.
DUE = replace(STRANGER, sub="alice", signed_in_here=True, password_due=True, proved=(PASSWORD,))
# Alice gave her password here, and a second factor is due: an app's code, or one that she has yet to enrol.
HALF = replace(
    STRANGER,
    sub="alice",
    signed_in_here=True,
    second_factor_due=True,
    proved=(PASSWORD,),
    enrolled=frozenset({TOTP}),
)
BARE_HALF = replace(HALF, enrolled=frozenset({CARD}))
BIRTHDATE = frozenset({"openid", "birthdate"})


@pytest.mark.parametrize(
    ("asks", "stands", "step"),
    [
        pytest.param(asked(), STRANGER, LOGIN, id="a stranger signs in"),
        pytest.param(asked(), signed_in(), CODE, id="a session is single sign-on"),
        pytest.param(asked(), signed_in(here=True), CODE, id="signing in is enough for a first party"),
        pytest.param(asked(Prompt.LOGIN), signed_in(), LOGIN, id="prompt=login asks in spite of a session"),
        pytest.param(asked(Prompt.LOGIN), signed_in(here=True), CODE, id="prompt=login asks only once"),
        pytest.param(asked(max_age=601), signed_in(600), CODE, id="max_age is not reached"),
        pytest.param(asked(max_age=600), signed_in(600), LOGIN, id="max_age is reached to the second"),
        pytest.param(asked(max_age=599), signed_in(600), LOGIN, id="max_age is exceeded"),
        pytest.param(asked(max_age=0), signed_in(0), LOGIN, id="max_age=0 always asks"),
        pytest.param(asked(max_age=0), signed_in(0, here=True), CODE, id="max_age=0 asks only once"),
        pytest.param(
            asked(max_age=60), signed_in(90, here=True), CODE, id="a slow person is not asked twice"
        ),
        pytest.param(asked(hint="alice"), signed_in(), CODE, id="the hinted person has a session"),
        pytest.param(asked(hint="bob"), STRANGER, LOGIN, id="the hinted person has none"),
        pytest.param(asked(hint="bob"), signed_in(), LOGIN, id="somebody else has a session"),
        pytest.param(
            asked(hint="bob"), signed_in(selected=True), LOGIN, id="choosing somebody else does not help"
        ),
        pytest.param(asked(Prompt.SELECT_ACCOUNT), STRANGER, LOGIN, id="nobody to select: sign in"),
        pytest.param(asked(Prompt.SELECT_ACCOUNT), signed_in(), SELECT, id="an account is selected"),
        pytest.param(asked(Prompt.SELECT_ACCOUNT), signed_in(selected=True), CODE, id="selected only once"),
        pytest.param(asked(Prompt.SELECT_ACCOUNT), signed_in(here=True), CODE, id="signing in selects"),
        pytest.param(
            asked(Prompt.LOGIN, Prompt.SELECT_ACCOUNT), signed_in(), LOGIN, id="the login page also selects"
        ),
        pytest.param(asked(), third_party(), CONSENT, id="a third party needs consent"),
        pytest.param(asked(), third_party(consented=OPENID), CODE, id="consent is remembered"),
        pytest.param(
            asked(scope=BIRTHDATE), third_party(consented=OPENID), CONSENT, id="more scope needs more consent"
        ),
        pytest.param(asked(scope=BIRTHDATE), signed_in(), CONSENT, id="a first party asks for a birth date"),
        pytest.param(
            asked(scope=BIRTHDATE), signed_in(consented=BIRTHDATE), CODE, id="a first party asks once for it"
        ),
        pytest.param(asked(Prompt.CONSENT), signed_in(), CONSENT, id="prompt=consent asks for a first party"),
        pytest.param(
            asked(Prompt.CONSENT), third_party(consented=OPENID), CONSENT, id="prompt=consent asks again"
        ),
        pytest.param(
            asked(Prompt.CONSENT),
            third_party(consented=OPENID, consented_here=True),
            CODE,
            id="prompt=consent asks only once",
        ),
        pytest.param(
            asked(), third_party(consented_here=True), CONSENT, id="a page shown is not yet a scope granted"
        ),
        pytest.param(
            asked(Prompt.SELECT_ACCOUNT), third_party(), SELECT, id="selection comes before consent"
        ),
        pytest.param(
            asked(Prompt.LOGIN, Prompt.CONSENT),
            third_party(here=True, consented=OPENID),
            CONSENT,
            id="login comes before consent",
        ),
        pytest.param(asked(Prompt.NONE), signed_in(), CODE, id="prompt=none with all in place"),
        pytest.param(asked(), DUE, CHANGE, id="a password that is due is changed"),
        pytest.param(asked(Prompt.LOGIN), DUE, CHANGE, id="prompt=login is settled by who signed in here"),
        pytest.param(asked(max_age=0), DUE, CHANGE, id="and so is max_age"),
        pytest.param(asked(Prompt.SELECT_ACCOUNT), DUE, CHANGE, id="no account is selected before"),
        pytest.param(asked(Prompt.CONSENT), DUE, CHANGE, id="no consent is given before"),
        pytest.param(asked(scope=BIRTHDATE), DUE, CHANGE, id="not to more scope either"),
        pytest.param(
            asked(), replace(DUE, first_party=False), CHANGE, id="a third party waits for the new password"
        ),
        pytest.param(
            asked(Prompt.CONSENT),
            replace(DUE, selected_here=True, consented=OPENID, consented_here=True),
            CHANGE,
            id="what was done before somebody else signed in here changes nothing",
        ),
        pytest.param(asked(hint="alice"), DUE, CHANGE, id="the hinted person changes it"),
    ],
)
def test_the_next_step_is(asks: Asked, stands: Standing, step: Step) -> None:
    assert next_step(asks, stands, NOW) is step


@pytest.mark.parametrize(
    ("asks", "stands", "error"),
    [
        pytest.param(asked(Prompt.NONE), STRANGER, "login_required", id="nobody is signed in"),
        pytest.param(asked(Prompt.NONE, max_age=60), signed_in(61), "login_required", id="too long ago"),
        pytest.param(asked(Prompt.NONE, hint="bob"), signed_in(), "login_required", id="somebody else"),
        pytest.param(asked(Prompt.NONE), third_party(), "consent_required", id="no consent yet"),
        pytest.param(asked(hint="bob"), signed_in(here=True), "login_required", id="the wrong one signed in"),
        pytest.param(
            asked(hint="bob"), HALF, "login_required", id="the wrong one, whose second factor is due"
        ),
        pytest.param(asked(hint="bob"), DUE, "login_required", id="the wrong one, and with a due password"),
    ],
)
def test_the_request_ends_with(asks: Asked, stands: Standing, error: str) -> None:
    refused = next_step(asks, stands, NOW)
    assert isinstance(refused, Refused)
    assert refused.error == error


@pytest.mark.parametrize("prompt", [None, Prompt.LOGIN, Prompt.CONSENT, Prompt.SELECT_ACCOUNT])
@pytest.mark.parametrize("max_age", [None, 0, 3600])
@pytest.mark.parametrize("scope", [OPENID, BIRTHDATE])
@pytest.mark.parametrize(
    "assurance",
    [
        Assurance(),
        Assurance(wished=("AAL3_ANY",)),
        Assurance(required=(("AAL1_USERPASS",),)),
        Assurance(required=(("AAL3_ANY",),)),
    ],
)
@pytest.mark.parametrize(("stands", "step"), [(HALF, SECOND), (BARE_HALF, ENROL), (DUE, CHANGE)])
def test_who_is_not_done_signing_in_has_that_to_do_whatever_is_asked(
    stands: Standing,
    step: Step,
    assurance: Assurance,
    scope: frozenset[str],
    max_age: int | None,
    prompt: Prompt | None,
) -> None:
    asks = asked(*([prompt] if prompt else []), max_age=max_age, scope=scope, assurance=assurance)
    assert next_step(asks, stands, NOW) is step


@pytest.mark.parametrize(
    ("stands", "error"),
    [(HALF, "login_required"), (BARE_HALF, "interaction_required"), (DUE, "login_required")],
)
def test_nor_is_who_is_not_done_signing_in_signed_in_silently(stands: Standing, error: str) -> None:
    refused = next_step(asked(Prompt.NONE), stands, NOW)
    assert isinstance(refused, Refused)
    assert refused.error == error


UNMET = "unmet_authentication_requirements"
NOTHING: frozenset[Factor] = frozenset()
APP, PHONE, STICK, ONLY_CARD = (frozenset({one}) for one in (TOTP, PASSKEY, KEY, CARD))

# What was proved, what is enrolled, and what follows where an assurance is required: of a session from
# before, of a sign-in in this request, and with prompt=none. Then the same where it is only wished for.
REQUIRED: dict[str, list[tuple[tuple[Factor, ...], frozenset[Factor], object, object, object]]] = {
    "AAL1_USERPASS": [
        ((PASSWORD,), NOTHING, CODE, CODE, CODE),
        ((PASSWORD, TOTP), APP, CODE, CODE, CODE),
        ((CARD,), ONLY_CARD, CODE, CODE, CODE),
    ],
    "AAL2_TOTP": [
        ((PASSWORD,), NOTHING, ENROL, ENROL, "interaction_required"),
        ((PASSWORD,), APP, SECOND, SECOND, "login_required"),
        ((PASSWORD,), PHONE, ENROL, ENROL, "interaction_required"),
        ((PASSWORD,), STICK, ENROL, ENROL, "interaction_required"),
        ((PASSWORD,), ONLY_CARD, ENROL, ENROL, "interaction_required"),
        ((PASSWORD, TOTP), APP, CODE, CODE, CODE),
        # Who has used a recovery code does not have the app at hand.
        ((PASSWORD, CODE_OF_TEN), APP, LOGIN, UNMET, "login_required"),
        ((PASSWORD, PASSKEY), APP | PHONE, SECOND, SECOND, "login_required"),
        # A passkey and a code are not what is called for, and nor is more.
        ((PASSKEY,), APP | PHONE, LOGIN, UNMET, "login_required"),
        ((PASSWORD, KEY), APP | STICK, LOGIN, UNMET, "login_required"),
        ((CARD,), APP | ONLY_CARD, LOGIN, UNMET, "login_required"),
        ((CARE,), APP | ONLY_CARD, LOGIN, UNMET, "login_required"),
    ],
    "AAL2_ANY": [
        ((PASSWORD,), NOTHING, ENROL, ENROL, "interaction_required"),
        ((PASSWORD,), APP, SECOND, SECOND, "login_required"),
        ((PASSWORD,), PHONE, SECOND, SECOND, "login_required"),
        ((PASSWORD,), STICK, ENROL, ENROL, "interaction_required"),
        ((PASSWORD,), APP | STICK, SECOND, SECOND, "login_required"),
        ((PASSWORD,), ONLY_CARD, ENROL, ENROL, "interaction_required"),
        ((PASSWORD, CODE_OF_TEN), APP, CODE, CODE, CODE),
        ((PASSWORD, TOTP), APP, CODE, CODE, CODE),
        ((PASSKEY,), PHONE, CODE, CODE, CODE),
        ((PASSWORD, KEY), APP | STICK, LOGIN, UNMET, "login_required"),
        ((CARD,), ONLY_CARD, LOGIN, UNMET, "login_required"),
        ((CARE,), ONLY_CARD, CODE, CODE, CODE),
    ],
    "AAL2_OR_AAL3_ANY": [
        ((PASSWORD,), NOTHING, ENROL, ENROL, "interaction_required"),
        ((PASSWORD,), APP, SECOND, SECOND, "login_required"),
        ((PASSWORD,), STICK, SECOND, SECOND, "login_required"),
        # The card is on the login page; without it, another factor will do.
        ((PASSWORD,), ONLY_CARD, LOGIN, ENROL, "login_required"),
        ((PASSWORD, CODE_OF_TEN), APP, CODE, CODE, CODE),
        ((PASSKEY,), PHONE, CODE, CODE, CODE),
        ((KEY,), STICK, CODE, CODE, CODE),
        ((CARD,), ONLY_CARD, CODE, CODE, CODE),
    ],
    "AAL3_FIDO2": [
        ((PASSWORD,), NOTHING, LOGIN, UNMET, "login_required"),
        ((PASSWORD,), APP | PHONE, LOGIN, UNMET, "login_required"),
        ((PASSWORD,), STICK, SECOND, SECOND, "login_required"),
        ((PASSWORD, CODE_OF_TEN), APP | STICK, SECOND, SECOND, "login_required"),
        ((PASSWORD, TOTP), APP | STICK, SECOND, SECOND, "login_required"),
        ((PASSKEY,), PHONE, LOGIN, UNMET, "login_required"),
        ((KEY,), STICK, CODE, CODE, CODE),
        ((CARD,), STICK | ONLY_CARD, LOGIN, UNMET, "login_required"),
    ],
    "AAL3_SMARTCARD": [
        ((PASSWORD,), NOTHING, LOGIN, UNMET, "login_required"),
        ((PASSWORD,), APP | PHONE | STICK, LOGIN, UNMET, "login_required"),
        ((PASSWORD, TOTP), APP | ONLY_CARD, LOGIN, UNMET, "login_required"),
        ((KEY,), STICK, LOGIN, UNMET, "login_required"),
        ((CARD,), ONLY_CARD, CODE, CODE, CODE),
    ],
    "AAL3_ANY": [
        ((PASSWORD,), NOTHING, LOGIN, UNMET, "login_required"),
        ((PASSWORD,), STICK, SECOND, SECOND, "login_required"),
        ((PASSWORD, TOTP), APP, LOGIN, UNMET, "login_required"),
        ((PASSWORD, TOTP), APP | STICK, SECOND, SECOND, "login_required"),
        ((PASSKEY,), PHONE, LOGIN, UNMET, "login_required"),
        ((KEY,), STICK, CODE, CODE, CODE),
        ((CARD,), ONLY_CARD, CODE, CODE, CODE),
        # Care Identity may be content with less than its card.
        ((CARE,), ONLY_CARD, LOGIN, UNMET, "login_required"),
        ((CARE,), STICK | ONLY_CARD, SECOND, SECOND, "login_required"),
    ],
    # Nobody here knows this one: no page is shown for it.
    "urn:mace:incommon:iap:silver": [
        ((PASSWORD,), APP | ONLY_CARD, UNMET, UNMET, UNMET),
        ((CARD,), ONLY_CARD, UNMET, UNMET, UNMET),
    ],
}
WISHED: dict[str, list[tuple[tuple[Factor, ...], frozenset[Factor], object, object]]] = {
    "AAL1_USERPASS": [((PASSWORD,), APP, CODE, CODE)],
    "AAL2_TOTP": [
        ((PASSWORD,), NOTHING, CODE, CODE),
        ((PASSWORD,), APP, SECOND, SECOND),
        ((PASSWORD,), PHONE, CODE, CODE),
        ((PASSWORD, TOTP), APP, CODE, CODE),
        ((PASSWORD, CODE_OF_TEN), APP, CODE, CODE),
        ((CARD,), APP | ONLY_CARD, CODE, CODE),
    ],
    "AAL2_ANY": [
        ((PASSWORD,), NOTHING, CODE, CODE),
        ((PASSWORD,), PHONE, SECOND, SECOND),
        ((PASSWORD,), STICK, CODE, CODE),
        ((PASSWORD, CODE_OF_TEN), APP, CODE, CODE),
    ],
    "AAL2_OR_AAL3_ANY": [
        ((PASSWORD,), STICK, SECOND, SECOND),
        ((PASSWORD,), ONLY_CARD, LOGIN, CODE),
        ((PASSWORD,), APP | ONLY_CARD, SECOND, SECOND),
    ],
    "AAL3_FIDO2": [
        ((PASSWORD,), APP, CODE, CODE),
        ((PASSWORD,), STICK, SECOND, SECOND),
        ((PASSWORD, TOTP), APP | STICK, SECOND, SECOND),
    ],
    "AAL3_SMARTCARD": [
        ((PASSWORD,), APP | STICK, CODE, CODE),
        ((PASSWORD,), ONLY_CARD, LOGIN, CODE),
        ((CARD,), ONLY_CARD, CODE, CODE),
    ],
    "AAL3_ANY": [
        ((PASSWORD, TOTP), APP | ONLY_CARD, LOGIN, CODE),
        ((PASSWORD, TOTP), APP | STICK | ONLY_CARD, SECOND, SECOND),
    ],
    "urn:mace:incommon:iap:silver": [((PASSWORD,), APP | ONLY_CARD, CODE, CODE)],
}


def _answer(asks: Asked, stands: Standing) -> object:
    answer = next_step(asks, stands, NOW)
    return answer.error if isinstance(answer, Refused) else answer


@pytest.mark.parametrize(
    ("wanted", "proved", "enrolled", "before", "here", "silently"),
    [(wanted, *row) for wanted, rows in REQUIRED.items() for row in rows],
)
def test_an_assurance_that_is_required_is_met_or_the_client_is_told(
    wanted: str,
    proved: tuple[Factor, ...],
    enrolled: frozenset[Factor],
    before: object,
    here: object,
    silently: object,
) -> None:
    assurance = Assurance(required=((wanted,),))
    session = signed_in(proved=proved, enrolled=enrolled)
    assert _answer(asked(assurance=assurance), session) == before
    assert _answer(asked(assurance=assurance), replace(session, signed_in_here=True)) == here
    assert _answer(asked(Prompt.NONE, assurance=assurance), session) == silently


@pytest.mark.parametrize(
    ("wanted", "proved", "enrolled", "before", "here"),
    [(wanted, *row) for wanted, rows in WISHED.items() for row in rows],
)
def test_an_assurance_that_is_wished_for_is_asked_for_where_it_could_be_given(
    wanted: str, proved: tuple[Factor, ...], enrolled: frozenset[Factor], before: object, here: object
) -> None:
    assurance = Assurance(wished=(wanted,))
    session = signed_in(proved=proved, enrolled=enrolled)
    assert _answer(asked(assurance=assurance), session) == before
    assert _answer(asked(assurance=assurance), replace(session, signed_in_here=True)) == here
    assert _answer(asked(Prompt.NONE, assurance=assurance), session) == CODE


LEAST_2 = ("AAL2_OR_AAL3_ANY",)
WITH_APP = signed_in(enrolled=APP)


@pytest.mark.parametrize(
    ("asks", "stands", "outcome"),
    [
        pytest.param(
            asked(assurance=Assurance(required=(("AAL3_ANY", "AAL2_TOTP"),))),
            WITH_APP,
            SECOND,
            id="one of several values is enough, and the nearest is asked for",
        ),
        pytest.param(
            asked(assurance=Assurance(required=(("urn:unheard-of", "AAL2_TOTP"),))),
            WITH_APP,
            SECOND,
            id="a value that nobody knows beside one that we do",
        ),
        pytest.param(
            asked(assurance=Assurance(required=(LEAST_2,), wished=("AAL1_USERPASS",))),
            WITH_APP,
            SECOND,
            id="no request is content with less than its client may be",
        ),
        pytest.param(
            asked(assurance=Assurance(required=(LEAST_2, ("AAL3_ANY",)))),
            signed_in(proved=(PASSWORD, TOTP), enrolled=APP | STICK),
            SECOND,
            id="the client's least is there, the request's is not",
        ),
        pytest.param(
            asked(assurance=Assurance(required=(("AAL3_ANY",),), wished=("AAL2_TOTP",))),
            signed_in(enrolled=APP, here=True),
            UNMET,
            id="nobody takes a step that is wished for on the way to what cannot be met",
        ),
        pytest.param(
            asked(assurance=Assurance(required=(("AAL3_ANY",), ("AAL2_ANY",)))),
            signed_in(proved=(CARD,), enrolled=ONLY_CARD, here=True),
            UNMET,
            id="what contradicts itself is never met",
        ),
        pytest.param(
            asked(assurance=Assurance(required=(LEAST_2,))), STRANGER, LOGIN, id="a stranger signs in first"
        ),
        pytest.param(
            asked(assurance=Assurance(wished=("AAL2_ANY",))), STRANGER, LOGIN, id="whatever is wished for"
        ),
        pytest.param(
            asked(assurance=Assurance(required=(("urn:unheard-of",),))),
            STRANGER,
            UNMET,
            id="nobody signs in for what no sign-in gives",
        ),
        pytest.param(
            asked(max_age=60, assurance=Assurance(wished=("AAL2_TOTP",))),
            signed_in(61, proved=(PASSWORD, TOTP), enrolled=APP),
            LOGIN,
            id="max_age asks for all factors again",
        ),
        pytest.param(
            asked(max_age=60, assurance=Assurance(wished=("AAL2_TOTP",))),
            signed_in(59, enrolled=APP),
            SECOND,
            id="a resource server's challenge: young enough, and the code is missing",
        ),
        pytest.param(
            asked(Prompt.LOGIN, assurance=Assurance(required=(LEAST_2,))),
            signed_in(proved=(PASSWORD, TOTP), enrolled=APP),
            LOGIN,
            id="prompt=login asks for all factors again",
        ),
        pytest.param(
            asked(hint="bob", assurance=Assurance(required=(LEAST_2,))),
            WITH_APP,
            LOGIN,
            id="nobody steps up for somebody else",
        ),
        pytest.param(
            asked(Prompt.SELECT_ACCOUNT, assurance=Assurance(required=(LEAST_2,))),
            WITH_APP,
            SECOND,
            id="more is proved before an account is selected",
        ),
        pytest.param(
            asked(Prompt.CONSENT, assurance=Assurance(required=(LEAST_2,))),
            WITH_APP,
            SECOND,
            id="and before consent",
        ),
        pytest.param(
            asked(Prompt.CONSENT, assurance=Assurance(required=(LEAST_2,))),
            signed_in(proved=(PASSWORD, TOTP), enrolled=APP),
            CONSENT,
            id="with all of it proved, consent is next",
        ),
        pytest.param(
            asked(Prompt.NONE, assurance=Assurance(required=(LEAST_2,))),
            STRANGER,
            "login_required",
            id="nobody is signed in, whatever is required",
        ),
        pytest.param(
            asked(assurance=Assurance(required=((),))),
            signed_in(),
            CODE,
            id="an essential claim of any value",
        ),
    ],
)
def test_assurance_among_other_demands(asks: Asked, stands: Standing, outcome: object) -> None:
    assert _answer(asks, stands) == outcome


@pytest.mark.parametrize(
    ("assurance", "stands", "ways"),
    [
        (Assurance(), WITH_APP, set()),
        (Assurance(required=(LEAST_2,)), replace(WITH_APP, enrolled=APP | STICK | ONLY_CARD), {TOTP, KEY}),
        (Assurance(wished=("AAL2_TOTP",)), replace(WITH_APP, enrolled=APP | PHONE | STICK), {TOTP}),
        (Assurance(wished=("AAL3_ANY",)), replace(WITH_APP, enrolled=APP | PHONE | STICK), {KEY}),
        (Assurance(wished=("AAL2_TOTP",)), signed_in(proved=(PASSWORD, CODE_OF_TEN), enrolled=APP), set()),
        (Assurance(), replace(HALF, enrolled=APP | PHONE | ONLY_CARD), {TOTP, PASSKEY}),
        (Assurance(wished=("AAL3_ANY",)), replace(HALF, enrolled=APP | STICK), {TOTP, KEY}),
        (Assurance(required=(LEAST_2,)), STRANGER, set()),
    ],
)
def test_the_ways_up_are_those_that_lead_there(
    assurance: Assurance, stands: Standing, ways: set[Factor]
) -> None:
    assert ways_up(asked(assurance=assurance), stands) == ways


prompts = st.just(frozenset({Prompt.NONE})) | st.frozensets(
    st.sampled_from([Prompt.LOGIN, Prompt.CONSENT, Prompt.SELECT_ACCOUNT])
)
some_values = st.lists(
    st.sampled_from(
        [
            "AAL1_USERPASS",
            "AAL2_TOTP",
            "AAL2_ANY",
            "AAL2_OR_AAL3_ANY",
            "AAL3_FIDO2",
            "AAL3_SMARTCARD",
            "AAL3_ANY",
            "urn:unheard-of",
        ]
    ),
    max_size=2,
    unique=True,
).map(tuple)
any_assurance = st.builds(
    Assurance, required=st.lists(some_values, max_size=2).map(tuple), wished=some_values
)
anything_asked = st.builds(
    Asked,
    prompt=prompts,
    max_age=st.none() | st.integers(0, 1200).map(lambda seconds: timedelta(seconds=seconds)),
    hinted_sub=st.sampled_from([None, "alice", "bob"]),
    scope=st.frozensets(st.sampled_from(["openid", "birthdate", "esr"])),
    assurance=any_assurance,
)


@dataclass(frozen=True)
class Person:
    """What somebody can do, and what is due after the first factor they bring."""

    brings: Factor
    enrolled: frozenset[Factor]
    has_lost_the_app: bool
    is_asked_for_two: bool
    is_due: bool

    def done(self, step: Step, asks: Asked, stands: Standing) -> Standing:
        """Where they stand when they have done what the step asks."""
        match step:
            case Step.LOGIN:
                return self._entered(replace(stands, signed_in_here=True, proved=(self.brings,)), begun=True)
            case Step.SECOND_FACTOR:
                ways = ways_up(asks, stands)
                lost = self.has_lost_the_app and TOTP in ways
                proved = CODE_OF_TEN if lost else min(ways)
                return self._entered(replace(stands, proved=(*stands.proved, proved)))
            case Step.ENROL_FACTOR:
                made = {TOTP, PASSKEY} - stands.enrolled
                proved = min(made, key=lambda one: not self._helps(asks, stands, one))
                enrolled = stands.enrolled | {proved}
                return self._entered(replace(stands, proved=(*stands.proved, proved), enrolled=enrolled))
            case Step.CHANGE_PASSWORD:
                return self._live(replace(stands, password_due=False))
            case Step.SELECT_ACCOUNT:
                return replace(stands, selected_here=True)
        return replace(stands, consented_here=True, consented=asks.scope)

    def _helps(self, asks: Asked, stands: Standing, factor: Factor) -> bool:
        wanted = [*asks.assurance.required, asks.assurance.wished]
        acr = acr_of((*stands.proved, factor))
        return any(acr.value in each or "AAL2_ANY" in each or LEAST_2[0] in each for each in wanted)

    def _entered(self, stands: Standing, *, begun: bool = False) -> Standing:
        nobody = replace(stands, authentication=None, second_factor_due=False, password_due=False)
        if begun and self.is_asked_for_two and stands.proved == (PASSWORD,):
            return replace(nobody, second_factor_due=True)
        was_live = not begun and stands.authentication is not None
        return replace(nobody, password_due=True) if self.is_due and not was_live else self._live(nobody)

    def _live(self, stands: Standing) -> Standing:
        return replace(stands, authentication=signed_in(0, proved=stands.proved).authentication)


people = st.builds(
    Person,
    brings=st.sampled_from([PASSWORD, PASSKEY, KEY, CARD]),
    enrolled=st.frozensets(st.sampled_from([TOTP, PASSKEY, KEY, CARD])),
    has_lost_the_app=st.booleans(),
    is_asked_for_two=st.booleans(),
    is_due=st.booleans(),
)


@given(asks=anything_asked, first_party=st.booleans(), who=people)
def test_doing_what_is_asked_comes_to_an_end(asks: Asked, *, first_party: bool, who: Person) -> None:
    stands = signed_in(first_party=first_party, enrolled=who.enrolled)
    steps = list[Step]()
    while isinstance(step := next_step(asks, stands, NOW), Step) and step is not CODE:
        stands = who.done(step, asks, stands)
        steps.append(step)
        assert len(steps) <= 9, steps
    assert steps.count(LOGIN) <= 1
    assert steps.count(SELECT) <= 1
    assert steps.count(CONSENT) <= 1
    # Straight after the sign-in, and never without one.
    assert all(first in {LOGIN, SECOND, ENROL} for first, then in pairwise([CODE, *steps]) if then is CHANGE)
    if step is CODE:
        assert stands.authentication is not None
        assert all(satisfies(stands.authentication.acr, each) for each in asks.assurance.required)


@given(asks=anything_asked, first_party=st.booleans(), stands=st.sampled_from([DUE, HALF, BARE_HALF]))
def test_who_is_not_done_signing_in_gets_no_further(
    asks: Asked, stands: Standing, *, first_party: bool
) -> None:
    answer = next_step(asks, replace(stands, first_party=first_party), NOW)
    assert answer in {CHANGE, SECOND, ENROL} or isinstance(answer, Refused)


@given(
    asks=anything_asked,
    stands=st.sampled_from([STRANGER, DUE, HALF, BARE_HALF, signed_in(), WITH_APP, third_party()]),
    first_party=st.booleans(),
)
def test_prompt_none_never_shows_a_page(asks: Asked, stands: Standing, *, first_party: bool) -> None:
    answer = next_step(asks, replace(stands, first_party=first_party), NOW)
    assert Prompt.NONE not in asks.prompt or answer is CODE or isinstance(answer, Refused)
