"""Decide what a person has to do next before a client gets its code.

OpenID Connect Core §3.1.2.1 (`prompt`, `max_age`, `id_token_hint`, `acr_values`), §3.1.2.3, §3.1.2.4,
§3.1.2.6 and §5.5.1.1; Error Code unmet_authentication_requirements 1.0 §1; RFC 9470 §4 and §5. The hub asks
after every step, so each rule looks at facts and never at the path that led here. A sign-in inside this
request settles `prompt=login`, `max_age` and `prompt=select_account` alike: it was a choice, and it was now.
Who signed in here and still lacks a second factor, or has a password that must be changed, has that to do,
and nothing else is open to them. An assurance that is only wished for is asked for where the person could
give it, and is never a reason to refuse.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.policy import consent
from idp.policy.assurance import Factor, acr_of, is_known, satisfies
from idp.policy.authentication import Authentication
from idp.policy.prompt import Prompt
from idp.policy.refusal import Refused
from idp.policy.second_factor import AFTER_PASSWORD


class Step(StrEnum):
    """What comes next: a page, or the code."""

    LOGIN = "login"
    SECOND_FACTOR = "second_factor"
    ENROL_FACTOR = "enrol_factor"
    CHANGE_PASSWORD = "change_password"  # noqa: S105 - the name of a step
    SELECT_ACCOUNT = "select_account"
    CONSENT = "consent"
    ISSUE_CODE = "issue_code"


@dataclass(frozen=True, slots=True)
class Assurance:
    """The assurance that is asked for, in values of `acr`.

    Each of `required` has to be satisfied, by one of its values: those of an essential claim, and the least
    that the client may be content with. One of `wished` should be.
    """

    required: tuple[tuple[str, ...], ...] = ()
    wished: tuple[str, ...] = ()

    def is_given(self, acr: str) -> bool:
        """Whether nothing is left to ask for."""
        return satisfies(acr, self.wished) and all(satisfies(acr, wanted) for wanted in self.required)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client's request demands; `hinted_sub` is the only subject that it may be answered for."""

    prompt: frozenset[Prompt]
    max_age: timedelta | None
    hinted_sub: str | None
    scope: frozenset[str]
    assurance: Assurance = Assurance()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the person stands. The `_here` facts happened inside this very authorization request.

    `sub` is the subject that this client would see of the account that is signed in. `consented` is what that
    account has granted this client, now or before. With `second_factor_due` or `password_due` somebody signed
    in here and has to prove more, or to change the password: nobody is authenticated until then. `proved` are
    the factors of the session, `enrolled` those the account could prove; they matter where more is wanted.
    """

    authentication: Authentication | None
    sub: str | None
    first_party: bool
    consented: frozenset[str]
    signed_in_here: bool
    second_factor_due: bool
    password_due: bool
    proved: tuple[Factor, ...]
    enrolled: frozenset[Factor]
    selected_here: bool
    consented_here: bool


# What a person could still do is no `unmet_authentication_requirements`: we are able to meet them.
_NOT_SILENT = {
    Step.LOGIN: Refused("login_required", "prompt=none, but the person has to sign in"),
    Step.SECOND_FACTOR: Refused("login_required", "prompt=none, but a second factor has to be proved"),
    Step.ENROL_FACTOR: Refused("interaction_required", "prompt=none, but a second factor has to be set up"),
    Step.CHANGE_PASSWORD: Refused("login_required", "prompt=none, but the password has to be changed"),
    Step.SELECT_ACCOUNT: Refused("account_selection_required", "prompt=none, but an account must be chosen"),
    Step.CONSENT: Refused("consent_required", "prompt=none, but the person has to give consent"),
}
_OTHER_PERSON = Refused("login_required", "the person who signed in is not the one that was asked for")
_UNMET = Refused(
    "unmet_authentication_requirements", "no sign-in of this person gives the assurance that is required"
)
_MAY_BE_ENROLLED = frozenset({Factor.TOTP, Factor.PASSKEY})


def next_step(asked: Asked, standing: Standing, now: datetime) -> Step | Refused:
    """Name the next step, or the OpenID Connect error that ends the request."""
    if standing.signed_in_here and _is_someone_else(asked, standing):
        return _OTHER_PERSON
    if not all(is_known(wanted) for wanted in asked.assurance.required):
        return _UNMET
    step = _first_open_step(asked, standing, now)
    return _NOT_SILENT.get(step, step) if isinstance(step, Step) and Prompt.NONE in asked.prompt else step


def ways_up(asked: Asked, standing: Standing) -> frozenset[Factor]:
    """The enrolled factors of which any one would bring the person nearer to what is asked for.

    All of them while a second factor is due. A recovery code stands in for an app, so who has used one does
    not have the app at hand.
    """
    if standing.second_factor_due:
        return standing.enrolled & AFTER_PASSWORD
    wanted = _wanted(asked, standing)
    return frozenset() if wanted is None else _ways_to(wanted, standing)


def _first_open_step(asked: Asked, standing: Standing, now: datetime) -> Step | Refused:
    if standing.second_factor_due:
        return Step.ENROL_FACTOR if AFTER_PASSWORD.isdisjoint(standing.enrolled) else Step.SECOND_FACTOR
    if standing.password_due:
        return Step.CHANGE_PASSWORD
    if _must_sign_in(asked, standing, now):
        return Step.LOGIN
    return _step_up(asked, standing) or _last_steps(asked, standing)


def _last_steps(asked: Asked, standing: Standing) -> Step:
    if Prompt.SELECT_ACCOUNT in asked.prompt and not (standing.selected_here or standing.signed_in_here):
        return Step.SELECT_ACCOUNT
    if _must_consent(asked, standing):
        return Step.CONSENT
    return Step.ISSUE_CODE


def _step_up(asked: Asked, standing: Standing) -> Step | Refused | None:
    """What the person has to do, or could, for more assurance; None when this is enough, or all there is."""
    wanted = _wanted(asked, standing)
    if wanted is None:
        return None
    if wanted in asked.assurance.required:
        return _step_to(wanted, standing) or _UNMET
    return None if Prompt.NONE in asked.prompt else _wish(wanted, standing)


def _wanted(asked: Asked, standing: Standing) -> tuple[str, ...] | None:
    """The first of what is asked for that this session does not satisfy."""
    if standing.authentication is None:
        return None
    acr = standing.authentication.acr
    every = (*asked.assurance.required, asked.assurance.wished)
    return next((wanted for wanted in every if not satisfies(acr, wanted)), None)


def _step_to(wanted: tuple[str, ...], standing: Standing) -> Step | None:
    if _ways_to(wanted, standing):
        return Step.SECOND_FACTOR
    if _has_card_for(wanted, standing) and not standing.signed_in_here:
        return Step.LOGIN
    if any(_reaches(standing, factor, wanted) for factor in _MAY_BE_ENROLLED - standing.enrolled):
        return Step.ENROL_FACTOR
    # Another way in may do: a card, or a password and a code where a card was too much. It is asked for once.
    return None if standing.signed_in_here else Step.LOGIN


def _wish(wanted: tuple[str, ...], standing: Standing) -> Step | None:
    if _ways_to(wanted, standing):
        return Step.SECOND_FACTOR
    return Step.LOGIN if _has_card_for(wanted, standing) and not standing.signed_in_here else None


def _has_card_for(wanted: tuple[str, ...], standing: Standing) -> bool:
    return Factor.SMARTCARD in standing.enrolled and satisfies(acr_of((Factor.SMARTCARD,)), wanted)


def _ways_to(wanted: tuple[str, ...], standing: Standing) -> frozenset[Factor]:
    lost = {Factor.TOTP} if Factor.RECOVERY_CODE in standing.proved else set()
    candidates = (standing.enrolled & AFTER_PASSWORD) - lost
    return frozenset(factor for factor in candidates if _reaches(standing, factor, wanted))


def _reaches(standing: Standing, factor: Factor, wanted: tuple[str, ...]) -> bool:
    return satisfies(acr_of({*standing.proved, factor}), wanted)


def _must_sign_in(asked: Asked, standing: Standing, now: datetime) -> bool:
    authentication = standing.authentication
    if authentication is None:
        return True
    if standing.signed_in_here:
        return False
    return (
        Prompt.LOGIN in asked.prompt
        or _is_someone_else(asked, standing)
        # Equal counts as too old: auth_time reaches the client in whole seconds, and max_age=0 means "now".
        or (asked.max_age is not None and now - authentication.auth_time >= asked.max_age)
    )


def _must_consent(asked: Asked, standing: Standing) -> bool:
    # consented_here settles only prompt=consent: whether the scope is covered is read from what was granted.
    return (Prompt.CONSENT in asked.prompt and not standing.consented_here) or consent.is_needed(
        first_party=standing.first_party, asked=asked.scope, granted=standing.consented
    )


def _is_someone_else(asked: Asked, standing: Standing) -> bool:
    return asked.hinted_sub is not None and asked.hinted_sub != standing.sub
