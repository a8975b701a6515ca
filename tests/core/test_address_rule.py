from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.address_rule import AddressRule

OPEN, PUBLIC = AddressRule(), AddressRule(private=False)
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.9", "100.64.0.1", "fd12::1"]
CLOSED = [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_open_unless_strangers_reach_us(address):
    assert OPEN.refusal(address) == ""
    assert PUBLIC.refusal(address) == "it is private"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_the_rest_of_the_world_is_open(address):
    assert OPEN.refusal(address) == PUBLIC.refusal(address) == ""


@pytest.mark.parametrize("address", CLOSED)
def test_a_machine_itself_its_link_and_clouds_are_closed(address):
    assert OPEN.refusal(address)
    assert PUBLIC.refusal(address)


def test_what_is_allowed_is_open():
    allowed = AddressRule(("127.0.0.1", "169.254.0.0/16", "fd00:ec2::254"))
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "169.254.9.9", "fd00:ec2::254"):
        assert allowed.refusal(address) == ""
    assert allowed.refusal("127.0.0.2")
    assert allowed.refusal("::1")


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_counts_as_what_is_inside(inside):
    assert isinstance(inside, IPv4Address)
    number = int(inside)
    for outside in (
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x0064_FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
    ):
        assert bool(OPEN.refusal(str(outside))) == bool(OPEN.refusal(str(inside)))
