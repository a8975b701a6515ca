"""Each kind of probe asks a server of ours once."""

from functools import partial

from pangea.core.model import Outcome
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock

from .row import Check, Skipped
from .servers import ADDRESS, Servers

TIMEOUT_S = 10.0
Options = dict[str, object]


def questions(servers: Servers) -> list[Check]:
    """Return a check for each kind of probe."""
    port, ours = servers.ports, str(servers.ca_file)
    asked: list[tuple[str, str, str, Options]] = [
        ("http", "http", _at(port["http"], "http://"), {"body_contains": "selftest"}),
        ("https", "http", _at(port["https"], "https://", "localhost"), _trust(ours)),
        ("icmp", "icmp", "127.0.0.1", {"count": 2, "gap_ms": 10}),
        ("dns", "dns", "selftest.example", _resolver(port["dns"])),
        ("tls", "tls", _at(port["https"], "", "localhost"), _trust(ours)),
        ("tcp", "tcp", _at(port["tcp"]), {"expect": "220"}),
        ("udp", "udp", _at(port["udp"]), {"send": "hello", "expect": "hello"}),
        ("ntp", "ntp", _at(port["ntp"]), {}),
        ("traceroute", "traceroute", "127.0.0.1", {}),
    ]
    return [
        Check(f"probe {name}", partial(_ask, type_, target, options))
        for name, type_, target, options in asked
    ]


def _at(port: int, scheme: str = "", host: str = "127.0.0.1") -> str:
    return f"{scheme}{host}:{port}"


def _trust(ca_file: str) -> Options:
    return {"ca_file": ca_file}


def _resolver(port: int) -> Options:
    return {"resolver": f"127.0.0.1:{port}", "expect_any": [ADDRESS]}


async def _ask(type_: str, target: str, options: Options) -> str:
    tools = Tools()
    try:
        probe = make_probe(type_, target, options)
        result = await run_once(probe, tools, SystemClock(), job=0, timeout_s=TIMEOUT_S)
    finally:
        await tools.close()
    if result.outcome is Outcome.ERROR:
        # Nothing of ours is broken: this machine does not let us ask.
        raise Skipped(f"{result.reason}: {result.detail}")
    if result.outcome is not Outcome.OK:
        raise AssertionError(f"{result.reason}: {result.detail}")
    return f"{result.duration_ms:.2f} ms"
