"""Networks of the test's own: namespaces, a router, and a host that can lie."""

import asyncio
import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.needs import need

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
CAPSET_VERSION = 0x20080522
CAP_NET_RAW = 13
SO_RCVBUFFORCE = 33


_number = itertools.count()
# Found before a test takes PATH away.
_IP = shutil.which("ip", path=os.environ["PATH"] + ":/usr/sbin:/sbin") or "ip"
_SYSCTL = shutil.which("sysctl", path=os.environ["PATH"] + ":/usr/sbin:/sbin") or ""


def _ip(*words: str) -> None:
    command = [_IP, *" ".join(words).split()]
    subprocess.run(command, check=True, timeout=10)


@contextlib.contextmanager
def namespace(role: str) -> Iterator[str]:
    """Yield the name of a fresh namespace that has only its loopback."""
    need("netns")
    name = f"pangea-{os.getpid()}-{next(_number)}-{role}"
    _ip(f"netns add {name}")
    try:
        _ip(f"-n {name} link set lo up")
        yield name
    finally:
        _ip(f"netns del {name}")


def inside(
    name: str,
    scene: Callable[[], Awaitable[T]],
    *,
    run: Callable[[Awaitable[T]], T] = asyncio.run,
    powerless: bool = False,
) -> T:
    """Run *scene* in a thread that lives in the namespace and return its result.

    A *powerless* thread has given up CAP_NET_RAW.
    """

    def enter() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            assert libc.setns(descriptor, CLONE_NEWNET) == 0, ctypes.get_errno()
        finally:
            os.close(descriptor)
        if powerless:
            header = struct.pack("=Ii", CAPSET_VERSION, 0)
            low = ~(1 << CAP_NET_RAW) & 0x1FFFF
            data = struct.pack("=6I", low, low, 0, 0, 0, 0)
            assert libc.capset(header, data) == 0, ctypes.get_errno()
        return run(scene())

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(enter).result(timeout=30)


def sysctl(name: str, setting: str, value: str) -> None:
    """Set a sysctl inside the namespace, if this kernel has it there."""
    command = [_IP, "netns", "exec", name, _SYSCTL, "-eqw", f"{setting}={value}"]
    subprocess.run(command, check=True, timeout=10)


def allow_datagram(name: str) -> None:
    """Let everybody in the namespace ping without CAP_NET_RAW."""
    sysctl(name, "net.ipv4.ping_group_range", "0 2147483647")


@contextlib.contextmanager
def routed(*, patient: bool = False) -> Iterator[str]:
    """Yield a namespace (10.99.1.1, fd00:1::1) behind a router to other places.

    10.99.2.2 and fd00:2::2 answer, over a link of 1280 bytes; the router drops
    10.99.3.0/24 and rejects 10.99.4.0/24 and fd00:3::/64, forbids 10.99.9.0/24 and
    fd00:9::/64, and has no way to 10.99.10.0/24 and fd00:10::/64. Here are of each
    family a blackhole (10.99.5.0/24, fd00:55::/64) and what is unreachable (…6…),
    prohibited (…7…) and thrown out (…8…). A *patient* router says what it refuses
    however often it is asked; but of IPv4 routes that refuse, also such a one tells
    each source five times at once and then once a second (route/error_cost, which
    holds for the whole machine).
    """
    roles = (namespace(role) for role in ("near", "router", "far"))
    with contextlib.ExitStack() as stack:
        near, router, far = map(stack.enter_context, roles)
        for name in (near, router, far):
            # No second of waiting whether an address is taken already.
            sysctl(name, "net.ipv6.conf.default.accept_dad", "0")
        _link(near, router, "10.99.1", "fd00:1", 1500)
        _link(far, router, "10.99.2", "fd00:2", 1280)
        sysctl(router, "net.ipv4.ip_forward", "1")
        sysctl(router, "net.ipv6.conf.all.forwarding", "1")
        if patient:
            # Not by icmp_ratelimit 0: each error would then empty the bucket from
            # which the refusals of a route are paid too.
            sysctl(router, "net.ipv4.icmp_ratemask", "0")
            sysctl(router, "net.ipv6.icmp.ratelimit", "0")
        for end, number in ((near, 1), (far, 2)):
            _ip(f"-n {end} route add 10.99.0.0/16 via 10.99.{number}.254")
            _ip(f"-n {end} route add fd00::/16 via fd00:{number}::254")
        _ip(f"-n {router} route add blackhole 10.99.3.0/24")
        _ip(f"-n {router} route add unreachable 10.99.4.0/24")
        _ip(f"-n {router} route add unreachable fd00:3::/64")
        for kind, last in (("prohibit", 9), ("throw", 10)):
            _ip(f"-n {router} route add {kind} 10.99.{last}.0/24")
            _ip(f"-n {router} route add {kind} fd00:{last}::/64")
        kinds = ("blackhole", "unreachable", "prohibit", "throw")
        for last, kind in enumerate(kinds, 5):
            _ip(f"-n {near} route add {kind} 10.99.{last}.0/24")
            _ip(f"-n {near} route add {kind} fd00:{last}{last}::/64")
        yield near


