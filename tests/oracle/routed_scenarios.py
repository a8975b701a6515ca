"""What both are asked across a router that drops, refuses and has a narrow link."""

from tests.oracle.dns_scenarios import dns
from tests.oracle.http_scenarios import SOON, http
from tests.oracle.scenario import Scenario
from tests.oracle.tcp_scenarios import ping, tcp

FAR, DROPPED, REJECTED = "10.99.2.2", "10.99.3.1", "10.99.4.1"
#: refused by the routes of our own: the last has none
NO_HOST, NOWHERE = "10.99.6.1", "203.0.113.1"
V6 = "preferred_ip_protocol: ip6"

SCENARIOS: tuple[Scenario, ...] = (
    ping("a host behind a router", FAR),
    ping("a host behind a router, IPv6", "fd00:2::2", module=V6),
    ping("a router that drops", DROPPED, "timeout", timeout_s=SOON, wait_ms=500),
    ping("a router that refuses", REJECTED, "unreachable", timeout_s=SOON),
    ping("a router that refuses, IPv6", "fd00:3::1", "unreachable", V6, timeout_s=SOON),
    ping("an unreachable network of our own", NO_HOST, "no_route"),
    ping("no route of our own", NOWHERE, "no_route"),
    ping("one hop too far", FAR, "ttl_exceeded", "ttl: 1", ttl=1, timeout_s=SOON),
    ping(
        "a large packet divided",
        FAR,
        module="payload_size: 1400",
        compare=(),
        size=1400,
        timeout_s=SOON,
    ),
    ping(
        "a large packet undivided",
        FAR,
        "mtu",
        "payload_size: 1400, dont_fragment: true",
        size=1400,
        dont_fragment=True,
        timeout_s=SOON,
    ),
    tcp("a closed port behind a router", f"{FAR}:9", "refused"),
    tcp("a router that drops", f"{DROPPED}:9", "timeout", timeout_s=SOON),
    tcp("a router that refuses", f"{REJECTED}:9", "unreachable"),
    tcp("no route of our own", f"{NOWHERE}:9", "no_route"),
    tcp("an unreachable network of our own", f"{NO_HOST}:9", "no_route"),
    http("a router that drops", f"http://{DROPPED}/", "timeout", timeout_s=SOON),
    http("a router that refuses", f"http://{REJECTED}/", "unreachable", compare=()),
    http("no route of our own", f"http://{NOWHERE}/", "no_route", compare=()),
    http(
        "an unreachable network of our own",
        f"http://{NO_HOST}/",
        "no_route",
        compare=(),
    ),
    dns(
        "a router that drops", "a.test", "A", "timeout", f"{DROPPED}:53", timeout_s=SOON
    ),
    dns(
        "a router that refuses",
        "a.test",
        "A",
        "unreachable",
        f"{REJECTED}:53",
        compare=(),
        timeout_s=SOON,
    ),
    dns("no route of our own", "a.test", "A", "no_route", f"{NOWHERE}:53", compare=()),
    dns("nobody listens behind a router", "a.test", "A", "refused", f"{FAR}:53"),
)
