"""Read the certificate that a trusted proxy has seen: the `Client-Cert` fields, and no other header.

RFC 9440, RFC 8941 §3.3.5. The proxy has spoken TLS with the browser; its word counts only when it comes from
an address that is configured, and it must take away what a browser sends under these names. Nothing else that
proxies are known to send is ever looked at.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from idp.provider import Networks
from idp.web.address import is_in

_CERTIFICATE: Final = "HTTP_CLIENT_CERT"
_CHAIN: Final = "HTTP_CLIENT_CERT_CHAIN"
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
# What cannot be read is no card, and no reason to pretend there was none.
_UNREADABLE: Final = (b"",)


def presented(environ: Mapping[str, Any], proxies: Networks) -> tuple[bytes, ...]:
    """The certificates in DER, the browser's own first; none from anybody but a trusted proxy."""
    if not is_in(str(environ.get("REMOTE_ADDR", "")), proxies):
        return ()
    own = str(environ.get(_CERTIFICATE, "")).strip()
    if not own:
        return ()
    more = str(environ.get(_CHAIN, "")).strip()
    items = [own, *(part.strip() for part in more.split(",") if more)]
    found = tuple(_bytes(item) for item in items)
    return _UNREADABLE if None in found else tuple(each for each in found if each is not None)


def _bytes(item: str) -> bytes | None:
    matched = _BYTES.fullmatch(item)
    if matched is None:
        return None
    try:
        return base64.b64decode(matched[1], validate=True)
    except binascii.Error:
        return None
