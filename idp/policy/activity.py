"""Decide what of the audit log an account's owner is shown, and as what.

OWASP ASVS 5.0 §6.3.5, §7.5.2. Causes stay out of it: why a log-in failed helps who guesses as much as the
owner. What is not in this table concerns nobody but operators, or is told by another event of the same act.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from idp.policy.event_name import EventName


class Kind(StrEnum):
    """What happened, as its owner reads it; a page has a sentence for each."""

    PASSWORD_LOG_IN = "password_log_in"  # noqa: S105 - what happened, no password
    PASSWORD_AND_MORE_DUE = "password_and_more_due"  # noqa: S105 - the same
    PASSWORD_TO_CHANGE = "password_to_change"  # noqa: S105 - the same
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - the same
    PASSKEY_LOG_IN = "passkey_log_in"
    PASSKEY_REFUSED = "passkey_refused"
    SMARTCARD_LOG_IN = "smartcard_log_in"
    SMARTCARD_REFUSED = "smartcard_refused"
    CARE_IDENTITY_LOG_IN = "care_identity_log_in"
    CARE_IDENTITY_REFUSED = "care_identity_refused"
    CARE_IDENTITY_SIGNED_OUT = "care_identity_signed_out"
    CODE_PROVED = "code_proved"
    CODE_REFUSED = "code_refused"
    RECOVERY_CODE_PROVED = "recovery_code_proved"
    RECOVERY_CODE_REFUSED = "recovery_code_refused"
    PASSKEY_PROVED = "passkey_proved"
    PASSKEY_NOT_PROVED = "passkey_not_proved"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the same
    PASSWORD_NOT_CHANGED = "password_not_changed"  # noqa: S105 - the same
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the same
    ACTIVATED = "activated"
    APP_ADDED = "app_added"
    APP_REMOVED = "app_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_NOT_ADDED = "passkey_not_added"
    PASSKEY_REMOVED = "passkey_removed"
    SMARTCARD_ADDED = "smartcard_added"
    SMARTCARD_REMOVED = "smartcard_removed"
    FACTORS_REMOVED = "factors_removed"
    FACTOR_RENAMED = "factor_renamed"
    LINK_MAILED = "link_mailed"
    LOGIN_DETAILS_MAILED = "login_details_mailed"
    LOGIN_DETAILS_WITHHELD = "login_details_withheld"
    UNLOCKED = "unlocked"
    PASSWORD_ASKED_FOR = "password_asked_for"  # noqa: S105 - the same
    DISABLED = "disabled"
    ENABLED = "enabled"
    LANGUAGE_CHOSEN = "language_chosen"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"
    DEVICE_REVOKED = "device_revoked"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"


DISOWNED: Final = EventName.ACTIVITY_DISOWNED
"""The event by which an owner says that another one was not them; its `detail` has the other's `seq`."""

