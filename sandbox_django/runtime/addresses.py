"""Client addresses as limits count them."""

import ipaddress

IPV6_NETWORK = 64  # bits; a provider gives each customer at least this many addresses, all of them theirs to use


def network_of(address: str) -> str:
    """An IPv4 address itself, also when written as IPv6; the /64 of an IPv6 address; anything else unchanged."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a Unix socket has none
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK), strict=False))
