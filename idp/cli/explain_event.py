"""What a row of the audit log means, and what to do about it if anything: `idp explain` in plain words.

Every event has its sentence, and every cause for which a card, a passkey, a code or a password is refused has
its remedy. A row of another release, under a name that this one does not have, is told without either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from idp.accounts.care_identity import CareIdentityProblem
from idp.accounts.smartcard import CardProblem
from idp.accounts.webauthn import Cause
from idp.db.audit import AuditEvent
from idp.policy.event_name import EventName
from idp.services.authenticator import Flaw


@dataclass(frozen=True, slots=True)
class Meaning:
    """What happened, and what to do about it if anything."""

    sentence: str
    remedy: str | None = None


_DUE: Final[Mapping[str, str]] = {
    "second_factor_due": " A second factor was due, and nothing was open before that.",
    "password_change_due": " The password had to be changed, and nothing was open before that.",
}

_SENTENCES: Final[Mapping[EventName, str]] = {
    EventName.SIGN_IN_PASSWORD: "Somebody signed in with a password.",
    EventName.SIGN_IN_PASSKEY: "Somebody signed in with a passkey.",
    EventName.SIGN_IN_SECURITY_KEY: "Somebody signed in with a security key whose maker vouches for it.",
    EventName.SIGN_IN_SMARTCARD: "Somebody signed in with a smartcard.",
    EventName.SIGN_IN_UNCONFIRMED_SMARTCARD: (
        "Somebody signed in with a smartcard. Its list of revoked cards was out of date, so it counted as "
        "AAL2_ANY."
    ),
    EventName.SIGN_IN_CARE_IDENTITY: "Somebody signed in with NHS Care Identity.",
    EventName.SMARTCARD_PROVED: "A smartcard was in order; the sign-in had a minute to use that.",
    EventName.SMARTCARD_REFUSED: "A smartcard was refused.",
    EventName.CARE_IDENTITY_PROVED: "NHS Care Identity said who somebody is; a sign-in followed.",
    EventName.CARE_IDENTITY_REFUSED: "What NHS Care Identity said was refused.",
    EventName.CARE_IDENTITY_SIGNED_OUT: (
        "Somebody signed out of NHS Care Identity, which ended the sessions it had begun here."
    ),
    EventName.SECOND_FACTOR_TOTP: "A code of an authenticator app was right.",
    EventName.SECOND_FACTOR_RECOVERY_CODE: "A recovery code was right. It is used up.",
    EventName.SECOND_FACTOR_PASSKEY: "A passkey was proved as a second factor.",
    EventName.SECOND_FACTOR_SECURITY_KEY: "A security key was proved as a second factor.",
    EventName.SIGN_OUT: "Somebody signed out.",
    EventName.SESSION_ENDED: "The owner signed out in other browsers, on the account page.",
    EventName.TRUSTED_DEVICE_REVOKED: "The owner stopped trusting a device, on the account page.",
    EventName.ACTIVITY_DISOWNED: (
        "The owner said that an event was somebody else's: all other sessions and trusted devices ended."
    ),
    EventName.PASSWORD_CHANGED: "A new password was chosen.",
    EventName.FACTOR_ADDED: "A way to prove who the owner is was added, and the owner was told by mail.",
    EventName.FACTOR_REMOVED: "A way to prove who the owner is was removed, and the owner was told by mail.",
    EventName.FACTOR_RENAMED: "The owner renamed an authenticator app or a passkey.",
    EventName.FACTOR_LINK_MAILED: "A link for adding a first second factor was mailed to the owner.",
    EventName.PERSON_LANGUAGE_CHANGED: "The owner chose another language.",
    EventName.RECOVERY_ANSWERED: "Login details were asked for, and a letter was queued.",
    EventName.RECOVERY_LIMITED: "Login details were asked for too often, and no letter was queued.",
    EventName.RECOVERY_MISSED: "Login details were asked for in vain.",
    EventName.RECOVERY_GIVEN_UP: "A request for login details could not be answered, and was given up.",
    EventName.ACCOUNT_ADDED: "An account was added.",
    EventName.ACCOUNT_INVITED: "The service desk mailed the owner login details.",
    EventName.ACCOUNT_ACTIVATED: "An account became active with its new password.",
    EventName.ACCOUNT_PASSWORD_DUE: "The service desk asked for a new password at the next sign-in.",
    EventName.ACCOUNT_UNLOCKED: "Wrong guesses at the password were forgotten.",
    EventName.ACCOUNT_DISABLED: "The service desk disabled the account: its sessions and tokens ended.",
    EventName.ACCOUNT_ENABLED: "The service desk enabled the account again.",
    EventName.ACCOUNT_FACTORS_RESET: (
        "The service desk removed the account's apps, passkeys and recovery codes, and ended its sessions."
    ),
    EventName.EMPLOYER_ADDED: "An employer was added.",
    EventName.SMARTCARD_LINKED: "The service desk linked a smartcard to the account.",
    EventName.SMARTCARD_UNLINKED: "The service desk unlinked a smartcard, and ended the account's sessions.",
    EventName.AUTHORITY_ADDED: "A certificate authority was added: its smartcards are believed.",
    EventName.AUTHORITY_MOVED: "A certificate authority's addresses were changed.",
    EventName.AUTHORITY_DISABLED: "A certificate authority was disabled: its smartcards sign nobody in.",
    EventName.AUTHORITY_ENABLED: "A certificate authority was enabled again.",
    EventName.CONSENT_GRANTED: "The owner allowed an application to see what it asked for.",
    EventName.CONSENT_WITHDRAWN: "The owner withdrew what an application was allowed: its tokens ended.",
    EventName.CODE_REDEEMED: "An application redeemed an authorization code.",
    EventName.CODE_REPLAYED: (
        "An authorization code came a second time: the tokens it gave were revoked. Two parties had it."
    ),
    EventName.TOKEN_REFRESHED: "An application refreshed its tokens.",
    EventName.TOKEN_REUSED: (
        "A refresh token came again after it had been used: its whole family was revoked. Two parties had "
        "it, or the application does not keep the newest one."
    ),
    EventName.ACCESS_TOKEN_REVOKED: "An application revoked an access token.",
    EventName.GRANT_REVOKED: "An application revoked a refresh token and all that came with it.",
    EventName.CLIENT_ADDED: "A client was registered.",
    EventName.CLIENT_SECRET_ROTATED: "A client was given a new secret; the old one is dead.",
    EventName.CLIENT_DISABLED: "A client was disabled: its tokens ended.",
    EventName.CLIENT_ENABLED: "A client was enabled again.",
    EventName.CLIENT_REMOVED: "A client was removed.",
    EventName.KEY_ANNOUNCED: "A signing key was published, for use from tomorrow.",
    EventName.KEY_ACTIVE: "A signing key came into use.",
    EventName.KEY_RETIRING: "A signing key went out of use; what it signed still verifies.",
    EventName.KEY_RETIRED: "A signing key was withdrawn; nothing it signed is accepted any more.",
}

_OTHER_SITE: Final = "Nothing was let in. If it comes often, look for another site that imitates this one."
_OTHER_KEY: Final = "Let the person use a newer authenticator, or another one."
_AGAIN: Final = "Let the person try again."

_PASSKEYS: Final[Mapping[str, Meaning]] = {
    Cause.CHALLENGE: Meaning(
        "A passkey was refused: the page had been open for too long, or was used in two windows.", _AGAIN
    ),
    Cause.UNKNOWN: Meaning(
        "A passkey was refused: nobody has it any more.",
        "The person deletes it where it is kept, signs in otherwise and adds a new one.",
    ),
    Cause.OTHER_ACCOUNT: Meaning(
        "A passkey was refused: it is another account's.",
        "The person picks the passkey of this account. Who has two accounts names them apart.",
    ),
    Cause.OTHER_HANDLE: Meaning(
        "A passkey was refused: its authenticator named another account than ours.", _OTHER_KEY
    ),
    Cause.BACKUP_CHANGED: Meaning(
        "A passkey was refused: it says that it can be copied to other devices, and did not when it was "
        "made, or the other way round.",
        "Let the person remove it on the account page and add it afresh. Look for a copied authenticator.",
    ),
    Cause.COUNTER: Meaning(
        "A passkey was refused: its counter of uses went back, as that of a copy would.",
        "Ask the owner whether it was them. Let them remove the passkey and add a new one.",
    ),
    Cause.CLOSED: Meaning(
        "A passkey was refused: its account is not open.", "See why with idp user show USERNAME."
    ),
    Cause.CHANGED: Meaning(
        "A passkey was refused: the account or the session changed while it was checked.", _AGAIN
    ),
    Cause.TAKEN: Meaning(
        "A passkey was not added: it is there already.", "The person uses another authenticator."
    ),
    Cause.TOO_MANY: Meaning(
        "A passkey was not added: the account has as many as it may.",
        "The person removes one on the account page.",
    ),
    Cause.NOT_ALLOWED: Meaning(
        "A passkey was not added: the session had not proved who it is just now.",
        "The person proves a second factor again, and adds it then.",
    ),
    Flaw.MALFORMED: Meaning("A passkey was refused: what came was not what an authenticator sends.", _AGAIN),
    Flaw.CHALLENGE: Meaning("A passkey was refused: it did not answer a question of ours.", _AGAIN),
    Flaw.TYPE: Meaning(
        "A passkey was refused: the answer was for making one instead of using it, or the reverse.",
        _OTHER_SITE,
    ),
    Flaw.ORIGIN: Meaning(
        "A passkey was refused: it was used on a page of another address.",
        "Compare that address with IDP_ISSUER. " + _OTHER_SITE,
    ),
    Flaw.EMBEDDED: Meaning("A passkey was refused: our page was shown inside another site's.", _OTHER_SITE),
    Flaw.RELYING_PARTY: Meaning("A passkey was refused: it was made for another site.", _OTHER_SITE),
    Flaw.NOT_PRESENT: Meaning("A passkey was refused: nobody touched the authenticator.", _OTHER_KEY),
    Flaw.NOT_VERIFIED: Meaning(
        "A passkey was refused: the authenticator did not check a PIN, a finger or a face.",
        "Let the person set a PIN on it, or use another one.",
    ),
    Flaw.BACKUP: Meaning("A passkey was refused: what it says of its copies cannot be.", _OTHER_KEY),
    Flaw.KEY: Meaning("A passkey was refused: its key is of a kind that is not accepted.", _OTHER_KEY),
    Flaw.ATTESTATION: Meaning(
        "A passkey was refused: no maker that is trusted vouches for it.",
        "Let the person use a security key of the makers in IDP_SECURITY_KEY_ROOTS, or add its maker there.",
    ),
    Flaw.SIGNATURE: Meaning("A passkey was refused: its signature is wrong.", _OTHER_KEY),
}

_CARDS: Final[Mapping[str, Meaning]] = {
    CardProblem.NO_CARD: Meaning(
        "No smartcard was presented.",
        "The person inserts the card, closes all windows of the browser and tries again.",
    ),
    CardProblem.UNKNOWN_CARD: Meaning(
        "A smartcard was refused: it is in order, and linked to nobody.",
        "Once you know whose it is: idp card link --account USERNAME --card-number NUMBER",
    ),
    CardProblem.EXPIRED: Meaning(
        "A smartcard was refused: its certificate has expired.", "The person has it renewed."
    ),
    CardProblem.NOT_YET_VALID: Meaning(
        "A smartcard was refused: its certificate is not valid yet.",
        "Check the clock of this machine; the card counts from the date in it.",
    ),
    CardProblem.REVOKED: Meaning(
        "A smartcard was refused: its authority has revoked it.",
        "The person asks for a new card. If it was reported lost, find out who has it.",
    ),
    CardProblem.REVOCATION_UNKNOWN: Meaning(
        "A smartcard was refused: nobody can say whether it was revoked.",
        "See what became of the lists: idp crl show. IDP_CRL_GRACE_AAL3 says for how long an old one counts.",
    ),
    CardProblem.UNTRUSTED: Meaning(
        "A smartcard was refused: no authority that is believed issued it.",
        "Compare its issuer with idp ca list, and add the one that is missing: idp ca add",
    ),
    CardProblem.WRONG_USE: Meaning(
        "A smartcard was refused: the certificate is not for signing in.",
        "The person picks the card's certificate for authentication; all windows closed, the browser asks.",
    ),
    CardProblem.WEAK: Meaning(
        "A smartcard was refused: its key or its signature is of a kind that is too weak.",
        "The person asks for a new card.",
    ),
    CardProblem.MALFORMED: Meaning(
        "A smartcard was refused: its certificate cannot be read.",
        "Look at it with idp card check FILE, and at the proxy that passes it on.",
    ),
    CardProblem.ACCOUNT_CLOSED: Meaning(
        "A smartcard was refused: its account is not open.", "See why with idp user show USERNAME."
    ),
}

_CARE_IDENTITIES: Final[Mapping[str, Meaning]] = {
    CareIdentityProblem.TOO_WEAK: Meaning(
        "A sign-in at NHS Care Identity was refused: it was not as strong as we asked for.",
        "The person uses the card and its PIN there. IDP_CARE_IDENTITY_ACR_VALUES says what is asked for.",
    ),
    CareIdentityProblem.NOT_FRESH: Meaning(
        "A sign-in at NHS Care Identity was refused: it was from before, or it was not said when it was.",
        "The person signs out there and tries again. Compare the clock of this machine with theirs.",
    ),
    CareIdentityProblem.UNKNOWN_PERSON: Meaning(
        "A sign-in at NHS Care Identity was refused: no account has a card with this number.",
        "Once you know whose it is: idp card link --account USERNAME --card-number NUMBER",
    ),
    CareIdentityProblem.OTHER_CARD: Meaning(
        "A sign-in at NHS Care Identity was refused: this person came with another number before, or "
        "somebody else with this one.",
        "Find out who has which number. Then run idp card unlink for the old one, and idp card link.",
    ),
    CareIdentityProblem.ACCOUNT_CLOSED: Meaning(
        "A sign-in at NHS Care Identity was refused: the account is not open.",
        "See why with idp user show USERNAME.",
    ),
    CareIdentityProblem.CHANGED: Meaning(
        "A sign-in at NHS Care Identity was refused: the account or the card changed meanwhile.", _AGAIN
    ),
}

_SHOW: Final = "See how many tries are left with idp user show USERNAME."
_UNLOCK: Final = "Once you know who is asking, let them try again at once with idp user unlock USERNAME."
_NEW_FACTORS: Final = (
    "If the person has lost it, and you know who is asking: idp user reset-factors USERNAME. Else they wait."
)

_PASSWORDS: Final[Mapping[str, Meaning]] = {
    "unknown_username": Meaning(
        "A sign-in failed: nobody has the username that was typed.",
        "Find the right one with idp user list --search NAME.",
    ),
    "wrong_password": Meaning("A sign-in failed: the password was wrong.", _SHOW),
    "throttled": Meaning("A sign-in was not heard: there had been too many wrong guesses.", _UNLOCK),
    "employment_ended": Meaning(
        "A sign-in was refused: the employment has ended.", "Check the end date with the employer."
    ),
    "pending": Meaning(
        "A sign-in was refused: the account was never activated.",
        "Mail its owner a new link to activate it with idp user invite USERNAME.",
    ),
    "inactive": Meaning(
        "A sign-in was refused: the account is inactive.",
        "Mail its owner a link that reactivates it with idp user invite USERNAME.",
    ),
    "leaver": Meaning("A sign-in was refused: the person has left.", "Check with the employer."),
    "disabled": Meaning(
        "A sign-in was refused: an administrator has disabled the account.",
        "Enable it with idp user enable USERNAME, if it should be.",
    ),
    "changed_meanwhile": Meaning(
        "A sign-in was refused: the account changed while its password was checked.", "Try again."
    ),
}
_NEW_PASSWORDS: Final[Mapping[str, Meaning]] = {
    "wrong_password": Meaning("The password was not changed: the current one was wrong.", _SHOW),
    "throttled": Meaning("The password was not changed: there had been too many wrong guesses.", _UNLOCK),
}
_APPS: Final[Mapping[str, Meaning]] = {
    "wrong_code": Meaning("A code of an authenticator app was wrong.", "The person types the newest one."),
    "used_code": Meaning(
        "A code of an authenticator app had been used before.", "The person waits for the next one."
    ),
    "clock_off": Meaning(
        "A code of an authenticator app was right for another time.",
        "Set the clock of the phone, or of this machine; the detail says by how many half minutes it is off.",
    ),
    "throttled": Meaning(
        "A code of an authenticator app was not heard: too many had been wrong.", _NEW_FACTORS
    ),
}
_RECOVERY_CODES: Final[Mapping[str, Meaning]] = {
    "wrong_code": Meaning("A recovery code was wrong.", "The person types another one of the newest list."),
    "used_code": Meaning("A recovery code had been used before.", "The person types the next one."),
    "throttled": Meaning("A recovery code was not heard: too many had been wrong.", _NEW_FACTORS),
}

_REFUSALS: Final[Mapping[EventName, Mapping[str, Meaning]]] = {
    EventName.SIGN_IN_PASSWORD: _PASSWORDS,
    EventName.SIGN_IN_PASSKEY: _PASSKEYS,
    EventName.SECOND_FACTOR_TOTP: _APPS,
    EventName.SECOND_FACTOR_RECOVERY_CODE: _RECOVERY_CODES,
    EventName.SECOND_FACTOR_PASSKEY: _PASSKEYS,
    EventName.FACTOR_ADDED: _PASSKEYS,
    EventName.PASSWORD_CHANGED: _NEW_PASSWORDS,
    EventName.SMARTCARD_REFUSED: _CARDS,
    EventName.CARE_IDENTITY_REFUSED: _CARE_IDENTITIES,
}

_FAILED: Final[Mapping[EventName, str]] = {
    EventName.SIGN_IN_PASSWORD: "A sign-in with a password failed.",
    EventName.SIGN_IN_PASSKEY: "A sign-in with a passkey failed.",
    EventName.SECOND_FACTOR_TOTP: "A code of an authenticator app was refused.",
    EventName.SECOND_FACTOR_RECOVERY_CODE: "A recovery code was refused.",
    EventName.SECOND_FACTOR_PASSKEY: "A passkey was refused as a second factor.",
    EventName.FACTOR_ADDED: "A passkey was not added.",
    EventName.PASSWORD_CHANGED: "The password was not changed.",
    EventName.CODE_REDEEMED: "An authorization code was refused, and is spent.",
}
"""By events that may fail, for a cause that has no words of its own."""


def meaning(event: AuditEvent) -> Meaning | None:
    """What happened, in words; None for an event of another release."""
    if event.event not in set(EventName):
        return None
    name = EventName(event.event)
    cause = str((event.detail or {}).get("cause", event.outcome))
    refused = _REFUSALS.get(name, {}).get(cause)
    if refused is not None:
        return refused
    if event.outcome in {"failed", "refused"} and name in _FAILED:
        return Meaning(_FAILED[name])
    return Meaning(_SENTENCES[name] + _DUE.get(event.outcome, ""))
