"""Client addresses as limits count them."""

import ipaddress

# bits; a provider gives each customer at least one such network, so all its addresses may be one client
IPV6_NETWORK = 64


def network_of(address: str) -> str:
    """Returns an IPv4 address unchanged (also if written as IPv6), the /64 of an IPv6 address, and anything else
    unchanged.
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
