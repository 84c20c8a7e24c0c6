"""Addresses that a webhook may be sent to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stream.sinks.public_addresses import PrivateAddressError, is_public, resolve


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1%lo", "fc00::1", "ff02::1", "2001:db8::1"),
        # IPv4 addresses within IPv6 addresses: mapped, NAT64, 6to4, Teredo.
        *("::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:5db8:d822::80ff:fffe"),
    ],
)
def test_addresses_of_private_networks_are_not(address: str) -> None:
    assert not is_public(address)


async def test_private_addresses_of_a_name_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, "10.0.0.1", "93.184.216.34", "93.184.216.34")
    assert await resolve("example.com", 443, allows_private=False) == ["93.184.216.34"]
    assert await resolve("example.com", 443, allows_private=True) == ["10.0.0.1", "93.184.216.34"]


async def test_a_name_with_private_addresses_alone_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _answer(monkeypatch, "10.0.0.1", "::1")
    with pytest.raises(PrivateAddressError):
        await resolve("rebound.example.com", 443, allows_private=False)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "localhost"])
async def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises((PrivateAddressError, OSError)):
        await resolve(host, 443, allows_private=False)


def _answer(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, 443)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
