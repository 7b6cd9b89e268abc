"""Decide what of the audit log an account's owner is shown, and as what.

OWASP ASVS 5.0 §6.3.5, §7.5.2. Causes stay out of it: why a log-in failed helps who guesses as much as the
owner. What is not in this table concerns nobody but operators.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


class Kind(StrEnum):
    """What happened, as its owner reads it; a page has a sentence for each."""

    PASSWORD_LOG_IN = "password_log_in"  # noqa: S105 - what happened, no password
    PASSWORD_AND_MORE_DUE = "password_and_more_due"  # noqa: S105 - the same
    PASSWORD_TO_CHANGE = "password_to_change"  # noqa: S105 - the same
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - the same
    PASSKEY_LOG_IN = "passkey_log_in"
    PASSKEY_REFUSED = "passkey_refused"
    SMARTCARD_LOG_IN = "smartcard_log_in"
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
    UNLOCKED = "unlocked"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"
    DEVICE_REVOKED = "device_revoked"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"


DISOWNED: Final = "activity.disowned"
"""The event by which an owner says that another one was not them; its `detail` has the other's `seq`."""

_ANY: Final = ""
# By event and by what `_variant` makes of outcome and detail; `_ANY` for every other variant.
_KINDS: Final[Mapping[str, Mapping[str, Kind]]] = MappingProxyType(
    {
        "sign_in.password": {
            "success": Kind.PASSWORD_LOG_IN,
            "second_factor_due": Kind.PASSWORD_AND_MORE_DUE,
            "password_change_due": Kind.PASSWORD_TO_CHANGE,
            "failed": Kind.PASSWORD_REFUSED,
        },
        "sign_in.passkey": {"failed": Kind.PASSKEY_REFUSED, _ANY: Kind.PASSKEY_LOG_IN},
        "sign_in.security_key": {"failed": Kind.PASSKEY_REFUSED, _ANY: Kind.PASSKEY_LOG_IN},
        "sign_in.smartcard": {_ANY: Kind.SMARTCARD_LOG_IN},
        "sign_in.unconfirmed_smartcard": {_ANY: Kind.SMARTCARD_LOG_IN},
        "second_factor.totp": {"failed": Kind.CODE_REFUSED, _ANY: Kind.CODE_PROVED},
        "second_factor.recovery_code": {
            "failed": Kind.RECOVERY_CODE_REFUSED,
            _ANY: Kind.RECOVERY_CODE_PROVED,
        },
        "second_factor.passkey": {"failed": Kind.PASSKEY_NOT_PROVED, _ANY: Kind.PASSKEY_PROVED},
        "second_factor.security_key": {"failed": Kind.PASSKEY_NOT_PROVED, _ANY: Kind.PASSKEY_PROVED},
        "password.changed": {
            "reset": Kind.PASSWORD_RESET,
            "activated": Kind.ACTIVATED,
            "failed": Kind.PASSWORD_NOT_CHANGED,
            _ANY: Kind.PASSWORD_CHANGED,
        },
        "factor.added": {
            "totp": Kind.APP_ADDED,
            "recovery_codes": Kind.RECOVERY_CODES_MADE,
            "passkey": Kind.PASSKEY_ADDED,
            "smartcard": Kind.SMARTCARD_ADDED,
            "failed": Kind.PASSKEY_NOT_ADDED,
        },
        "factor.removed": {
            "totp": Kind.APP_REMOVED,
            "passkey": Kind.PASSKEY_REMOVED,
            "smartcard": Kind.SMARTCARD_REMOVED,
            "all": Kind.FACTORS_REMOVED,
        },
        "factor.renamed": {_ANY: Kind.FACTOR_RENAMED},
        "factor.link_mailed": {_ANY: Kind.LINK_MAILED},
        "recovery.answered": {_ANY: Kind.LOGIN_DETAILS_MAILED},
        "account.unlocked": {_ANY: Kind.UNLOCKED},
        "sign_out": {_ANY: Kind.SIGNED_OUT},
        "session.ended": {_ANY: Kind.SIGNED_OUT_ELSEWHERE},
        "trusted_device.revoked": {_ANY: Kind.DEVICE_REVOKED},
        "consent.granted": {_ANY: Kind.CONSENT_GIVEN},
        "consent.withdrawn": {_ANY: Kind.CONSENT_WITHDRAWN},
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
