"""Read the certificate that a trusted proxy has seen: the `Client-Cert` fields, and no other header.

RFC 9440, RFC 8941 §3.3.5. The proxy has spoken TLS with the browser; its word counts only when it comes from
an address that is configured, together with the secret that the two share if they share one: from the same
address, or in its name, others may speak. The proxy must take away what a browser sends under these names.
Nothing else that proxies are known to send is ever looked at.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from idp.policy.network import Networks
from idp.services import logs
from idp.web.address import is_in

_CERTIFICATE: Final = "HTTP_CLIENT_CERT"
_CHAIN: Final = "HTTP_CLIENT_CERT_CHAIN"
_SECRET: Final = "HTTP_IDP_PROXY_SECRET"  # noqa: S105 - a field's name
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
# What cannot be read is no card, and no reason to pretend there was none.
_UNREADABLE: Final = (b"",)
_log = logs.get()


def presented(environ: Mapping[str, Any], proxies: Networks, secret: str | None = None) -> tuple[bytes, ...]:
    """The certificates in DER, the browser's own first; none from anybody but a trusted proxy.

    With a `secret`, only who sends it as Idp-Proxy-Secret is one.
    """
    if not is_in(str(environ.get("REMOTE_ADDR", "")), proxies) or not _knows(environ, secret):
        return ()
    own = str(environ.get(_CERTIFICATE, "")).strip()
    if not own:
        return ()
    more = str(environ.get(_CHAIN, "")).strip()
    items = [own, *(part.strip() for part in more.split(",") if more)]
    found = tuple(_bytes(item) for item in items)
    return _UNREADABLE if None in found else tuple(each for each in found if each is not None)


def _knows(environ: Mapping[str, Any], secret: str | None) -> bool:
    if secret is None:
        return True
    if hmac.compare_digest(str(environ.get(_SECRET, "")).encode(), secret.encode()):
        return True
    # Whoever it is, or a proxy that was set up without it: cards do not work, and nobody would see why.
    _log.warning("proxy_without_its_secret", address=environ.get("REMOTE_ADDR"))
    return False


def _bytes(item: str) -> bytes | None:
    matched = _BYTES.fullmatch(item)
    if matched is None:
        return None
    try:
        return base64.b64decode(matched[1], validate=True)
    except binascii.Error:
        return None
