"""An owner reads what concerns the account, and not why."""

from collections.abc import Mapping

import pytest

from idp.policy.activity import DISOWNED, EVENTS, Kind, kind_of
from idp.policy.event_name import EventName

# Of concern to operators alone, or told by another event of the same act.
NOT_SHOWN = {
    "activity.disowned",
    "smartcard.proved",
    "care_identity.proved",
    "smartcard.linked",
    "smartcard.unlinked",
    "recovery.missed",
    "recovery.given_up",
    "account.added",
    "account.invited",
    "account.activated",
    "account.factors_reset",
    "employer.added",
    "authority.added",
    "authority.moved",
    "authority.disabled",
    "authority.enabled",
    "code.redeemed",
    "code.replayed",
    "token.refreshed",
    "token.reused",
    "access_token.revoked",
    "grant.revoked",
    "client.added",
    "client.secret_rotated",
    "client.disabled",
    "client.enabled",
    "client.removed",
    "key.announced",
    "key.active",
    "key.retiring",
    "key.retired",
}


@pytest.mark.parametrize(
    ("event", "outcome", "detail", "expected"),
    [
        ("sign_in.password", "success", None, Kind.PASSWORD_LOG_IN),
        ("sign_in.password", "second_factor_due", None, Kind.PASSWORD_AND_MORE_DUE),
        ("sign_in.password", "password_change_due", None, Kind.PASSWORD_TO_CHANGE),
        ("sign_in.password", "failed", {"cause": "wrong_password"}, Kind.PASSWORD_REFUSED),
        ("sign_in.password", "failed", {"cause": "throttled"}, Kind.PASSWORD_REFUSED),
        ("sign_in.passkey", "success", None, Kind.PASSKEY_LOG_IN),
        ("sign_in.passkey", "password_change_due", None, Kind.PASSKEY_LOG_IN),
        ("sign_in.passkey", "failed", {"cause": "counter"}, Kind.PASSKEY_REFUSED),
        ("sign_in.security_key", "success", None, Kind.PASSKEY_LOG_IN),
        ("sign_in.smartcard", "success", None, Kind.SMARTCARD_LOG_IN),
        ("sign_in.unconfirmed_smartcard", "success", None, Kind.SMARTCARD_LOG_IN),
        ("smartcard.refused", "revoked", None, Kind.SMARTCARD_REFUSED),
        ("sign_in.care_identity", "success", None, Kind.CARE_IDENTITY_LOG_IN),
        ("care_identity.refused", "failed", None, Kind.CARE_IDENTITY_REFUSED),
        ("care_identity.signed_out", "success", None, Kind.CARE_IDENTITY_SIGNED_OUT),
        ("second_factor.totp", "success", None, Kind.CODE_PROVED),
        ("second_factor.totp", "failed", {"cause": "used_code"}, Kind.CODE_REFUSED),
        ("second_factor.recovery_code", "success", None, Kind.RECOVERY_CODE_PROVED),
        ("second_factor.recovery_code", "failed", {}, Kind.RECOVERY_CODE_REFUSED),
        ("second_factor.passkey", "success", None, Kind.PASSKEY_PROVED),
        ("second_factor.passkey", "failed", None, Kind.PASSKEY_NOT_PROVED),
        ("password.changed", "success", {"how": "changed"}, Kind.PASSWORD_CHANGED),
        ("password.changed", "success", {"how": "due"}, Kind.PASSWORD_CHANGED),
        ("password.changed", "success", {"how": "reset"}, Kind.PASSWORD_RESET),
        ("password.changed", "success", {"how": "activated"}, Kind.ACTIVATED),
        ("password.changed", "failed", {"how": "changed", "cause": "x"}, Kind.PASSWORD_NOT_CHANGED),
        ("factor.added", "success", {"factor": "totp", "label": "x"}, Kind.APP_ADDED),
        ("factor.added", "success", {"factor": "recovery_codes"}, Kind.RECOVERY_CODES_MADE),
        ("factor.added", "success", {"factor": "passkey"}, Kind.PASSKEY_ADDED),
        ("factor.added", "success", {"factor": "smartcard"}, Kind.SMARTCARD_ADDED),
        ("factor.added", "failed", {"factor": "passkey"}, Kind.PASSKEY_NOT_ADDED),
        ("factor.removed", "success", {"factor": "totp"}, Kind.APP_REMOVED),
        ("factor.removed", "success", {"factor": "passkey"}, Kind.PASSKEY_REMOVED),
        ("factor.removed", "success", {"factor": "smartcard"}, Kind.SMARTCARD_REMOVED),
        ("factor.removed", "success", {"factor": "all"}, Kind.FACTORS_REMOVED),
        ("recovery.answered", "success", {"kind": "forgotten"}, Kind.LOGIN_DETAILS_MAILED),
        ("recovery.limited", "failed", {"kind": "forgotten"}, Kind.LOGIN_DETAILS_WITHHELD),
        ("account.unlocked", "success", {"by": "link"}, Kind.UNLOCKED),
        ("account.password_due", "success", {}, Kind.PASSWORD_ASKED_FOR),
        ("account.disabled", "success", {"before": "active"}, Kind.DISABLED),
        ("account.enabled", "success", {"after": "active"}, Kind.ENABLED),
        ("person.language_changed", "success", {"language": "cy"}, Kind.LANGUAGE_CHOSEN),
        ("session.ended", "success", {"sessions": 2}, Kind.SIGNED_OUT_ELSEWHERE),
        ("consent.withdrawn", "success", {"grants": 1}, Kind.CONSENT_WITHDRAWN),
        ("factor.removed", "success", {"factor": "something new"}, None),
        ("account.invited", "success", None, None),
        ("code.redeemed", "success", None, None),
        (DISOWNED, "success", {"seq": 1}, None),
    ],
)
def test_an_event_is_read_as(
    event: str, outcome: str, detail: Mapping[str, object] | None, expected: Kind | None
) -> None:
    assert kind_of(event, outcome, detail) is expected


def test_of_every_event_it_was_decided_whether_its_owner_is_shown_it() -> None:
    assert {name.value for name in EventName} - set(EVENTS) == NOT_SHOWN
    assert set(EVENTS).isdisjoint(NOT_SHOWN)


def test_what_marks_an_event_is_no_event_of_its_own() -> None:
    assert DISOWNED not in EVENTS
