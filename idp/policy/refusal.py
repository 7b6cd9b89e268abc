"""An OAuth error as a value.

RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6. Rules return it; the protocol layer sends it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer is no: `error` is for the client's code, `description` is English for its developer.

    A description is never secret and never quotes what was sent: RFC 6749 restricts its characters.
    """

    error: str
    description: str
