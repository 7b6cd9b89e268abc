"""Decide what a person has to do next before a client gets its code.

OpenID Connect Core §3.1.2.1 (`prompt`, `max_age`, `id_token_hint`), §3.1.2.3, §3.1.2.4 and §3.1.2.6. The hub
asks after every step, so each rule looks at facts and never at the path that led here. A sign-in inside this
request settles `prompt=login`, `max_age` and `prompt=select_account` alike: it was a choice, and it was now.
Who signed in here with a password that must be changed has that to do, and nothing else is open to them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.policy import consent
from idp.policy.authentication import Authentication
from idp.policy.prompt import Prompt
from idp.policy.refusal import Refused


class Step(StrEnum):
    """What comes next: a page, or the code."""

    LOGIN = "login"
    CHANGE_PASSWORD = "change_password"  # noqa: S105 - the name of a step
    SELECT_ACCOUNT = "select_account"
    CONSENT = "consent"
    ISSUE_CODE = "issue_code"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client's request demands; `hinted_sub` is the subject of its `id_token_hint`."""

    prompt: frozenset[Prompt]
    max_age: timedelta | None
    hinted_sub: str | None
    scope: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the person stands. The `_here` facts happened inside this very authorization request.

    `sub` is the subject that this client would see of the account that is signed in. `consented` is what that
    account has granted this client, now or before. With `password_due` somebody signed in here and has to
    change the password: nobody is authenticated until then.
    """

    authentication: Authentication | None
    sub: str | None
    first_party: bool
    consented: frozenset[str]
    signed_in_here: bool
    password_due: bool
    selected_here: bool
    consented_here: bool


_NOT_SILENT = {
    Step.LOGIN: Refused("login_required", "prompt=none, but the person has to sign in"),
    Step.CHANGE_PASSWORD: Refused("login_required", "prompt=none, but the password has to be changed"),
    Step.SELECT_ACCOUNT: Refused("account_selection_required", "prompt=none, but an account must be chosen"),
    Step.CONSENT: Refused("consent_required", "prompt=none, but the person has to give consent"),
}
_OTHER_PERSON = Refused("login_required", "the person who signed in is not the one id_token_hint names")


def next_step(asked: Asked, standing: Standing, now: datetime) -> Step | Refused:
    """Name the next step, or the OpenID Connect error that ends the request."""
    if standing.signed_in_here and _is_someone_else(asked, standing):
        return _OTHER_PERSON
    step = _first_open_step(asked, standing, now)
    return _NOT_SILENT.get(step, step) if Prompt.NONE in asked.prompt else step


def _first_open_step(asked: Asked, standing: Standing, now: datetime) -> Step:
    if standing.password_due:
        return Step.CHANGE_PASSWORD
    if _must_sign_in(asked, standing, now):
        return Step.LOGIN
    if Prompt.SELECT_ACCOUNT in asked.prompt and not (standing.selected_here or standing.signed_in_here):
        return Step.SELECT_ACCOUNT
    if _must_consent(asked, standing):
        return Step.CONSENT
    return Step.ISSUE_CODE


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
