"""Hosts of the lab: network namespaces on two switches with a router between.

The *core* (10.79.0.0/24) has the coordinator, the target and the relay; the *site*
(10.79.1.0/24) has the workers. Workers reach the target through the router, and the
coordinator through the relay. Nothing of the machine's own network is touched.
"""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x4000_0000
CORE, SITE = "10.79.0", "10.79.1"
COORDINATOR, TARGET, RELAY = f"{CORE}.1", f"{CORE}.2", f"{CORE}.3"
ROUTER = 254


def ip(*words: str, check: bool = True) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=10)


class Hosts:
    """The namespaces, each under its host's name; ``address`` has what they own."""

    def __init__(self, workers: tuple[str, ...]) -> None:
        self.workers = workers
        self.address = {
            "coordinator": COORDINATOR,
            "target": TARGET,
            "relay": RELAY,
            **{name: f"{SITE}.{n}" for n, name in enumerate(workers, 1)},
        }
        names = (*self.address, "router", "core", "site")
        self.space = {name: f"lab-{name}-{os.getpid()}" for name in names}
        self._inside: dict[str, ThreadPoolExecutor] = {}

    def make(self) -> None:
        """Make the hosts, plug them in, and route between the two nets."""
        for space in self.space.values():
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        for switch in ("core", "site"):
            ip("-n", self.space[switch], "link", "add", "br0", "type", "bridge")
            ip("-n", self.space[switch], "link", "set", "br0", "up")
        for name, address in self.address.items():
            net, _, _ = address.rpartition(".")
            self._plug("core" if net == CORE else "site", name, address)
            way = ("route", "add", "default", "via", f"{net}.{ROUTER}")
            ip("-n", self.space[name], *way)
        self._plug("core", "router", f"{CORE}.{ROUTER}")
        self._plug("site", "router", f"{SITE}.{ROUTER}")
        self.call("router", _forward)

    def drop(self, source: str, to: str) -> None:
        """Let the router lose, without a word, what *source* sends *to* a host."""
        self._rule("add", source, to)

    def carry(self, source: str, to: str) -> None:
        """Let the router carry that again."""
        self._rule("del", source, to)

    def command(self, host: str, *words: str) -> list[str]:
        """Return *words* as a command that runs on *host*."""
        return ["nsenter", f"--net=/run/netns/{self.space[host]}", *words]

    def call(self, host: str, what: Callable[..., T], *arguments: Any) -> T:
        """Return what a function returns on *host*, where its sockets are made."""
        if host not in self._inside:
            path = f"/run/netns/{self.space[host]}"
            self._inside[host] = ThreadPoolExecutor(1, host, _enter, (path,))
        return self._inside[host].submit(what, *arguments).result()

    def close(self) -> None:
        """Remove every host."""
        for thread in self._inside.values():
            thread.shutdown()
        for space in self.space.values():
            ip("netns", "del", space, check=False)

    def _rule(self, verb: str, source: str, to: str) -> None:
        ends = ("from", self.address[source], "to", self.address[to])
        ip("-n", self.space["router"], "rule", verb, *ends, "blackhole")

    def _plug(self, switch: str, host: str, address: str) -> None:
        space, hub = self.space[host], self.space[switch]
        port, plug = f"p-{host}", f"{switch}0"
        cable = ("type", "veth", "peer", plug, "netns", space)
        ip("-n", hub, "link", "add", port, *cable)
        ip("-n", hub, "link", "set", port, "master", "br0")
        ip("-n", hub, "link", "set", port, "up")
        ip("-n", space, "address", "add", f"{address}/24", "dev", plug)
        ip("-n", space, "link", "set", plug, "up")


@contextmanager
def hosts(*workers: str) -> Iterator[Hosts]:
    """Make the hosts of a lab with these *workers*; they are gone with the block."""
    made = Hosts(workers)
    try:
        made.make()
        yield made
    finally:
        made.close()


def _forward() -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _enter(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")
    finally:
        os.close(handle)
