"""Traceroute probe: which way do packets take, and do they arrive?"""

import ipaddress
import socket
from statistics import fmean
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, Struct

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .base import Trace, register
from .connect import Family, resolve
from .datagram import LINUX
from .icmp_burst import Request
from .icmp_socket import icmp_right
from .icmp_source import Source
from .target import parse_host
from .tools import Tools
from .traceroute_path import Path, Reply, merged
from .traceroute_udp import Datagrams
from .traceroute_walk import longest_s, walk

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Addresses = Annotated[
    tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=32)
]


class TracerouteOptions(Struct, frozen=True, kw_only=True):
    """How to walk, and which way is wanted.

    ``mode`` auto is icmp where this worker may ping, else udp. ``must_pass`` and
    ``must_not_pass`` are addresses or networks; ``port`` is that of the hop before
    the first, for udp.
    """

    mode: Literal["auto", "icmp", "udp"] = "auto"
    max_hops: Annotated[int, Meta(ge=1, le=64)] = 30
    queries: Annotated[int, Meta(ge=1, le=10)] = 3
    wait_ms: Annotated[float, Meta(ge=10, le=10_000)] = 1000
    port: Annotated[int, Meta(ge=1, le=65_000)] = 33_434
    family: Family = "any"
    source: Annotated[str, Meta(max_length=64)] = ""
    must_pass: _Addresses = ()
    must_not_pass: _Addresses = ()


@register
class TracerouteProbe:
    """Sends packets that end at each hop in turn; every router may say so."""

    Options: ClassVar[type[Struct]] = TracerouteOptions
    type: ClassVar[str] = "traceroute"
    default_interval_s: ClassVar[float] = 300.0

    def __init__(self, host: str, options: TracerouteOptions) -> None:
        self.host, self.options = host, options
        self._source = Source(options.source, options.family)
        self._must = [_network(text, "must_pass") for text in options.must_pass]
        self._not = [_network(text, "must_not_pass") for text in options.must_not_pass]

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe of the host name or address *target*."""
        return cls(parse_host(target), options)

    @property
    def longest_s(self) -> float:
        """How long a run takes that nobody answers, in seconds."""
        o = self.options
        return longest_s(o.max_hops, o.queries, o.wait_ms / 1000)

    async def run(self, trace: Trace, tools: Tools) -> None:
        """Walk to the target; ProbeFailed if it is not reached, or not so."""
        address = await resolve(self.host, self._source.family, trace)
        mode = self.options.mode
        if mode == "auto":
            mode = "icmp" if icmp_right()[1] in ("dgram", "raw") else "udp"
        trace.readings.update(address=address, mode=mode)
        path = Path(self.options.max_hops)
        with trace.phase("rtt"):
            try:
                await self._walk(mode, address, path, tools)
            finally:
                trace.readings.update(read(path))
        if not path.reached:
            raise not_reached(path, self.options.max_hops)
        times = [rtt for rtt in path.hops[-1].rtts_ms if rtt is not None]
        if times:
            trace.phases["rtt"] = trace.duration_ms = fmean(times)
        observe(path, trace)
        judge(path, self._must, self._not, trace)

    async def _walk(self, mode: str, address: str, path: Path, tools: Tools) -> None:
        o, source = self.options, self._source.for_target(address)
        wait_s = o.wait_ms / 1000
        if mode == "icmp":
            await walk(
                lambda ttl: _ask_icmp(tools, address, source, ttl, wait_s),
                path,
                o.queries,
            )
            return
        with Datagrams.open(address, o.port, source) as datagrams:
            await walk(lambda ttl: datagrams.ask(ttl, wait_s), path, o.queries)


def traceroute_right() -> tuple[bool, str]:
    """Tell whether this process can trace a route, and how or why not."""
    if not LINUX:
        # Elsewhere the errors reach raw sockets only, all of them, unsorted.
        return False, "traceroute needs Linux: no other system tells who answered"
    how = icmp_right()[1]
    if how in ("dgram", "raw"):
        return True, "icmp"
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        return False, f"no socket for traceroute: {error}"
    return True, "udp"


async def _ask_icmp(
    tools: Tools, address: str, source: str, ttl: int, wait_s: float
) -> Reply | None:
    request = Request(address, wait_s=wait_s, ttl=ttl, source=source)
    burst = tools.icmp.begin(request)
    try:
        await burst.done
    finally:
        burst.finish()
    if burst.received:
        return Reply("target", burst.address, burst.rtts_ms[0])
    if burst.refusal is None:
        return None
    reason, words = burst.refusal
    kind = "hop" if reason == "ttl_exceeded" else reason
    if burst.refused_by == burst.address:
        kind = "target"
    return Reply(kind, burst.refused_by, burst.refused_ms, words)


def read(path: Path) -> dict[str, Any]:
    """Return the readings of *path*, as far as it got."""
    hops = path.hops
    return {
        "reached": path.reached,
        "hop_count": hops[-1].ttl if hops else 0,
        "hops": [hop.readings() for hop in hops],
    }


def not_reached(path: Path, most: int) -> ProbeFailed:
    """Return why the walk ended before the target."""
    hops = path.hops
    if path.refusal is not None:
        refusal = path.refusal
        said = refusal.words.removeprefix(f"{refusal.address}: ")
        return ProbeFailed(refusal.kind, f"{refusal.address}, hop {path.end}: {said}")
    if not hops:
        return ProbeFailed("timeout", f"no answer from any of {most} hops")
    last = hops[-1]
    where = f"{last.addresses[0]}, hop {last.ttl}"
    for address, at in path.returning().items():
        again = ", ".join(map(str, at[:4]))
        said = f"a routing loop: {address} answers at hops {again} …"
        return ProbeFailed("ttl_exceeded", said)
    if last.ttl >= most:
        said = f"not reached in {most} hops; the last is {where}"
        return ProbeFailed("ttl_exceeded", said)
    return ProbeFailed("timeout", f"no answer beyond {where}")


def observe(path: Path, trace: Trace) -> None:
    """Note the way; a hop that did not answer is no change."""
    before, after = trace.before("path"), str(path)
    same = merged(before, after) if before else None
    trace.observe("path", same or after, same=same is not None)


def judge(
    path: Path, must: list[_Network], must_not: list[_Network], trace: Trace
) -> None:
    """Raise ProbeFailed if a reached target's *path* is not the one wanted.

    Where hops are silent it cannot be told that one was not passed: that warns.
    """
    seen = [ipaddress.ip_address(a) for hop in path.hops for a in hop.addresses]
    for network in must_not:
        for address in seen:
            if address in network:
                said = f"the path passes {address}, wanted not {_show(network)}"
                raise ProbeFailed("path", said)
    silent = sum(not hop.addresses for hop in path.hops)
    for network in must:
        if any(address in network for address in seen):
            continue
        said = f"the path does not pass {_show(network)}, wanted that it does"
        if not silent:
            raise ProbeFailed("path", said)
        trace.warn("path", f"{said}; {silent} of its hops did not answer")


def _network(text: str, option: str) -> _Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        shown = safe_text(text, 60)
        hint = "write an address or a network such as 10.0.0.0/8"
        raise UsageError(f"{option}: {shown!r} is no address", hint=hint) from error


def _show(network: _Network) -> str:
    single = network.num_addresses == 1
    return str(network.network_address) if single else str(network)
