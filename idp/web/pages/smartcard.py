"""Log in with your Smartcard: to the smartcard origin and back, and what to do when a card does not open.

OWASP ASVS 5.0 §6.5, §7.2.4. The way there leaves a secret in a cookie and takes its digest along as `state`;
the way back needs that cookie, and the transaction cookie too when an application waits. So a proof that was
made in one browser signs nobody in in another. The checker goes the same way and signs nobody in at all.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask import Response
from werkzeug.exceptions import NotFound

from idp.accounts.smartcard import CardProblem
from idp.policy.revocation import Verdict
from idp.services.digest import digest
from idp.web import browser, entrance, parked, smartcard_origin, smartcard_report, trace
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.parked import Parked
from idp.web.smartcard_report import Report

COOKIE: Final = "sc"
CHECK: Final = "/smartcard/check"

_LONDON: Final = ZoneInfo("Europe/London")
# A secret, and behind a dot the handle of the request that waits.
_DOT: Final = "."


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    sentence: str
    remedy: str


_SERVICE_DESK: Final = N_("Contact your service desk, and give them the reference below.")
_CLOSE_BROWSER: Final = N_(
    "Insert your Smartcard and wait until it is ready. Then close all windows of your browser, open it "
    "again, and choose your Smartcard's certificate when you are asked."
)

WORDS: Final[Mapping[CardProblem, _Words]] = {
    CardProblem.NO_CARD: _Words(
        N_("We could not find your Smartcard"),
        N_("Your browser did not show us a Smartcard."),
        _CLOSE_BROWSER,
    ),
    CardProblem.UNKNOWN_CARD: _Words(
        N_("Your Smartcard is not linked to an account"),
        N_("The card is in order, but we do not know whose ESR account it opens."),
        N_("Ask your service desk to link your Smartcard to your account."),
    ),
    CardProblem.EXPIRED: _Words(
        N_("Your Smartcard has expired"),
        N_("The certificate on your Smartcard is no longer valid."),
        N_("Ask your Registration Authority to renew the certificates on your Smartcard."),
    ),
    CardProblem.NOT_YET_VALID: _Words(
        N_("Your Smartcard is not valid yet"),
        N_("The certificate on your Smartcard begins later."),
        N_("Try again once it is valid. If it should be valid today, contact your service desk."),
    ),
    CardProblem.REVOKED: _Words(
        N_("Your Smartcard has been cancelled"),
        N_("Whoever issued your Smartcard has withdrawn it: it may have been reported lost, or replaced."),
        N_("If you have a newer Smartcard, use that one. Otherwise ask your Registration Authority for one."),
    ),
    CardProblem.REVOCATION_UNKNOWN: _Words(
        N_("We cannot check your Smartcard at the moment"),
        N_("We could not find out whether your Smartcard is still in force, so we cannot accept it now."),
        N_("Try again later, or log in another way. If it goes on, contact your service desk."),
    ),
    CardProblem.UNTRUSTED: _Words(
        N_("We do not know who issued this certificate"),
        N_("Your browser showed us a certificate that is not from a Smartcard we accept."),
        _CLOSE_BROWSER,
    ),
    CardProblem.WRONG_USE: _Words(
        N_("This certificate is not for logging in"),
        N_("Your browser showed us a certificate that is meant for something else, such as email."),
        _CLOSE_BROWSER,
    ),
    CardProblem.WEAK: _Words(
        N_("Your Smartcard is too old for us to accept"),
        N_("The certificate on it uses a kind of encryption that is no longer safe."),
        N_("Ask your Registration Authority to renew the certificates on your Smartcard."),
    ),
    CardProblem.MALFORMED: _Words(
        N_("We could not read your Smartcard"),
        N_("The certificate that your browser showed us is damaged."),
        _SERVICE_DESK,
    ),
    CardProblem.ACCOUNT_CLOSED: _Words(
        N_("The account of your Smartcard is not open"),
        N_("Your Smartcard is in order, but the ESR account it opens cannot be used."),
        _SERVICE_DESK,
    ),
}

_LOST: Final = _Words(
    N_("Start again with your Smartcard"),
    N_(
        "We could not finish logging you in. This page may have been open for too long, or in another window."
    ),
    N_("Nothing was changed. Start again."),
)

_REVOCATION: Final = {
    Verdict.GOOD.value: N_("It is in force"),
    Verdict.LAST_KNOWN_GOOD.value: N_("It was in force when we last heard of it"),
    Verdict.UNKNOWN.value: N_("We cannot find out at the moment"),
    Verdict.REVOKED.value: N_("It has been cancelled"),
}
# Of what cannot be verified nobody can say who issued it; whatever else is wrong, this was in order.
_ISSUER_ACCEPTED: Final[Mapping[CardProblem | None, bool | None]] = {
    CardProblem.UNTRUSTED: False,
    CardProblem.MALFORMED: None,
    CardProblem.WEAK: None,
}
_UNKNOWN: Final = N_("Not known")
_YES: Final = N_("Yes")
_NO: Final = N_("No")


def start(exchange: Exchange) -> Response:
    """GET /smartcard: to the smartcard origin, for the application that waits, if one does."""
    waiting = parked.find(exchange) if parked.HANDLE in exchange.query else None
    return _leave(exchange, "" if waiting is None else waiting.handle)


def check(exchange: Exchange) -> Response:
    """GET /smartcard/check: there and back, to look at the card."""
    return _leave(exchange, "", check=True)


def come_back(exchange: Exchange) -> Response:
    """GET /smartcard/return: redeem the proof, or say what is wrong with the card."""
    _origin(exchange)
    state = exchange.asked(smartcard_origin.STATE)
    kept = exchange.cookie(COOKIE)
    if kept is None or not hmac.compare_digest(_state(kept).encode(), state.encode()):
        return _lost(exchange, "smartcard_of_another_browser")
    handle = kept.partition(_DOT)[2]
    waiting = parked.find(exchange, handle) if handle else None
    sealed = exchange.asked(smartcard_origin.REPORT)
    if sealed:
        report = smartcard_report.unseal(exchange.provider.masters, sealed, state, exchange.now)
        if report is None:
            return _lost(exchange, "smartcard_report_too_old")
        return _tell(exchange, report, waiting)
    return _sign_in(exchange, state, waiting)


def _leave(exchange: Exchange, handle: str, *, check: bool = False) -> Response:
    origin = _origin(exchange)
    secret = exchange.provider.randomness.token()
    kept = f"{secret}{_DOT}{handle}" if handle else secret
    query = {smartcard_origin.STATE: _state(kept), **({smartcard_origin.CHECK: "1"} if check else {})}
    response = exchange.redirect(f"{origin}{smartcard_origin.START}?{urlencode(query)}")
    browser.write(exchange.provider, response, COOKIE, kept, smartcard_report.LIFETIME)
    return response


def _origin(exchange: Exchange) -> str:
    origin = exchange.provider.smartcard_origin
    if origin is None:
        raise NotFound
    return origin


def _state(kept: str) -> str:
    """What may be seen in addresses: the cookie cannot be made from it."""
    return urlsafe_b64encode(digest(kept)).decode().rstrip("=")


def _sign_in(exchange: Exchange, state: str, waiting: Parked | None) -> Response:
    provider, proof = exchange.provider, exchange.asked(smartcard_origin.PROOF)
    visit = entrance.visit(exchange, waiting)
    with provider.database.write() as connection:
        proved = provider.smartcards.redeem(connection, proof, digest(state), exchange.now)
        entered = (
            None
            if proved is None
            else provider.entry.enter(
                connection,
                proved.account,
                (proved.factor,),
                visit,
                exchange.now,
                nhsid_useruid=proved.card_number,
            )
        )
    if entered is None:
        return _lost(exchange, "smartcard_proof_unusable")
    response = entrance.let_in(exchange, waiting, entered)
    browser.forget(provider, response, COOKIE)
    return response


def _tell(exchange: Exchange, report: Report, waiting: Parked | None) -> Response:
    words = None if report.problem is None else WORDS[report.problem]
    return exchange.page(
        "smartcard.html",
        status=HTTPStatus.OK if words is None else HTTPStatus.FORBIDDEN,
        reference=report.reference,
        title=N_("Your Smartcard is in order") if words is None else words.title,
        sentence=N_("You can log in with it.") if words is None else words.sentence,
        remedy=None if words is None else words.remedy,
        has_card=report.problem is not CardProblem.NO_CARD,
        facts=_facts(exchange, report),
        again=smartcard_origin.START if waiting is None else parked.action(waiting, smartcard_origin.START),
        log_in=parked.LOGIN if waiting is None else parked.action(waiting, parked.LOGIN),
        check=CHECK,
    )


def _facts(exchange: Exchange, report: Report) -> tuple[tuple[str, str, bool], ...]:
    """What the card looks like: message id, value, and whether the value is a message id too."""

    def day(at: datetime | None) -> tuple[str, bool]:
        if at is None:
            return _UNKNOWN, True
        language = exchange.language()
        return format_date(at.astimezone(_LONDON), "d MMMM y", locale=language.value), False

    def text(value: str | None) -> tuple[str, bool]:
        return (_UNKNOWN, True) if not value else (value, False)

    def yes(value: bool | None) -> tuple[str, bool]:
        return (_UNKNOWN if value is None else _YES if value else _NO), True

    return (
        (N_("Issued by"), *text(report.issuer)),
        (N_("Card number ends in"), *text(report.ending)),
        (N_("Valid from"), *day(report.not_before)),
        (N_("Valid until"), *day(report.not_after)),
        (N_("Meant for logging in"), *yes(report.may_sign_in)),
        (
            N_("Issued by someone we accept"),
            *yes(_ISSUER_ACCEPTED.get(report.problem, True)),
        ),
        (N_("In force"), _REVOCATION.get(report.verdict or "", _UNKNOWN), True),
        (N_("Opens the account"), *text(report.username)),
    )


def _lost(exchange: Exchange, problem: str) -> Response:
    """Nothing to go on with: another browser's, too old, or used already."""
    reference = trace.record(exchange.provider, request=exchange.what, problem=problem)
    page = exchange.page(
        "error.html",
        status=HTTPStatus.BAD_REQUEST,
        reference=reference,
        title=_LOST.title,
        sentence=_LOST.sentence,
        remedy=_LOST.remedy,
        continue_uri=f"{exchange.provider.issuer}{smartcard_origin.START}",
        continue_name=None,
    )
    browser.forget(exchange.provider, page, COOKIE)
    return page
