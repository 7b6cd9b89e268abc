from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.authentication import Authentication
from idp.policy.journey import Asked, Standing, Step, next_step
from idp.policy.prompt import Prompt
from idp.policy.refusal import Refused

NOW = datetime(2026, 3, 14, 7, 30, tzinfo=UTC)
OPENID = frozenset({"openid"})
LOGIN, SELECT, CONSENT, CODE = Step.LOGIN, Step.SELECT_ACCOUNT, Step.CONSENT, Step.ISSUE_CODE
CHANGE = Step.CHANGE_PASSWORD


def asked(
    *prompt: Prompt,
    max_age: int | None = None,
    hint: str | None = None,
    scope: frozenset[str] = OPENID,
) -> Asked:
    age = None if max_age is None else timedelta(seconds=max_age)
    return Asked(prompt=frozenset(prompt), max_age=age, hinted_sub=hint, scope=scope)


def signed_in(
    ago: int = 600,
    *,
    here: bool = False,
    selected: bool = False,
    consented: frozenset[str] = frozenset(),
    consented_here: bool = False,
    first_party: bool = True,
) -> Standing:
    return Standing(
        authentication=Authentication(
            UUID(int=1), UUID(int=2), NOW - timedelta(seconds=ago), "AAL1_USERPASS", ("pwd",)
        ),
        sub="alice",
        first_party=first_party,
        consented=consented,
        signed_in_here=here,
        password_due=False,
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
    password_due=False,
    selected_here=False,
    consented_here=False,
)
# Alice signed in here, with a password that must be changed.
DUE = replace(STRANGER, sub="alice", signed_in_here=True, password_due=True)
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
        pytest.param(asked(Prompt.NONE), DUE, "login_required", id="prompt=none changes no password"),
        pytest.param(asked(hint="bob"), DUE, "login_required", id="the wrong one, and with a due password"),
    ],
)
def test_the_request_ends_with(asks: Asked, stands: Standing, error: str) -> None:
    refused = next_step(asks, stands, NOW)
    assert isinstance(refused, Refused)
    assert refused.error == error


prompts = st.just(frozenset({Prompt.NONE})) | st.frozensets(
    st.sampled_from([Prompt.LOGIN, Prompt.CONSENT, Prompt.SELECT_ACCOUNT])
)
anything_asked = st.builds(
    Asked,
    prompt=prompts,
    max_age=st.none() | st.integers(0, 1200).map(lambda seconds: timedelta(seconds=seconds)),
    hinted_sub=st.sampled_from([None, "alice", "bob"]),
    scope=st.frozensets(st.sampled_from(["openid", "birthdate", "esr"])),
)


def _after(step: Step, asks: Asked, stands: Standing, *, is_due: bool) -> Standing:
    """Where a person stands who did what the step asks."""
    match step:
        case Step.LOGIN if is_due:
            return replace(stands, authentication=None, signed_in_here=True, password_due=True)
        case Step.LOGIN | Step.CHANGE_PASSWORD:
            authentication = signed_in(0).authentication
            return replace(stands, authentication=authentication, signed_in_here=True, password_due=False)
        case Step.SELECT_ACCOUNT:
            return replace(stands, selected_here=True)
    return replace(stands, consented_here=True, consented=asks.scope)


@given(asks=anything_asked, first_party=st.booleans(), is_due=st.booleans())
def test_doing_what_is_asked_ends_after_at_most_four_steps(
    asks: Asked, *, first_party: bool, is_due: bool
) -> None:
    stands, steps = signed_in(first_party=first_party), list[Step]()
    while isinstance(step := next_step(asks, stands, NOW), Step) and step is not CODE:
        stands = _after(step, asks, stands, is_due=is_due)
        steps.append(step)
    assert len(steps) <= 3 + is_due
    # Straight after the sign-in, and never without one.
    assert all(first is LOGIN for first, then in pairwise([CODE, *steps]) if then is CHANGE)
    assert not is_due or all(then is CHANGE for first, then in pairwise(steps) if first is LOGIN)


@given(asks=anything_asked, first_party=st.booleans())
def test_whose_password_is_due_gets_no_further(asks: Asked, *, first_party: bool) -> None:
    answer = next_step(asks, replace(DUE, first_party=first_party), NOW)
    assert answer is CHANGE or (isinstance(answer, Refused) and answer.error == "login_required")


@given(
    asks=anything_asked,
    stands=st.sampled_from([STRANGER, DUE, signed_in(), third_party()]),
    first_party=st.booleans(),
)
def test_prompt_none_never_shows_a_page(asks: Asked, stands: Standing, *, first_party: bool) -> None:
    answer = next_step(asks, replace(stands, first_party=first_party), NOW)
    assert Prompt.NONE not in asks.prompt or answer is CODE or isinstance(answer, Refused)
