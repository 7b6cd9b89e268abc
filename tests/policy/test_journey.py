from datetime import UTC, datetime, timedelta
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
    selected_here=False,
    consented_here=False,
)
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


@given(asks=anything_asked, first_party=st.booleans())
def test_doing_what_is_asked_ends_after_at_most_three_steps(asks: Asked, *, first_party: bool) -> None:
    stands, steps = signed_in(first_party=first_party), 0
    while isinstance(step := next_step(asks, stands, NOW), Step) and step is not CODE:
        stands = Standing(
            authentication=stands.authentication,
            sub=stands.sub,
            first_party=first_party,
            consented=asks.scope if step is CONSENT else stands.consented,
            signed_in_here=stands.signed_in_here or step is LOGIN,
            selected_here=stands.selected_here or step is SELECT,
            consented_here=stands.consented_here or step is CONSENT,
        )
        steps += 1
    assert steps <= 3


@given(asks=anything_asked, first_party=st.booleans())
def test_prompt_none_never_shows_a_page(asks: Asked, *, first_party: bool) -> None:
    answer = next_step(asks, signed_in(first_party=first_party), NOW)
    assert Prompt.NONE not in asks.prompt or answer is CODE or isinstance(answer, Refused)
