"""Why a sign-in did not finish, in words for the person and in codes for whoever helps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class Refused(Exception):
    """A sign-in, refresh or sign-out that must not go on.

    `error` is a code of OAuth 2.0, OpenID Connect or ours; `description` is the provider's or ours, in
    English.
    """

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Advice:
    """What to tell a person about a refusal, and what they can do."""

    title: str
    what_happened: str
    what_to_do: str


_FAULT = "Sign-in did not finish"
_NOT_TRUSTED = "We could not trust the answer"
_ASK = "Try again. If it happens again, send the codes below to the people who run this application."
_START_AGAIN = "Go back to the start and sign in again from there."

ADVICE: Mapping[str, Advice] = {
    # From the provider: RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6.
    "access_denied": Advice(
        "You did not sign in",
        "You, or your employer's rules, said no to sharing your details with this application.",
        "If that was a slip, sign in again and choose to continue.",
    ),
    "login_required": Advice(
        "You are not signed in",
        "We asked the identity provider quietly, without a page. It has no session for this browser.",
        "Sign in.",
    ),
    "consent_required": Advice(
        "Your agreement is needed",
        "We asked quietly. You are signed in, but have not agreed to share your details with us.",
        "Sign in, and you will be asked.",
    ),
    "interaction_required": Advice(
        "The identity provider needs to ask you something",
        "We asked quietly, and it cannot answer without showing you a page.",
        "Sign in.",
    ),
    "account_selection_required": Advice(
        "Which account?",
        "We asked quietly. More than one of your accounts is signed in; you have to say which.",
        "Sign in, and choose.",
    ),
    "temporarily_unavailable": Advice(
        "The identity provider is busy",
        "It is taking no more sign-ins at this moment.",
        "Wait a minute and try again.",
    ),
    "invalid_client": Advice(
        _FAULT,
        "The identity provider does not accept this application's client id or secret.",
        "Tell the people who run this application. Its secret may have been changed.",
    ),
    "invalid_grant": Advice(
        "Your sign-in has ended",
        "The identity provider no longer accepts what we hold for you: it expired, was used before, "
        "or you signed out elsewhere.",
        "Sign in again.",
    ),
    "invalid_token": Advice(
        "Your sign-in has ended",
        "The identity provider no longer accepts our access token: it expired, or you signed out elsewhere.",
        "Sign in again.",
    ),
    "invalid_scope": Advice(
        _FAULT,
        "This application asked for details that it is not registered to see.",
        "Tell the people who run this application. It asks for more than it is registered for.",
    ),
    "unmet_authentication_requirements": Advice(
        "This needs a stronger sign-in",
        "We asked for a stronger proof of who you are than you gave, or than you are able to give.",
        "Sign in again in a stronger way, such as with your Smartcard, or ask your service desk for one.",
    ),
    # From us.
    "state_mismatch": Advice(
        "This answer does not belong to this browser",
        "Nobody started this sign-in here, or it was finished already. A forged link looks the same.",
        _START_AGAIN,
    ),
    "iss_mismatch": Advice(
        _NOT_TRUSTED,
        "It names another identity provider than the one we asked.",
        f"{_START_AGAIN} Do not type your password into a page that this link led to.",
    ),
    "nonce_mismatch": Advice(
        _NOT_TRUSTED, "The ID Token was made for another sign-in than this one.", _START_AGAIN
    ),
    "bad_signature": Advice(
        _NOT_TRUSTED, "The signature of the ID Token does not fit the identity provider's keys.", _ASK
    ),
    "expired_token": Advice(
        "The answer came too late",
        "The ID Token had expired when it reached us.",
        "Try again. If it happens again, the clock of this server or of the identity provider is wrong.",
    ),
    "too_old": Advice(
        _NOT_TRUSTED,
        "We asked for a recent sign-in, and the identity provider reports an older one.",
        _START_AGAIN,
    ),
    "too_weak": Advice(
        _NOT_TRUSTED,
        "We asked for a stronger sign-in than the one that the identity provider reports.",
        _START_AGAIN,
    ),
    "sub_mismatch": Advice(
        _NOT_TRUSTED, "Two answers about the same sign-in describe two different people.", _START_AGAIN
    ),
    "no_refresh_token": Advice(
        "There is nothing to refresh with",
        "The identity provider gave this application no refresh token.",
        "Register the application for the grant type refresh_token, and sign in again.",
    ),
    "provider_unreachable": Advice(
        "The identity provider does not answer",
        "We could not reach it, or it answered with a fault of its own.",
        "Wait a minute and try again.",
    ),
    "wrong_page": Advice(
        "That page had expired", "The form you sent was not made for this session.", _START_AGAIN
    ),
}


def advice(error: str) -> Advice:
    """Return what to say about `error`, a code that may come from outside."""
    return ADVICE.get(
        error,
        Advice(_FAULT, "The identity provider and this application did not understand one another.", _ASK),
    )
