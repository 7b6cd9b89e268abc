"""Good news for the next page: what a form has just done, said once, above whatever is shown then.

A short cookie holds a name from a closed table, never words: whoever plants one can only make us say what
we say anyway. The page that shows it forgets it.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from flask import Request, Response

from idp.provider import Provider
from idp.web import browser
from idp.web.language import N_

_LIFETIME = timedelta(seconds=60)


class Notice(StrEnum):
    """What has happened."""

    PASSWORD_UPDATED = "password_updated"  # noqa: S105 - what has happened, no password
    ACCOUNT_ACTIVATED = "account_activated"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the same
    ACCOUNT_UNLOCKED = "account_unlocked"
    SENT_AGAIN = "sent_again"
    PASSKEY_ADDED = "passkey_added"
    LANGUAGE_CHANGED = "language_changed"
    SESSION_ENDED = "session_ended"
    OTHER_SESSIONS_ENDED = "other_sessions_ended"
    DEVICE_REVOKED = "device_revoked"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    DISOWNED = "disowned"
    FACTOR_RENAMED = "factor_renamed"
    FACTOR_REMOVED = "factor_removed"


WORDS: Mapping[Notice, str] = {
    Notice.PASSWORD_UPDATED: N_("Your password has been updated. Log in with your new password."),
    Notice.ACCOUNT_ACTIVATED: N_("Your account is ready. Log in with your username and your new password."),
    Notice.PASSWORD_CHANGED: N_("Your password has been changed."),
    Notice.ACCOUNT_UNLOCKED: N_("Your account is unlocked. Log in with your password."),
    Notice.SENT_AGAIN: N_("Your request has been submitted again."),
    Notice.PASSKEY_ADDED: N_("Your passkey has been added. You can log in with it from now on."),
    Notice.LANGUAGE_CHANGED: N_("Your emails will be in the language you have chosen."),
    Notice.SESSION_ENDED: N_("That device is signed out."),
    Notice.OTHER_SESSIONS_ENDED: N_("You are signed out everywhere but here."),
    Notice.DEVICE_REVOKED: N_("That device is no longer trusted."),
    Notice.CONSENT_WITHDRAWN: N_("That application can no longer see your information."),
    Notice.DISOWNED: N_(
        "You are signed out everywhere but here, and no device is trusted. Now choose a new password: "
        "someone else may know the old one."
    ),
    Notice.FACTOR_RENAMED: N_("The name has been changed."),
    Notice.FACTOR_REMOVED: N_("It has been removed, and no device is trusted any longer."),
}


def put(provider: Provider, response: Response, notice: Notice) -> None:
    """Let the next page say it, if it is shown within a minute."""
    browser.write(provider, response, browser.NOTICE, notice.value, _LIFETIME)


def find(provider: Provider, request: Request) -> Notice | None:
    """What the page before wanted said."""
    said = browser.read(provider, request, browser.NOTICE)
    return next((notice for notice in Notice if notice.value == said), None)


def forget(provider: Provider, response: Response) -> None:
    """It has been said."""
    browser.forget(provider, response, browser.NOTICE)
