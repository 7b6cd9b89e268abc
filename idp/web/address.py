"""Find out where a request came from.

RFC 7239's problem in one rule: a header counts only when a proxy we trust wrote it, so the address is the
rightmost entry of `X-Forwarded-For` that is not such a proxy itself. What cannot be parsed is never a reason
to skip a check: the peer's own address stands, and is not the client's.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from idp.policy.network import Networks

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
    nearest, _ = _nearest(environ, trusted_proxies)
    return _text(nearest)


def is_client_in(environ: Mapping[str, Any], trusted_proxies: Networks, networks: Networks) -> bool:
    """Whether the client is in one of the networks.

    It is not where a trusted proxy does not say for whom it asks, wherever the proxy may be: a header that a
    client can make it leave out or garble must open nothing (RFC 9110 §7.6.1).
    """
    nearest, is_client = _nearest(environ, trusted_proxies)
    return is_client and _is_in(nearest, networks)


def is_in(address: str, networks: Networks) -> bool:
    """Whether an address belongs to one of the networks."""
    parsed = _parse(address.partition("/")[0])
    return parsed is not None and _is_in(parsed, networks)


def _nearest(environ: Mapping[str, Any], trusted_proxies: Networks) -> tuple[IPv4Address | IPv6Address, bool]:
    """The last address that can be believed, and whether it is the client's."""
    nearest = _parse(str(environ.get("REMOTE_ADDR", ""))) or IPv4Address(UNKNOWN)
    if not _is_in(nearest, trusted_proxies):
        return nearest, True
    for entry in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        hop = _parse(entry)
        if hop is None:
            return nearest, False
        nearest = hop
        if not _is_in(hop, trusted_proxies):
            break
    return nearest, True


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
