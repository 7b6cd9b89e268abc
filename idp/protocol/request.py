"""Requests as Authlib sees them, made from plain parameters: no web framework, no global, any transport.

RFC 6749 §3.1 and §3.2. Parameters come from the body alone, each at most once; an empty one counts as absent.
TLS is the server's and the proxy's business: the issuer says which scheme is in force.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from idp.protocol.clients import RegisteredClient

Parameters = Mapping[str, Sequence[str]]


class Payload(OAuth2Payload):
    """The parameters of one request."""

    def __init__(self, parameters: Parameters) -> None:
        self._once = {name: values[0] for name, values in parameters.items() if values and values[0] != ""}
        self._all = defaultdict(list, {name: list(values) for name, values in parameters.items()})

    @property
    def data(self) -> dict[str, str]:
        """Each parameter's first value."""
        return self._once

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """Each parameter's values."""
        return self._all


class ProtocolRequest(OAuth2Request):
    """A request to the token, revocation or introspection endpoint."""

    client: RegisteredClient
    payload: Payload
    headers: dict[str, str]

    def __init__(  # the parent's would refuse http://localhost, which the demo's issuer is
        self, method: str, uri: str, parameters: Parameters, authorization: str | None, address: str | None
    ) -> None:
        self.method = method
        self.uri = uri
        self.headers = {} if authorization is None else {"Authorization": authorization}
        self.payload = Payload(parameters)
        self.address = address
        self.auth_method = None
        self.user = None
        self._body = None
        self._scope = None

    @property
    def form(self) -> dict[str, str]:
        """The body's parameters."""
        return self.payload.data

    @property
    def repeated(self) -> list[str]:
        """Names that came more than once."""
        return sorted(name for name, values in self.payload.datalist.items() if len(values) > 1)
