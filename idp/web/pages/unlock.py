"""Unlock Account: ask for the link that takes back the waiting after too many wrong passwords."""

from flask import Response

from idp.policy.recovery import Kind
from idp.web import confirmation, identity
from idp.web.exchange import Exchange


def show(exchange: Exchange) -> Response:
    """GET /unlock."""
    return identity.show(exchange, Kind.UNLOCK)


def submit(exchange: Exchange) -> Response:
    """POST /unlock."""
    return identity.submit(exchange, Kind.UNLOCK)


def show_confirmation(exchange: Exchange) -> Response:
    """GET /unlock/confirmation."""
    return confirmation.show(exchange, Kind.UNLOCK)


def submit_confirmation(exchange: Exchange) -> Response:
    """POST /unlock/confirmation: send it again."""
    return confirmation.submit(exchange, Kind.UNLOCK)
