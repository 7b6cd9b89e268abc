"""Bearer tokens as they are presented to us, and how we refuse one.

RFC 6750 §2.1, §2.2 and §3.
"""

from idp.protocol.response import Answer

_REALM = 'Bearer realm="userinfo"'


def presented(authorization: str | None, form: dict[str, str]) -> str | Answer | None:
    """The token from the header or the form; None without one, an `Answer` when both are used."""
    in_form = form.get("access_token")
    scheme, _, credentials = (authorization or "").partition(" ")
    in_header = credentials.strip() if scheme.lower() == "bearer" else None
    if in_form is not None and in_header is not None:
        return refuse(400, "invalid_request", "the access token came twice")
    return in_header or in_form


def missing() -> Answer:
    """No token: the challenge carries no error (RFC 6750 §3.1)."""
    return Answer(401, {}, (("WWW-Authenticate", _REALM),))


def refuse(status: int, error: str, description: str) -> Answer:
    """A token or request that will not do."""
    challenge = f'{_REALM}, error="{error}", error_description="{description}"'
    return Answer(
        status, {"error": error, "error_description": description}, (("WWW-Authenticate", challenge),)
    )
