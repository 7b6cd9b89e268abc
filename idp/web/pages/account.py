"""Your account: who one is here, where one is logged in, what one allows, and what happened lately."""

from flask import Response

from idp.accounts import consent, own_account
from idp.db import Connection
from idp.web import account, account_view, browser, onwards, visitor
from idp.web.account import Owner
from idp.web.exchange import Exchange
from idp.web.language import BY_TAG
from idp.web.notice import Notice


def show(exchange: Exchange) -> Response:
    """GET /account."""
    owner = account.find(exchange)
    if owner is None:
        return account.instead(exchange)
    return account_view.page(exchange, owner)


def show_activity(exchange: Exchange) -> Response:
    """GET /account/activity: all of what happened lately."""
    owner = account.find(exchange)
    if owner is None:
        return account.instead(exchange)
    page = exchange.page(
        "account_activity.html",
        service_desk=owner.profile.service_desk,
        csrf_token=account.csrf_token(exchange, owner),
        name=owner.profile.name,
        username=owner.profile.username,
        events=account_view.events(exchange, owner, own_account.MOST_EVENTS),
    )
    return visitor.keep(exchange, page)


def set_language(exchange: Exchange) -> Response:
    """POST /account/language: in which language the person is written to, and reads the pages."""
    language = BY_TAG.get(exchange.field("language"))

    def act(connection: Connection, owner: Owner) -> bool:
        if language is None:
            return False
        own_account.set_language(connection, owner.acting, owner.profile.person_id, language.value)
        return True

    # The page is then asked for as by the toggle, which keeps the language in this browser.
    onto = account.PATH if language is None else f"{account.PATH}?{browser.LANGUAGE}={language.value}"
    return account.act(exchange, act, Notice.LANGUAGE_CHANGED, onto=onto)


def end_session(exchange: Exchange) -> Response:
    """POST /account/session: sign out in one other browser."""
    sid = account.uuid_in(exchange.field("session"))
    return account.act(
        exchange,
        lambda connection, owner: sid is not None and own_account.end_session(connection, owner.acting, sid),
        Notice.SESSION_ENDED,
    )


def end_other_sessions(exchange: Exchange) -> Response:
    """POST /account/sessions: sign out everywhere else."""
    return account.act(
        exchange,
        lambda connection, owner: own_account.end_other_sessions(connection, owner.acting),
        Notice.OTHER_SESSIONS_ENDED,
    )


def revoke_device(exchange: Exchange) -> Response:
    """POST /account/trusted-device: trust it no longer."""
    device = account.uuid_in(exchange.field("device"))
    return account.act(
        exchange,
        lambda connection, owner: (
            device is not None and own_account.revoke_device(connection, owner.acting, device)
        ),
        Notice.DEVICE_REVOKED,
    )


def withdraw_consent(exchange: Exchange) -> Response:
    """POST /account/consent: allow an application nothing any more."""
    client_id = exchange.field("client")

    def act(connection: Connection, owner: Owner) -> bool:
        acting = owner.acting
        return consent.withdraw(connection, acting.session, client_id, address=acting.address, now=acting.now)

    return account.act(exchange, act, Notice.CONSENT_WITHDRAWN)


def disown(exchange: Exchange) -> Response:
    """POST /account/activity: this was not me. On to a new password."""
    seq = account.number_in(exchange.field("event"))
    return account.act(
        exchange,
        lambda connection, owner: seq is not None and own_account.disown(connection, owner.acting, seq),
        Notice.DISOWNED,
        onto=onwards.CHANGE_PASSWORD,
    )
