"""Find out where a request came from.

RFC 7239's problem in one rule: a header counts only when a proxy we trust wrote it, so the address is the
rightmost entry of `X-Forwarded-For` that is not such a proxy itself. What cannot be parsed is never a reason
to skip a check: the peer's own address stands.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from idp.provider import Networks

UNKNOWN = "0.0.0.0"  # noqa: S104 - no address at all; nothing binds to it


@lru_cache(maxsize=1024)
def _direct(peer: str) -> str:
    parsed = _parse(peer)
    return UNKNOWN if parsed is None else _text(parsed)


def client_address(environ: Mapping[str, Any], trusted_proxies: Networks) -> str:
    """The address in its canonical text; an IPv6 interface counts by its /64, as one subscriber."""
    remote = str(environ.get("REMOTE_ADDR", ""))
    if not trusted_proxies:
        return _direct(remote)
    peer = _parse(remote)
    if peer is None:
        return UNKNOWN
    if not _is_in(peer, trusted_proxies):
        return _text(peer)
    nearest = peer
    for entry in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        hop = _parse(entry)
        if hop is None:
            break
        nearest = hop
        if not _is_in(hop, trusted_proxies):
            break
    return _text(nearest)


def is_in(address: str, networks: Networks) -> bool:
    """Whether an address belongs to one of the networks."""
    parsed = _parse(address.partition("/")[0])
    return parsed is not None and _is_in(parsed, networks)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _is_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _text(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)