_ANY: Final = ""
# By event and by what `_variant` makes of outcome and detail; `_ANY` for every other variant.
_KINDS: Final[Mapping[str, Mapping[str, Kind]]] = MappingProxyType(
    {
        EventName.SIGN_IN_PASSWORD: {
            "success": Kind.PASSWORD_LOG_IN,
            "second_factor_due": Kind.PASSWORD_AND_MORE_DUE,
            "password_change_due": Kind.PASSWORD_TO_CHANGE,
            "failed": Kind.PASSWORD_REFUSED,
        },
        EventName.SIGN_IN_PASSKEY: {"failed": Kind.PASSKEY_REFUSED, _ANY: Kind.PASSKEY_LOG_IN},
        EventName.SIGN_IN_SECURITY_KEY: {"failed": Kind.PASSKEY_REFUSED, _ANY: Kind.PASSKEY_LOG_IN},
        EventName.SIGN_IN_SMARTCARD: {_ANY: Kind.SMARTCARD_LOG_IN},
        EventName.SIGN_IN_UNCONFIRMED_SMARTCARD: {_ANY: Kind.SMARTCARD_LOG_IN},
        EventName.SMARTCARD_REFUSED: {_ANY: Kind.SMARTCARD_REFUSED},
        EventName.SIGN_IN_CARE_IDENTITY: {_ANY: Kind.CARE_IDENTITY_LOG_IN},
        EventName.CARE_IDENTITY_REFUSED: {_ANY: Kind.CARE_IDENTITY_REFUSED},
        EventName.CARE_IDENTITY_SIGNED_OUT: {_ANY: Kind.CARE_IDENTITY_SIGNED_OUT},
        EventName.SECOND_FACTOR_TOTP: {"failed": Kind.CODE_REFUSED, _ANY: Kind.CODE_PROVED},
        EventName.SECOND_FACTOR_RECOVERY_CODE: {
            "failed": Kind.RECOVERY_CODE_REFUSED,
            _ANY: Kind.RECOVERY_CODE_PROVED,
        },
        EventName.SECOND_FACTOR_PASSKEY: {"failed": Kind.PASSKEY_NOT_PROVED, _ANY: Kind.PASSKEY_PROVED},
        EventName.SECOND_FACTOR_SECURITY_KEY: {"failed": Kind.PASSKEY_NOT_PROVED, _ANY: Kind.PASSKEY_PROVED},
        EventName.PASSWORD_CHANGED: {
            "reset": Kind.PASSWORD_RESET,
            "activated": Kind.ACTIVATED,
            "failed": Kind.PASSWORD_NOT_CHANGED,
            _ANY: Kind.PASSWORD_CHANGED,
        },
        EventName.FACTOR_ADDED: {
            "totp": Kind.APP_ADDED,
            "recovery_codes": Kind.RECOVERY_CODES_MADE,
            "passkey": Kind.PASSKEY_ADDED,
            "smartcard": Kind.SMARTCARD_ADDED,
            "failed": Kind.PASSKEY_NOT_ADDED,
        },
        EventName.FACTOR_REMOVED: {
            "totp": Kind.APP_REMOVED,
            "passkey": Kind.PASSKEY_REMOVED,
            "smartcard": Kind.SMARTCARD_REMOVED,
            "all": Kind.FACTORS_REMOVED,
        },
        EventName.FACTOR_RENAMED: {_ANY: Kind.FACTOR_RENAMED},
        EventName.FACTOR_LINK_MAILED: {_ANY: Kind.LINK_MAILED},
        EventName.PERSON_LANGUAGE_CHANGED: {_ANY: Kind.LANGUAGE_CHOSEN},
        EventName.RECOVERY_ANSWERED: {_ANY: Kind.LOGIN_DETAILS_MAILED},
        EventName.RECOVERY_LIMITED: {_ANY: Kind.LOGIN_DETAILS_WITHHELD},
        EventName.ACCOUNT_UNLOCKED: {_ANY: Kind.UNLOCKED},
        EventName.ACCOUNT_PASSWORD_DUE: {_ANY: Kind.PASSWORD_ASKED_FOR},
        EventName.ACCOUNT_DISABLED: {_ANY: Kind.DISABLED},
        EventName.ACCOUNT_ENABLED: {_ANY: Kind.ENABLED},
        EventName.SIGN_OUT: {_ANY: Kind.SIGNED_OUT},
        EventName.SESSION_ENDED: {_ANY: Kind.SIGNED_OUT_ELSEWHERE},
        EventName.TRUSTED_DEVICE_REVOKED: {_ANY: Kind.DEVICE_REVOKED},
        EventName.CONSENT_GRANTED: {_ANY: Kind.CONSENT_GIVEN},
        EventName.CONSENT_WITHDRAWN: {_ANY: Kind.CONSENT_WITHDRAWN},
    }
)

EVENTS: Final = tuple(_KINDS)
"""The names of the events that are shown."""


def kind_of(event: str, outcome: str, detail: Mapping[str, Any] | None) -> Kind | None:
    """What an owner reads of an event; None when it is none of theirs."""
    kinds = _KINDS.get(event, {})
    return kinds.get(_variant(outcome, detail or {})) or kinds.get(_ANY)


def _variant(outcome: str, detail: Mapping[str, Any]) -> str:
    if outcome != "success":
        return outcome
    return str(detail.get("how") or detail.get("factor") or outcome)
