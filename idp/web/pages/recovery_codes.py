"""Make new recovery codes: ten, shown once, in place of those there were."""

from flask import Response

from idp.accounts.permission import Withheld
from idp.web import second_factor
from idp.web.exchange import Exchange

PAGE = "recovery-codes"


def show(exchange: Exchange) -> Response:
    """GET /mfa/recovery-codes."""
    person = second_factor.find(exchange)
    if person is None:
        return second_factor.log_in(exchange, PAGE)
    withheld = exchange.provider.factors.withheld(person.session)
    if withheld is not None:
        return second_factor.instead(exchange, person, withheld, PAGE)
    return second_factor.show(
        exchange,
        person,
        "recovery_codes_make.html",
        second_factor.RECOVERY_CODES,
        left=exchange.provider.factors.codes_left(person.session),
    )


def submit(exchange: Exchange) -> Response:
    """POST /mfa/recovery-codes. Raises `hashing.Busy` when too many people wait for their turn."""
    person = second_factor.find(exchange)
    if person is None:
        return second_factor.log_in(exchange, PAGE)
    second_factor.submitted(exchange, person)
    made = exchange.provider.factors.make_recovery_codes(person.session, address=exchange.address)
    if isinstance(made, Withheld):
        return second_factor.instead(exchange, person, made, PAGE)
    return exchange.page(
        "recovery_codes.html",
        service_desk=person.profile.service_desk,
        in_languages=False,
        codes=made,
        after_enrolment=False,
        onwards=second_factor.onto(exchange, person),
    )
