"""The account page, as its owner sees it at first and after a form that was not accepted."""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Response

from idp.accounts import own_account
from idp.accounts.own_factors import OwnFactors
from idp.accounts.own_factors import look as look_at_factors
from idp.accounts.permission import Withheld
from idp.policy.enrolment import Permission
from idp.web import account, account_words, browser, entrance, onwards, parked, visitor
from idp.web.account import Owner
from idp.web.exchange import Exchange

_SHORT = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form was not accepted, and the element of the page that it is about."""

    words: str
    where: str


def page(exchange: Exchange, owner: Owner, problem: Problem | None = None) -> Response:
    """The page."""
    acting, profile, language = owner.acting, owner.profile, exchange.language()
    with exchange.provider.database.read() as connection:
        seen = own_account.look(connection, acting, exchange.cookie(browser.TRUSTED_DEVICE))
        factors = look_at_factors(connection, acting.session.account_id)
        withheld = own_factors(exchange).withheld(connection, acting)
    shown = exchange.page(
        "account.html",
        status=HTTPStatus.OK if problem is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        service_desk=profile.service_desk,
        csrf_token=account.csrf_token(exchange, owner),
        name=profile.name,
        username=profile.username,
        employer_name=profile.employer_name,
        email=profile.email,
        desk=profile.service_desk,
        mail_language=profile.language,
        sessions=account_words.session_lines(seen, acting.session.sid, language),
        devices=account_words.device_lines(seen, language),
        factors=account_words.factor_lines(factors, language),
        cards=account_words.card_lines(factors, language),
        codes_left=factors.codes_left,
        prove=None if withheld is None or not (factors.apps or factors.passkeys) else to_prove(withheld),
        consents=account_words.consent_lines(seen, language),
        events=events(exchange, owner, _SHORT),
        problem=problem,
    )
    return visitor.keep(exchange, shown)


def events(exchange: Exchange, owner: Owner, limit: int) -> tuple[account_words.EventLine, ...]:
    """What happened lately, ready to print."""
    with exchange.provider.database.read() as connection:
        history = own_account.look_back(connection, owner.acting, limit)
    clients = {each.client_id: each.metadata for each in exchange.provider.server.clients.every()}
    return account_words.event_lines(history, owner.acting.session.sid, exchange.language(), clients)


def own_factors(exchange: Exchange) -> OwnFactors:
    """The service of the factors that an owner changes."""
    provider = exchange.provider
    enrolment = provider.passkey_enrolment
    return OwnFactors(enrolment.permissions, enrolment.news, provider.entry.rule)


def to_prove(withheld: Withheld) -> str:
    """Where one does what a change of a factor still wants, and comes back from."""
    path = entrance.SECOND_FACTOR if withheld.why is Permission.PROVE else parked.LOGIN
    return f"{path}?{onwards.NEXT}=account"
