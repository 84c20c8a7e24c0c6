"""Addresses of a host that a webhook may be sent to: none of a private network, unless allowed.

Against server-side request forgery: the name is resolved here, and the connection goes to the
address that was checked, so a second answer of the name server can't redirect it.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

__all__ = ["PrivateAddressError", "is_public", "resolve"]

NAT64 = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that stand for the IPv4 address in their last 32 bits (RFC 6052)."""


class PrivateAddressError(Exception):
    """All addresses of a host are in networks that are not public."""


async def resolve(host: str, port: int, *, allows_private: bool) -> list[str]:
    """Return the addresses of a host, in the order of the resolver.

    Raises
    ------
    PrivateAddressError
        None of them is public, and others are not allowed.
    OSError
        The host has no address, or the name server does not answer.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [*dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)]
    if allows_private:
        return addresses
    public = [address for address in addresses if is_public(address)]
    if not public:
        raise PrivateAddressError
    return public


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet.

    An IPv6 address that stands for an IPv4 address is judged by that one.
    """
    ip = _unwrapped(ip_address(address))
    return ip.is_global and not ip.is_multicast


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo[1] if ip.teredo else None
    return ip.ipv4_mapped or ip.sixtofour or teredo or ip
