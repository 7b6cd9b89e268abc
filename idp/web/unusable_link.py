"""The page for a link from an email that opens nothing any more: says why, and offers a new one.

Whoever holds the link learns what became of it and nothing of the account it was for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response

from idp.accounts.link import LinkProblem
from idp.policy.recovery import Kind
from idp.web import parked, trace
from idp.web.exchange import Exchange
from idp.web.language import N_


@dataclass(frozen=True, slots=True)
class _Words:
    status: HTTPStatus
    title: str
    sentence: str
    remedy: str


_WORDS: Mapping[LinkProblem, _Words] = {
    LinkProblem.EXPIRED: _Words(
        HTTPStatus.GONE,
        N_("This link has expired"),
        N_("For your security a link in our emails works for a short time only. Nothing was changed."),
        N_("Ask for a new link, and use it soon after it arrives."),
    ),
    LinkProblem.USED: _Words(
        HTTPStatus.GONE,
        N_("This link has already been used"),
        N_("Each link works once. If you have just used it yourself, everything is in order."),
        N_("If you still need help to log in, ask for a new link."),
    ),
    LinkProblem.SUPERSEDED: _Words(
        HTTPStatus.GONE,
        N_("There is a newer link than this one"),
        N_("Only the newest link works. Nothing was changed."),
        N_("Look for our latest email and use the link in it, or ask for another one."),
    ),
    LinkProblem.UNKNOWN: _Words(
        HTTPStatus.BAD_REQUEST,
        N_("This link does not work"),
        N_(
            "It may not be complete, it may be too old for us to know it, or your account may be closed. "
            "Nothing was changed."
        ),
        N_("Copy the whole link from the email into the address bar, or ask for a new one."),
    ),
}
_ASK_AGAIN: Mapping[Kind, str] = {
    Kind.FORGOTTEN: "/forgotten",
    Kind.REQUEST: "/request",
    Kind.UNLOCK: "/unlock",
}


def page(exchange: Exchange, problem: LinkProblem, kind: Kind, request: str | None) -> Response:
    """Say why the link opens nothing.

    `kind` is where a new one is asked for, `request` the handle of the waiting request that the link carries.
    """
    words = _WORDS[problem]
    reference = trace.record(exchange.provider, request=exchange.what, problem=f"link_{problem.value}")
    query = "" if request is None else f"?{urlencode({parked.HANDLE: request})}"
    return exchange.page(
        "unusable_link.html",
        status=words.status,
        reference=reference,
        title=words.title,
        sentence=words.sentence,
        remedy=words.remedy,
        ask_again=f"{_ASK_AGAIN[kind]}{query}",
        log_in=parked.login_path(exchange, request) if problem is LinkProblem.USED else None,
    )
