"""Log in with NHS Care Identity: there and back, and what to do when it does not open an account.

OpenID Connect Core §3.1.2, RFC 9207. The way there leaves a secret in a cookie and takes along what is made
of it; the way back needs that cookie, and the transaction cookie too when an application waits. While Care
Identity cannot be reached, that is said at once, with the other ways to log in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from flask import Response
from werkzeug.exceptions import NotFound

from idp.accounts.attempt import AddressThrottled
from idp.accounts.care_identity import (
    LIFETIME,
    CareIdentity,
    CareIdentityProblem,
    Refused,
    Returned,
    Wanted,
    state_of,
)
from idp.policy.prompt import Prompt
from idp.web import browser, entrance, errors, parked, trace
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.parked import Parked

START: Final = "/care-identity"

# A secret, and behind a dot the handle of the request that waits.
_DOT: Final = "."
_RETRY_AFTER: Final = 30


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    sentence: str
    remedy: str
    status: HTTPStatus = HTTPStatus.FORBIDDEN


_SERVICE_DESK: Final = N_("Contact your service desk, and give them the reference below.")

WORDS: Final[Mapping[CareIdentityProblem, _Words]] = {
    CareIdentityProblem.UNREACHABLE: _Words(
        N_("NHS Care Identity is not available"),
        N_("We cannot reach NHS Care Identity at the moment, so you cannot log in with it."),
        N_("Log in another way, or try again later."),
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    CareIdentityProblem.LOST: _Words(
        N_("Start again with NHS Care Identity"),
        N_(
            "We could not finish logging you in. This page may have been open for too long, or in another "
            "window."
        ),
        N_("Nothing was changed. Start again."),
        HTTPStatus.BAD_REQUEST,
    ),
    CareIdentityProblem.DECLINED: _Words(
        N_("You did not log in with NHS Care Identity"),
        N_("NHS Care Identity did not log you in: it may have been cancelled there, or been refused."),
        N_("Try again, or log in another way."),
    ),
    CareIdentityProblem.NOT_BELIEVED: _Words(
        N_("We could not accept the answer of NHS Care Identity"),
        N_("What it told us about your login was not as it must be, so we did not log you in."),
        _SERVICE_DESK,
    ),
    CareIdentityProblem.TOO_WEAK: _Words(
        N_("Log in to NHS Care Identity in a stronger way"),
        N_("The way you logged in to NHS Care Identity is not enough for this."),
        N_("Try again with your Smartcard and PIN, or log in another way."),
    ),
    CareIdentityProblem.NOT_FRESH: _Words(
        N_("Log in to NHS Care Identity again"),
        N_("You logged in to NHS Care Identity some time ago, and we need to know that it is you now."),
        N_("Sign out of NHS Care Identity, and try again."),
    ),
    CareIdentityProblem.UNKNOWN_PERSON: _Words(
        N_("Your NHS Care Identity is not linked to an account"),
        N_("NHS Care Identity knows you, but we do not know which ESR account is yours."),
        N_("Ask your service desk to link your Smartcard to your account."),
    ),
    CareIdentityProblem.OTHER_CARD: _Words(
        N_("Your NHS Care Identity and your Smartcard do not match"),
        N_("Your Smartcard's number has changed, or belongs to someone else's NHS Care Identity."),
        N_("Ask your service desk to unlink the old Smartcard and to link yours."),
    ),
    CareIdentityProblem.ACCOUNT_CLOSED: _Words(
        N_("The account of your NHS Care Identity is not open"),
        N_("NHS Care Identity knows you, but the ESR account that is yours cannot be used."),
        _SERVICE_DESK,
    ),
    CareIdentityProblem.CHANGED: _Words(
        N_("Your account was changed a moment ago"),
        N_("It was changed while you were logging in, so we did not log you in."),
        N_("Nothing was changed. Start again."),
    ),
}


def start(exchange: Exchange) -> Response:
    """GET /care-identity: to NHS Care Identity, for the application that waits, if one does."""
    care_identity = _service(exchange)
    waiting = parked.find(exchange) if parked.HANDLE in exchange.query else None
    secret = exchange.provider.randomness.token()
    kept = secret if waiting is None else f"{secret}{_DOT}{waiting.handle}"
    there = care_identity.leave(
        kept,
        _wanted(waiting),
        address=exchange.address,
        limits=parked.limits(exchange),
        language=exchange.language().value,
    )
    if isinstance(there, AddressThrottled):
        return errors.throttled(exchange, there.retry_after)
    if isinstance(there, Refused):
        return _tell(exchange, there, waiting)
    response = exchange.redirect(there)
    browser.write(exchange.provider, response, _cookie(state_of(kept)), kept, LIFETIME)
    return response


def come_back(exchange: Exchange) -> Response:
    """GET /care-identity/return: log in whom NHS Care Identity vouches for, or say why not."""
    care_identity = _service(exchange)
    state = exchange.asked("state")
    kept = exchange.cookie(_cookie(state))
    handle = "" if kept is None else kept.partition(_DOT)[2]
    waiting = parked.find(exchange, handle) if handle else None
    returned = Returned(
        state=state,
        code=exchange.asked("code"),
        error=exchange.asked("error"),
        # One that came twice is nobody's name, and not one that did not come (RFC 6749 §3.1).
        iss=" ".join(exchange.query.get("iss", ())),
    )
    outcome = care_identity.come_back(kept, returned, entrance.visit(exchange, waiting))
    if isinstance(outcome, Refused):
        is_lost = outcome.problem is CareIdentityProblem.LOST
        # In another language it would be asked for again, and say no more than that it was used.
        response = _tell(exchange, outcome, waiting, in_languages=is_lost)
        if is_lost:
            # Any site can send a browser here: what it is waiting for must not be lost by that.
            return response
    else:
        response = entrance.let_in(exchange, waiting, outcome)
    browser.forget(exchange.provider, response, _cookie(state))
    return response


def _cookie(state: str) -> str:
    """One cookie for each way there, so that tabs cannot collide."""
    return f"ci-{state[:8]}"


def _service(exchange: Exchange) -> CareIdentity:
    care_identity = exchange.provider.care_identity
    if care_identity is None:
        raise NotFound
    return care_identity


def _wanted(waiting: Parked | None) -> Wanted:
    if waiting is None:
        return Wanted()
    asked = waiting.request.asked
    # To choose an account is to prove who one is: whoever is signed in there has not chosen anything.
    is_new = not asked.prompt.isdisjoint({Prompt.LOGIN, Prompt.SELECT_ACCOUNT})
    return Wanted(asked.assurance, asked.max_age, is_new)


def _tell(
    exchange: Exchange, refused: Refused, waiting: Parked | None, *, in_languages: bool = True
) -> Response:
    words = WORDS[refused.problem]
    reference = refused.reference or trace.record(
        exchange.provider,
        request=exchange.what,
        problem=f"care_identity_{refused.problem.value}",
        detail=None if refused.cause is None else {"cause": refused.cause},
    )
    page = exchange.page(
        "care_identity.html",
        status=words.status,
        reference=reference,
        title=words.title,
        sentence=words.sentence,
        remedy=words.remedy,
        again=START if waiting is None else parked.action(waiting, START),
        log_in=parked.LOGIN if waiting is None else parked.action(waiting, parked.LOGIN),
        in_languages=in_languages,
    )
    if words.status is HTTPStatus.SERVICE_UNAVAILABLE:
        page.headers["Retry-After"] = str(_RETRY_AFTER)
    return page
