"""Name networks, and say which one an address belongs to, as far as one asker may have all of it.

An Internet provider gives a customer up to a /48 of IPv6 (RFC 6177), and whoever rents addresses gets them in
blocks of IPv4.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]

_PREFIX: Final = {4: 24, 6: 48}


def around(address: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; either may be written as a network itself."""
    own = ip_network(address)
    return str(own.supernet(new_prefix=min(own.prefixlen, _PREFIX[own.version])))
