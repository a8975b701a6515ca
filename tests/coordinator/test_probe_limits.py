"""What operators may ask workers: to look, from outside, and at nobody's inside."""

import pytest

from pangea.coordinator.probe_limits import check_operator
from pangea.coordinator.probe_service import ProbeService, question_of
from pangea.core.errors import NotAllowed
from pangea.core.model import FIRST_ORG
from pangea.web.api_probes import ProbeSpec

OWN = ["http://192.0.2.7:7464", "https://pangea.example.org"]
HTTP = "http://192.0.2.1/x"


def check(type_, target, **options):
    spec = ProbeSpec(type=type_, target=target, options=options)
    _, probe = question_of(spec, FIRST_ORG)
    check_operator(probe, options, OWN)


@pytest.mark.parametrize(
    ("type_", "target", "options"),
    [
        ("http", HTTP, {}),
        ("http", HTTP, {"method": "HEAD", "expect_status": "200,301"}),
        ("http", "https://other.example.org", {"resolver": "192.0.2.53"}),
        ("http", "http://192.0.2.7:80/", {}),
        ("tcp", "192.0.2.1:22", {"family": "ipv4"}),
        ("icmp", "10.0.0.1", {"count": 3}),
        ("traceroute", "2001:db8::1", {}),
        ("dns", "example.org", {"resolver": "192.0.2.53"}),
        ("dns", "localhost.example.org", {}),
        ("tls", "example.org:443", {"warn_days": 7}),
    ],
)
def test_an_operator_may_look(type_, target, options):
    check(type_, target, **options)


@pytest.mark.parametrize(
    ("type_", "target", "options", "named"),
    [
        ("http", HTTP, {"method": "POST"}, "method"),
        ("http", HTTP, {"method": "DELETE"}, "method"),
        ("http", HTTP, {"headers": {"X-A": "b"}}, "headers"),
        ("http", HTTP, {"body": "evil"}, "body"),
        ("http", HTTP, {"body_contains": "root"}, "body_contains"),
        ("http", HTTP, {"body_not_regex": "a"}, "body_not_regex"),
        ("http", HTTP, {"json": ["$.a == 1"]}, "json"),
        ("http", HTTP, {"expect_headers": ["X-Secret: a"]}, "expect_headers"),
        ("http", HTTP, {"proxy": "http://192.0.2.9:3128"}, "proxy"),
        ("http", HTTP, {"token": "t"}, "token"),
        ("http", HTTP, {"user": "a", "password": "b"}, "password"),
        ("http", "https://192.0.2.1", {"ca_file": "/etc/shadow"}, "ca_file"),
        ("http", "https://192.0.2.1", {"client_cert": "/etc/x"}, "client_cert"),
        ("tcp", "192.0.2.1:25", {"send": "DATA"}, "send"),
        ("tcp", "192.0.2.1:25", {"dialogue": ["send QUIT"]}, "dialogue"),
        ("tcp", "192.0.2.1:25", {"secret": "x"}, "secret"),
        ("udp", "192.0.2.1:53", {"send": "x", "expect": "y"}, "expect"),
        ("dns", "a.example", {"transport": "tls", "resolver": "192.0.2.1",
                              "ca_file": "/etc"}, "ca_file"),
        ("tls", "example.org:443", {"ca_file": "/etc"}, "ca_file"),
    ],
)  # fmt: skip
def test_what_speaks_or_reads_is_refused_by_its_name(type_, target, options, named):
    with pytest.raises(NotAllowed, match=f"'{named}' needs an administrator"):
        check(type_, target, **options)


@pytest.mark.parametrize(
    ("type_", "target", "options"),
    [
        ("http", "http://127.0.0.1:9/", {}),
        ("http", "http://localhost/", {}),
        ("http", "http://LOCALHOST./", {}),
        ("http", "http://a.localhost/", {}),
        ("http", "http://[::1]/", {}),
        ("http", "http://[::ffff:127.0.0.1]/", {}),
        ("http", "http://0.0.0.0/", {}),
        ("http", "http://169.254.169.254/latest", {}),
        ("http", "http://192.0.2.7:7464/metrics", {}),
        ("http", "https://pangea.example.org/", {}),
        ("tcp", "127.8.8.8:22", {}),
        ("tcp", "192.0.2.7:7464", {}),
        ("udp", "[fe80::1]:53", {}),
        ("icmp", "127.0.0.1", {}),
        ("traceroute", "::1", {}),
        ("dns", "example.org", {"resolver": "127.0.0.53"}),
        ("dns", "example.org", {"resolver": "192.0.2.1,tcp://[::1]:53"}),
        ("dns", "example.org", {"resolver": "https://127.0.0.1/dns-query"}),
        ("http", HTTP, {"resolver": "127.0.0.1"}),
    ],
)
def test_an_inside_and_the_coordinator_itself_are_refused(type_, target, options):
    with pytest.raises(NotAllowed, match="needs an administrator"):
        check(type_, target, **options)


async def test_who_is_not_limited_may_ask_all_that(world):
    await world.join("hel")
    service = ProbeService(world.coordinator)
    spec = ProbeSpec(
        type="http", target="http://127.0.0.1:9/", options={"method": "POST"}
    )
    with pytest.raises(NotAllowed):
        service.ask(FIRST_ORG, spec, limited=True)
    await service.ask(FIRST_ORG, spec, limited=False).aclose()
