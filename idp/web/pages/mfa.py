"""Prove a second factor: a code from an app, a passkey, or a recovery code.

Who began to sign in comes here with a half session, which opens nothing else but enrolment; who is signed in
comes because an application wants more than was proved. A wrong code, one that was used and one that is not
heard get the same words.
"""

from http import HTTPStatus

from flask import Response

from idp.accounts.attempt import AddressThrottled
from idp.accounts.mfa import Ended, NotProved, Outcome, Proved
from idp.policy import recovery_code, totp
from idp.policy.assurance import Factor
from idp.policy.journey import ways_up
from idp.web import authorize, browser, entrance, errors, onwards, passkey, second_factor
from idp.web.exchange import Exchange
from idp.web.language import N_
from idp.web.second_factor import Person

WAY = "way"
_CODES = (Factor.TOTP, Factor.RECOVERY_CODE)
_KEYS = frozenset({Factor.PASSKEY, Factor.SECURITY_KEY})

_BLANK = {
    Factor.TOTP: N_("Enter the 6 digits that your app shows"),
    Factor.RECOVERY_CODE: N_("Enter a recovery code, such as 3-ABCDE-FGHJK-MNPQR-S"),
}
_WRONG = N_("Check the code and enter it again")


def show(exchange: Exchange) -> Response:
    """GET /mfa."""
    person = second_factor.find(exchange)
    if person is None:
        return second_factor.log_in(exchange)
    ways = _ways(exchange, person)
    return _page(exchange, person, ways) if ways else exchange.to(person.action(second_factor.ENROL))


def submit(exchange: Exchange) -> Response:
    """POST /mfa. Raises `hashing.Busy` when too many people wait for their turn with recovery codes."""
    person = second_factor.find(exchange)
    if person is None:
        # Sent twice: the first time gave the session a new secret.
        return second_factor.log_in(exchange)
    second_factor.submitted(exchange, person)
    ways = _ways(exchange, person)
    way = _chosen(exchange.field(WAY), ways)
    # Without a code to ask for, the page says what else there is.
    if way is None:
        return exchange.to(person.action(second_factor.PROVE))
    return _try(exchange, person, ways, way)


def _try(exchange: Exchange, person: Person, ways: tuple[Factor, ...], way: Factor) -> Response:
    read = totp.read if way is Factor.TOTP else recovery_code.read
    code = read(exchange.field("code"))
    if code is None:
        return _page(exchange, person, ways, way=way, wrong=_BLANK[way])
    match _prove(exchange, person, way, code):
        case Proved() as proved:
            return _proved(exchange, person, proved)
        case NotProved(reference):
            return _page(exchange, person, ways, way=way, wrong=_WRONG, reference=reference)
        case AddressThrottled(retry_after):
            return errors.throttled(exchange, retry_after)
        case Ended():
            return second_factor.log_in(exchange)


def _ways(exchange: Exchange, person: Person) -> tuple[Factor, ...]:
    """With what this person can go on; where an application wants more, with what would give it."""
    provider = exchange.provider
    ways = provider.mfa.ways(person.session.account_id)
    if person.waiting is None:
        return ways
    request, row = person.waiting.request, person.waiting.row
    facts, _ = authorize.gather(provider, request, exchange.cookie(browser.SESSION), row, exchange.now)
    up = ways_up(request.asked, facts)
    # A recovery code stands in for the app.
    codes = {Factor.RECOVERY_CODE} if person.is_half or Factor.TOTP in up else set()
    return tuple(way for way in ways if way in up | codes) or ways


def _chosen(name: str, ways: tuple[Factor, ...]) -> Factor | None:
    """The code that is asked for: the named one, else the first there is."""
    offered = [way for way in ways if way in _CODES]
    named = next((way for way in offered if way.value == name), None)
    # Who has a passkey and no app is asked for a recovery code only on request.
    usual = next(iter(offered), None) if _KEYS.isdisjoint(ways) or Factor.TOTP in ways else None
    return named or usual


def _prove(exchange: Exchange, person: Person, way: Factor, code: str) -> Outcome:
    mfa = exchange.provider.mfa
    visit = entrance.visit(exchange, person.waiting)
    if way is Factor.RECOVERY_CODE:
        return mfa.with_recovery_code(person.session, code, visit)
    return mfa.with_totp(person.session, code, visit, trust=exchange.field("trust") == "yes")


def _proved(exchange: Exchange, person: Person, proved: Proved) -> Response:
    provider = exchange.provider
    onto = onwards.asked(exchange).path
    response = entrance.let_in(exchange, person.waiting, proved.entered, onwards=onto)
    if proved.trusted is not None:
        lifetime = provider.lifetimes.trusted_device
        browser.write(provider, response, browser.TRUSTED_DEVICE, proved.trusted, lifetime)
    return response


def _page(
    exchange: Exchange,
    person: Person,
    ways: tuple[Factor, ...],
    *,
    way: Factor | None = None,
    wrong: str | None = None,
    reference: str | None = None,
) -> Response:
    provider = exchange.provider
    way = way or _chosen(exchange.asked(WAY), ways)
    may_trust = way is Factor.TOTP and person.is_half and provider.mfa.may_trust
    has_passkey = not _KEYS.isdisjoint(ways)
    return second_factor.show(
        exchange,
        person,
        "mfa.html",
        second_factor.PROVE,
        status=HTTPStatus.OK if wrong is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        reference=reference,
        way=None if way is None else way.value,
        wrong=wrong,
        failed=reference is not None,
        trust_days=provider.lifetimes.trusted_device.days if may_trust else None,
        passkey=passkey.to_step_up(exchange, person.waiting, person.session) if has_passkey else None,
        others=tuple((each.value, _path_of(person, each)) for each in ways if each in _CODES and each != way),
    )


def _path_of(person: Person, way: Factor) -> str:
    path = person.action(second_factor.PROVE)
    return f"{path}{'&' if '?' in path else '?'}{WAY}={way.value}"
