"""Addresses of the network, as limits count them."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

__all__ = ["network_of"]

_ONE_CUSTOMER = 64
"""Bits of an IPv6 address that one customer cannot choose."""


def network_of(address: str | None) -> str:
    """Name the network an address belongs to: IPv4 as it is, IPv6 by its first 64 bits.

    Args:
        address: As the connection gives it; None or a name (tests, Unix sockets) counts as one network.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _ONE_CUSTOMER), strict=False))
