"""Forgotten: ask for one's login details and a link to set a new password."""

from flask import Response

from idp.policy.recovery import Kind
from idp.web import confirmation, identity
from idp.web.exchange import Exchange


def show(exchange: Exchange) -> Response:
    """GET /forgotten."""
    return identity.show(exchange, Kind.FORGOTTEN)


def submit(exchange: Exchange) -> Response:
    """POST /forgotten."""
    return identity.submit(exchange, Kind.FORGOTTEN)


def show_confirmation(exchange: Exchange) -> Response:
    """GET /forgotten/confirmation."""
    return confirmation.show(exchange, Kind.FORGOTTEN)


def submit_confirmation(exchange: Exchange) -> Response:
    """POST /forgotten/confirmation: send it again."""
    return confirmation.submit(exchange, Kind.FORGOTTEN)
