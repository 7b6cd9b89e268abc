"""The one list of what is audited. What is recorded under another name is a bug; old rows keep old names.

Events of ways in are called after what was proved first, those of second factors after what was added.
"""

from enum import StrEnum

from idp.policy.assurance import Factor


class EventName(StrEnum):
    """What happened, as a row of the audit log names it."""

    SIGN_IN_PASSWORD = "sign_in.password"  # noqa: S105 - what happened, no password
    SIGN_IN_PASSKEY = "sign_in.passkey"
    SIGN_IN_SECURITY_KEY = "sign_in.security_key"
    SIGN_IN_SMARTCARD = "sign_in.smartcard"
    SIGN_IN_UNCONFIRMED_SMARTCARD = "sign_in.unconfirmed_smartcard"
    SIGN_IN_CARE_IDENTITY = "sign_in.care_identity"
    SMARTCARD_PROVED = "smartcard.proved"
    SMARTCARD_REFUSED = "smartcard.refused"
    CARE_IDENTITY_PROVED = "care_identity.proved"
    CARE_IDENTITY_REFUSED = "care_identity.refused"
    CARE_IDENTITY_SIGNED_OUT = "care_identity.signed_out"
    SECOND_FACTOR_TOTP = "second_factor.totp"
    SECOND_FACTOR_RECOVERY_CODE = "second_factor.recovery_code"
    SECOND_FACTOR_PASSKEY = "second_factor.passkey"
    SECOND_FACTOR_SECURITY_KEY = "second_factor.security_key"
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session.ended"
    TRUSTED_DEVICE_REVOKED = "trusted_device.revoked"
    ACTIVITY_DISOWNED = "activity.disowned"

    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the same
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    FACTOR_RENAMED = "factor.renamed"
    FACTOR_LINK_MAILED = "factor.link_mailed"
    PERSON_LANGUAGE_CHANGED = "person.language_changed"
    RECOVERY_ANSWERED = "recovery.answered"
    RECOVERY_LIMITED = "recovery.limited"
    RECOVERY_MISSED = "recovery.missed"
    RECOVERY_GIVEN_UP = "recovery.given_up"

    ACCOUNT_ADDED = "account.added"
    ACCOUNT_INVITED = "account.invited"
    ACCOUNT_ACTIVATED = "account.activated"
    ACCOUNT_PASSWORD_DUE = "account.password_due"  # noqa: S105 - the same
    ACCOUNT_UNLOCKED = "account.unlocked"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_FACTORS_RESET = "account.factors_reset"
    EMPLOYER_ADDED = "employer.added"
    SMARTCARD_LINKED = "smartcard.linked"
    SMARTCARD_UNLINKED = "smartcard.unlinked"
    AUTHORITY_ADDED = "authority.added"
    AUTHORITY_MOVED = "authority.moved"
    AUTHORITY_DISABLED = "authority.disabled"
    AUTHORITY_ENABLED = "authority.enabled"

    CONSENT_GRANTED = "consent.granted"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CODE_REDEEMED = "code.redeemed"
    CODE_REPLAYED = "code.replayed"
    TOKEN_REFRESHED = "token.refreshed"  # noqa: S105 - the same
    TOKEN_REUSED = "token.reused"  # noqa: S105 - the same
    ACCESS_TOKEN_REVOKED = "access_token.revoked"  # noqa: S105 - the same
    GRANT_REVOKED = "grant.revoked"
    CLIENT_ADDED = "client.added"
    CLIENT_SECRET_ROTATED = "client.secret_rotated"  # noqa: S105 - the same
    CLIENT_DISABLED = "client.disabled"
    CLIENT_ENABLED = "client.enabled"
    CLIENT_REMOVED = "client.removed"
    KEY_ANNOUNCED = "key.announced"
    KEY_ACTIVE = "key.active"
    KEY_RETIRING = "key.retiring"
    KEY_RETIRED = "key.retired"


def sign_in(factor: Factor) -> EventName:
    """A session was begun with this factor, or was not."""
    return EventName(f"sign_in.{factor.value}")


def second_factor(factor: Factor) -> EventName:
    """This factor was added to a session, or was not."""
    return EventName(f"second_factor.{factor.value}")