@contextlib.contextmanager
def chained() -> Iterator[str]:
    """Yield a namespace (10.98.1.1, fd98:1::1) three hops away from 10.98.3.1.

    On the way are 10.98.1.254 and 10.98.2.254, then the target itself (fd98:1::254,
    fd98:2::254, fd98:3::1). 10.98.5.1 is four hops away; the third never says
    anything. The second router drops what goes to 10.98.8.0/24 and rejects
    10.98.9.0/24; 10.98.7.0/24 goes to and fro between the two.
    """
    roles = ("near", "one", "two", "far", "mute", "last")
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(namespace(role)) for role in roles]
        near, one, two, far, mute, last = names
        for name in names:
            sysctl(name, "net.ipv6.conf.default.accept_dad", "0")
            sysctl(name, "net.ipv6.conf.all.forwarding", "1")
            sysctl(name, "net.ipv4.ip_forward", "1")
            sysctl(name, "net.ipv4.icmp_ratelimit", "0")
            sysctl(name, "net.ipv6.icmp.ratelimit", "0")
        # So long a pause between two errors that the first is not sent either.
        sysctl(mute, "net.ipv4.icmp_ratelimit", "1000000000")
        pairs = ((near, one), (one, two), (far, two), (mute, two), (last, mute))
        for number, (low, high) in enumerate(pairs, 1):
            _join(low, high, number)
            _ip(f"-n {low} route add 10.98.0.0/16 via 10.98.{number}.254")
            _ip(f"-n {low} route add fd98::/16 via fd98:{number}::254")
        for place in ("10.98.1.0/24", "10.98.7.0/24", "fd98:1::/64"):
            via = "fd98:2::1" if ":" in place else "10.98.2.1"
            _ip(f"-n {two} route add {place} via {via}")
        _ip(f"-n {two} route add 10.98.5.0/24 via 10.98.4.1")
        _ip(f"-n {two} route add blackhole 10.98.8.0/24")
        _ip(f"-n {two} route add unreachable 10.98.9.0/24")
        yield near


def _join(low: str, high: str, number: int) -> None:
    """Join two namespaces: *low* gets the host number 1, *high* 254."""
    _ip(f"-n {low} link add u{number} type veth peer name d{number} netns {high}")
    for name, device, host in ((low, f"u{number}", "1"), (high, f"d{number}", "254")):
        _ip(f"-n {name} link set {device} up")
        _ip(f"-n {name} addr add 10.98.{number}.{host}/24 dev {device}")
        _ip(f"-n {name} addr add fd98:{number}::{host}/64 dev {device} nodad")


def _link(end: str, router: str, v4: str, v6: str, mtu: int) -> None:
    there = f"r{v4.replace('.', '')}"
    _ip(f"-n {end} link add up0 type veth peer name {there} netns {router}")
    # The far end has the host number 1 on one side and 2 on the other.
    host = v4[-1]
    for name, device, number in ((end, "up0", host), (router, there, "254")):
        _ip(f"-n {name} link set {device} mtu {mtu} up")
        _ip(f"-n {name} addr add {v4}.{number}/24 dev {device}")
        _ip(f"-n {name} addr add {v6}::{number}/64 dev {device} nodad")


Answer = Callable[[bytes], list[tuple[str, bytes]]]


@contextlib.contextmanager
def liar(answer: Answer) -> Iterator[None]:
    """Answer the echo requests of this thread's namespace with what *answer* says.

    *answer* gets the ICMP bytes and returns (source address, ICMP bytes) pairs.
    The kernel must have been told not to answer (icmp_echo_ignore_all).
    """
    ear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ear.settimeout(0.05)
    ear.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
    stop = threading.Event()
    mouths: dict[str, socket.socket] = {}

    def listen() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                packet, (asker, _) = ear.recvfrom(65536)
                icmp = packet[(packet[0] & 15) * 4 :]
                if icmp[0] == 8:
                    for source, said in answer(icmp):
                        if source not in mouths:
                            mouths[source] = _raw(source)
                        mouths[source].sendto(said, (asker, 0))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        ear.close()
        for sock in mouths.values():
            sock.close()


def _raw(source: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.bind((source, 0))
    return sock
