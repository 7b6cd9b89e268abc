"""What everybody is told who has asked for login details: the same words, whoever they are.

The browser keeps the handle of its request for as long as the request lives: with it the page shows the
reference, and sends the request again. Whoever opens the page without one reads the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

from flask import Response

from idp.accounts.attempt import AddressThrottled
from idp.accounts.recovery import Asked, AskedBefore, RecoveryBusy
from idp.policy.recovery import Kind
from idp.web import browser, errors, notice, parked, visitor
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.notice import Notice
from idp.web.parked import Parked

_SUBMITTED: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.FORGOTTEN: N_("Your password-reset request has been submitted."),
        Kind.REQUEST: N_("Your username request has been submitted."),
        Kind.UNLOCK: N_("Your unlock request has been submitted."),
    }
)


def waiting(exchange: Exchange) -> Parked | None:
    """The application's request that the person will go on with, when the address says so and it may be."""
    return parked.find_own(exchange, parked.handle_in(exchange.asked(parked.HANDLE)))


def query(found: Parked | None) -> str:
    """What the addresses of these pages carry along."""
    return "" if found is None else f"?{parked.HANDLE}={found.handle}"


def path(kind: Kind, found: Parked | None) -> str:
    """The page where one says who one is."""
    return f"/{kind.value}{query(found)}"


def answer(
    exchange: Exchange, kind: Kind, outcome: Asked | AddressThrottled | RecoveryBusy, found: Parked | None
) -> Response:
    """Go to the confirmation, or say that it has been too much."""
    match outcome:
        case AddressThrottled(retry_after):
            return errors.page(exchange, "recovery_throttled", retry_after=retry_after)
        case RecoveryBusy(retry_after):
            return errors.page(exchange, "recovery_busy", retry_after=retry_after)
        case Asked(handle):
            provider = exchange.provider
            response = exchange.to(_path(kind, found))
            browser.write(provider, response, browser.ASKED, handle, provider.lifetimes.recovery_request)
            return response


def show(exchange: Exchange, kind: Kind) -> Response:
    """GET /forgotten/confirmation and its like."""
    found, asked = waiting(exchange), _asked(exchange, kind)
    page = exchange.page(
        "confirmation.html",
        ui_locales=None if found is None else found.request.ui_locales,
        reference=None if asked is None else asked.reference,
        action=_path(kind, found),
        csrf_token=visitor.csrf_token(exchange),
        submitted=_SUBMITTED[kind],
        again=path(kind, found),
        log_in=f"{parked.LOGIN}{query(found)}",
    )
    return visitor.keep(exchange, page)


def submit(exchange: Exchange, kind: Kind) -> Response:
    """POST /forgotten/confirmation and its like: the same request once more, under the same limits."""
    visitor.submitted(exchange)
    found = waiting(exchange)
    outcome = _ask_again(exchange, kind)
    if outcome is None:
        return exchange.to(path(kind, found))
    response = answer(exchange, kind, outcome, found)
    if isinstance(outcome, Asked):
        notice.put(exchange.provider, response, Notice.SENT_AGAIN)
    return response


def _path(kind: Kind, found: Parked | None) -> str:
    return f"/{kind.value}/confirmation{query(found)}"


def _handle(exchange: Exchange) -> str:
    return browser.read_token(exchange.provider, exchange.request, browser.ASKED) or ""


def _asked(exchange: Exchange, kind: Kind) -> AskedBefore | None:
    """What this browser asked last, if that was on this page."""
    asked = exchange.provider.recovery.find(_handle(exchange))
    return asked if asked is not None and asked.kind is kind else None


def _ask_again(exchange: Exchange, kind: Kind) -> Asked | AddressThrottled | RecoveryBusy | None:
    """None when there is nothing to send again."""
    if _asked(exchange, kind) is None:
        return None
    is_shared = parked.is_shared(exchange)
    return exchange.provider.recovery.ask_again(
        _handle(exchange), address=exchange.address, is_shared=is_shared
    )
