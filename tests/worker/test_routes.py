"""Gateways, and what lies behind them, from the tables of Linux."""

import sys

import pytest

from pangea.worker.routes import gateways, is_far, is_neighbour, routes

V4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t00000000\t016433C6\t0003\t0\t0\t50\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
eth0\t0000000A\t020200C0\t0003\t0\t0\t100\t000000FF\t0\t0\t0
eth2\t00000000\t090909
"""
V6 = (
    "20010db8000000000000000000000000 40 " + "0" * 32 + " 00 " + "0" * 32
    + " 00000100 00000001 00000000 00000001     eth0\n"
    + "0" * 32 + " 00 " + "0" * 32 + " 00 "
    + "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
    + "0" * 32 + " 00 " + "0" * 32 + " 00 " + "0" * 32
    + " ffffffff 00000001 00000000 00200200       lo\n"
)  # fmt: skip
ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0
192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0
"""
pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="the table is in the machine's order of bytes"
)


@pytest.fixture
def proc(tmp_path):
    for name, text in (("route", V4), ("ipv6_route", V6), ("arp", ARP)):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_default_route_of_least_metric_names_the_gateway(proc):
    assert [r.gateway for r in gateways(routes(proc))] == [
        "198.51.100.1",
        "fe80::1%eth0",
    ]


@pytest.mark.parametrize(
    ("address", "far"),
    [
        ("192.0.2.77", False),
        ("::ffff:192.0.2.77", False),
        ("10.1.2.3", True),
        ("203.0.113.5", True),
        ("127.0.0.53", False),
        ("2001:db8::7", False),
        ("2001:db9::7", True),
        ("fe80::7%eth0", False),
        ("head.example", False),
        ("", False),
    ],
)
def test_what_is_behind_a_gateway_is_far(proc, address, far):
    assert is_far(address, routes(proc)) is far


def test_without_tables_nothing_is_known(tmp_path):
    assert routes(tmp_path) == []
    assert not is_far("203.0.113.5", [])
    assert is_neighbour("192.0.2.1", tmp_path) is None


def test_the_link_tells_who_is_there(proc):
    told = [is_neighbour(f"192.0.2.{n}", proc) for n in (1, 9, 7)]
    assert told == [True, False, None]
