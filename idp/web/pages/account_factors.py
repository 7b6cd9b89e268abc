"""Your account: rename and remove what you prove who you are with."""

from typing import TypeAlias

from flask import Response

from idp.accounts import own_account, own_factors
from idp.accounts.factors import read_name
from idp.accounts.own_factors import LastFactor
from idp.accounts.permission import Withheld
from idp.policy.enrolment import Permission
from idp.web import account, account_view
from idp.web.account import Owner
from idp.web.account_view import Problem
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.notice import Notice

_Outcome: TypeAlias = bool | Withheld | LastFactor

_NO_NAME = N_("Enter a name of up to 60 characters")
_LAST = N_("You cannot remove this: everybody needs an authenticator app or a passkey. Add another one first")


def rename(exchange: Exchange) -> Response:
    """POST /account/factor/name."""
    owner = account.submitted(exchange)
    if owner is None:
        return account.instead(exchange)
    kind, factor = own_factors.kind_in(exchange.field("kind")), account.uuid_in(exchange.field("factor"))
    if kind is None or factor is None:
        return account.missing(exchange)
    name = read_name(exchange.field("name"))
    if name is None:
        return account_view.page(exchange, owner, Problem(_NO_NAME, f"name-{factor}"))
    with exchange.provider.database.write() as connection:
        outcome: _Outcome = Withheld(Permission.LOG_IN)
        if own_account.hold(connection, owner.acting, exchange.provider.lifetimes):
            changes = account_view.own_factors(exchange)
            outcome = changes.rename(connection, owner.acting, kind, factor, name)
    return _answer(exchange, owner, outcome, Notice.FACTOR_RENAMED)


def remove(exchange: Exchange) -> Response:
    """POST /account/factor/removal."""
    owner = account.submitted(exchange)
    if owner is None:
        return account.instead(exchange)
    kind, factor = own_factors.kind_in(exchange.field("kind")), account.uuid_in(exchange.field("factor"))
    if kind is None or factor is None:
        return account.missing(exchange)
    with exchange.provider.database.write() as connection:
        outcome: _Outcome = Withheld(Permission.LOG_IN)
        if own_account.hold(connection, owner.acting, exchange.provider.lifetimes):
            outcome = account_view.own_factors(exchange).remove(connection, owner.acting, kind, factor)
    return _answer(exchange, owner, outcome, Notice.FACTOR_REMOVED)


def _answer(exchange: Exchange, owner: Owner, outcome: _Outcome, said: Notice) -> Response:
    match outcome:
        case Withheld() as withheld:
            return exchange.redirect(f"{exchange.provider.issuer}{account_view.to_prove(withheld)}")
        case LastFactor():
            return account_view.page(exchange, owner, Problem(_LAST, "factors"))
        case is_done:
            return account.done(exchange, said) if is_done else account.missing(exchange)
