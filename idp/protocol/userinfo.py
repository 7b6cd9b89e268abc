"""The UserInfo endpoint: what the granted scope says of the person.

OpenID Connect Core §5.3 and §5.4. Fresh from the database, so a change of name or the end of a grant shows at
once. A claim without a value is left out (§5.3.2).
"""

from collections.abc import Callable, Sequence
from typing import Any

from idp.db import Database, grant
from idp.db.account import Profile
from idp.db.grant import Spoken
from idp.policy import claims
from idp.protocol import bearer
from idp.protocol.access_token import AccessTokens
from idp.protocol.response import Answer
from idp.services.clock import Clock

_VALUES: dict[str, Callable[[Profile], Any]] = {
    "name": lambda profile: profile.name,
    "given_name": lambda profile: profile.given_name,
    "family_name": lambda profile: profile.family_name,
    "locale": lambda profile: profile.language,
    "email": lambda profile: profile.email,
    # On record with the employer; nobody has proved that mail to it arrives.
    "email_verified": lambda _: False,
    "birthdate": lambda profile: profile.date_of_birth.isoformat(),
    "esr_username": lambda profile: profile.username,
    "esr_employer": lambda profile: {
        "code": profile.employer_code,
        "name": profile.employer_name,
        "ods_code": profile.employer_ods_code,
    },
    "esr_roles": lambda profile: [] if profile.job_title is None else [profile.job_title],
}
_ENDED = ("invalid_token", "the access token has expired or was revoked")


def answer(
    database: Database,
    clock: Clock,
    access_tokens: AccessTokens,
    authorization: str | None,
    in_form: Sequence[str],
) -> Answer:
    """The claims for a presented access token, or the refusal. `in_form` are the form's `access_token`s."""
    token = bearer.presented(authorization, in_form)
    if isinstance(token, Answer):
        return token
    if token is None:
        return bearer.missing()
    now = clock.now()
    verified = access_tokens.verify(token, now)
    if verified is None or verified.grant_id is None:
        return bearer.refuse(401, *_ENDED)
    if "openid" not in verified.scope:
        return bearer.refuse(403, "insufficient_scope", "the access token was not granted openid")
    with database.read() as connection:
        spoken = grant.spoken_of(connection, verified.grant_id, verified.jti, now)
    if spoken is None:
        return bearer.refuse(401, *_ENDED)
    return Answer(200, {"sub": verified.sub, **_claims(spoken, verified.scope)})


def _claims(spoken: Spoken, scope: frozenset[str]) -> dict[str, Any]:
    values = {name: _VALUES[name](spoken.profile) for name in claims.select(scope) if name in _VALUES}
    if "nhsid_useruid" in claims.select(scope):
        values["nhsid_useruid"] = spoken.nhsid_useruid
    return {name: value for name, value in values.items() if value is not None}
