"""Request Username/Password: ask for one's usernames, or for the link that activates a new account."""

from flask import Response

from idp.policy.recovery import Kind
from idp.web import confirmation, identity
from idp.web.exchange import Exchange


def show(exchange: Exchange) -> Response:
    """GET /request."""
    return identity.show(exchange, Kind.REQUEST)


def submit(exchange: Exchange) -> Response:
    """POST /request."""
    return identity.submit(exchange, Kind.REQUEST)


def show_confirmation(exchange: Exchange) -> Response:
    """GET /request/confirmation."""
    return confirmation.show(exchange, Kind.REQUEST)


def submit_confirmation(exchange: Exchange) -> Response:
    """POST /request/confirmation: send it again."""
    return confirmation.submit(exchange, Kind.REQUEST)
