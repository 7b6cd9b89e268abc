"""Bearer tokens as they are presented to us, and how we refuse one.

RFC 6750 §2.1, §2.2 and §3.
"""

from collections.abc import Sequence

from idp.protocol.response import Answer

_REALM = 'Bearer realm="userinfo"'


def presented(authorization: str | None, in_form: Sequence[str]) -> str | Answer | None:
    """The one token of header and form; None without one, an `Answer` when there are more."""
    scheme, _, credentials = (authorization or "").partition(" ")
    in_header = (credentials.strip(),) if scheme.lower() == "bearer" else ()
    tokens = [token for token in (*in_header, *in_form) if token]
    if len(tokens) > 1:
        return refuse(400, "invalid_request", "the access token came twice")
    return tokens[0] if tokens else None


def missing() -> Answer:
    """No token: the challenge carries no error (RFC 6750 §3.1)."""
    return Answer(401, {}, (("WWW-Authenticate", _REALM),))


def refuse(status: int, error: str, description: str) -> Answer:
    """A token or request that will not do."""
    challenge = f'{_REALM}, error="{error}", error_description="{description}"'
    return Answer(
        status, {"error": error, "error_description": description}, (("WWW-Authenticate", challenge),)
    )
