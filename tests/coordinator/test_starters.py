"""The jobs that an empty dashboard offers."""

import pytest

from pangea.coordinator.new_job import job_from
from pangea.coordinator.starters import default_gateway, name_servers, starters

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


def test_the_gateway_is_the_one_of_the_default_route():
    assert default_gateway(ROUTES) == "192.168.1.1"
    assert default_gateway("") is None
    assert default_gateway("Iface\nbroken line\n") is None


def test_name_servers_are_read_as_the_system_reads_them():
    text = "# nameserver 9.9.9.9\nsearch lan\nnameserver 10.0.0.1\nnameserver fe80::1\n"

    assert name_servers(text) == ["10.0.0.1", "fe80::1"]


def test_every_offer_can_be_added_as_it_stands():
    offers = starters("http://127.0.0.1:7464")

    assert {"pangea", "internet"} <= {o.spec.name for o in offers}
    for offer in offers:
        assert job_from(offer.spec, (), {}, 0).name == offer.spec.name


@pytest.mark.parametrize(
    ("scheme", "options"), [("http", {}), ("https", {"verify": False})]
)
def test_the_own_certificate_has_no_name_for_loopback(scheme, options):
    offers = {o.spec.name: o.spec for o in starters(f"{scheme}://127.0.0.1:7464")}
    assert offers["pangea"].options == options
    assert job_from(offers["pangea"], (), {}, 0).name == "pangea"
