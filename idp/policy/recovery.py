"""Decide what a person who asks for login details is sent about each of their accounts.

What is closed stays closed: a person learns whom to call, and gets no link. Who never activated an account is
sent to activate it, whichever page was asked: the guidance's own first story is a joiner who opens Forgotten.
Neither does a username or an open throttle help who has been away for so long that the account is inactive: a
new password does.
"""

from enum import StrEnum


class Kind(StrEnum):
    """Which page was asked: Forgotten, Request Username/Password, Unlock Account."""

    FORGOTTEN = "forgotten"
    REQUEST = "request"
    UNLOCK = "unlock"


class Offer(StrEnum):
    """What the letter says of an account: its username alone, a link to do something, or whom to call."""

    USERNAME = "username"
    RESET = "reset"
    ACTIVATE = "activate"
    UNLOCK = "unlock"
    CLOSED = "closed"


_OF_AN_ACTIVATED_ACCOUNT = {
    Kind.FORGOTTEN: Offer.RESET,
    Kind.REQUEST: Offer.USERNAME,
    Kind.UNLOCK: Offer.UNLOCK,
}


def offer(kind: Kind, *, is_pending: bool, is_inactive: bool, is_open: bool) -> Offer:
    """Choose for one account.

    `is_pending` says that it was never activated, `is_inactive` that it has to be reactivated, `is_open` that
    it is not disabled and its employment goes on. A throttle decides nothing: who asks to unlock gets a link,
    locked or not.
    """
    if not is_open:
        return Offer.CLOSED
    if is_pending:
        return Offer.ACTIVATE
    return Offer.RESET if is_inactive else _OF_AN_ACTIVATED_ACCOUNT[kind]
