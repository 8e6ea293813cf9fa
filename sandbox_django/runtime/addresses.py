"""Determines the address or network for which limits count a client."""

import ipaddress

# Bits of the prefix. A provider gives each customer at least one such network, so its addresses count as one client.
IPV6_NETWORK = 64


def network_of(address: str) -> str:
    """Returns the /64 network of an IPv6 address; returns any other text unchanged.

    An IPv4 address that is written as IPv6 is returned as IPv4.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # for example, the empty address of a Unix socket
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK), strict=False))
