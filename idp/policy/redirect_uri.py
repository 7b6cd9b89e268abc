"""Decide which redirect URIs may be registered, and whether a request's is one of them.

RFC 9700 §2.1 and §4.1.3 (exact strings), RFC 8252 §7.1 (private-use schemes), §7.3 and §8.3 (loopback),
OpenID Connect Registration §2. Nothing is ever normalised before it is compared.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

LONGEST: Final = 2048
"""Characters of one URI."""

_LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_WEB = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]/?]*\]|[^:/?\[\]]*)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?"
)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_PRIVATE_USE = re.compile(r"(?P<scheme>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+):/.*")
_LOOPBACK_LITERAL = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:[/?].*)?)")
_DEFAULT_PORT = {"https": 443, "http": 80}
_HIGHEST_PORT = 65535


def matches(asked: str, registered: Collection[str], *, native: bool = False) -> bool:
    """Whether `asked` is one of the `registered` URIs, character by character.

    A native application may use any port with a registered loopback IP literal (RFC 8252 §7.3); `localhost`
    is a name, not a literal, and stays exact.
    """
    if asked in registered:
        return True
    if not native or problem(asked, native=True):
        return False
    portless = _without_port(asked)
    return portless is not None and any(_without_port(uri) == portless for uri in registered)


def problem(uri: str, *, native: bool) -> str | None:
    """Say in a sentence why `uri` may not be registered and what to write instead; None when it may."""
    if uri.startswith(("https://", "http://")):
        return _syntax_problem(uri) or _web_problem(uri)
    return _syntax_problem(uri) or _private_use_problem(uri, native=native)


@lru_cache(maxsize=512)
def origin(uri: str) -> str:
    """Write the origin of a registered `uri` as a source of the CSP directive `form-action`.

    That is `https://rp.example`, or `com.example.app:` for a private-use scheme. `http://[::1]` has no such
    source in CSP Level 3 §2.3.1 and becomes `http:`. ValueError when `problem` would object to `uri`.
    """
    objection = problem(uri, native=True)
    if objection:
        raise ValueError(objection)
    web = _WEB.fullmatch(uri)
    if web is None:
        return uri[: uri.index(":") + 1]
    scheme, name, port = web["scheme"], web["host"].lower(), web["port"]
    if name.startswith("["):
        return f"{scheme}:"
    return (
        f"{scheme}://{name}"
        if port is None or int(port) == _DEFAULT_PORT[scheme]
        else f"{scheme}://{name}:{port}"
    )


def host(uri: str) -> str | None:
    """Name the host of an http or https `uri` in lower case, without its port; None for any other URI."""
    web = _WEB.fullmatch(uri)
    return web["host"].lower() if web else None


def _syntax_problem(uri: str) -> str | None:
    if len(uri) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if "#" in uri:
        return "has a fragment; leave out the # and what follows it"
    if "*" in uri:
        return "has a wildcard; register each address in full"
    if not _CHARACTERS.fullmatch(uri):
        return "holds a character that a URI may not have; percent-encode it, and write host names in ASCII"
    return None


def _web_problem(uri: str) -> str | None:
    if "@" in re.split("[/?]", uri, maxsplit=3)[2]:
        return "has a user name or password before the host; leave it out"
    web = _WEB.fullmatch(uri)
    if web is None or not _is_host(web["host"]):
        return "has no valid host"
    if web["port"] and not 0 < int(web["port"]) <= _HIGHEST_PORT:
        return "has no valid port"
    if web["scheme"] == "http" and web["host"] not in _LOOPBACK:
        return "uses http; use https (http is for 127.0.0.1, [::1] and localhost only)"
    return None


def _private_use_problem(uri: str, *, native: bool) -> str | None:
    if not native:
        return "must start with https:// in lower case (http:// for 127.0.0.1, [::1] and localhost only)"
    if not _PRIVATE_USE.fullmatch(uri):
        return "must start with https:// or with your domain name in reverse, as in com.example.app:/callback"
    return None


def _is_host(name: str) -> bool:
    if not name.startswith("["):
        return _HOST_NAME.fullmatch(name) is not None
    try:
        IPv6Address(name[1:-1])
    except ValueError:
        return False
    return True


def _without_port(uri: str) -> tuple[str, str] | None:
    literal = _LOOPBACK_LITERAL.fullmatch(uri)
    return (literal[1], literal[2]) if literal else None
