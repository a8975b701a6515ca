"""Hosts and routers in network namespaces, with whatever links a test wants."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: What `ip netns exec` mounts over /etc for one namespace.
ETC = Path("/etc/netns")


def ip(*words: str, check: bool = True) -> None:
    """Run ip(8); none of our commands touches the machine's own network."""
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=10)


@contextmanager
def hosts(*names: str) -> Iterator[dict[str, str]]:
    """Yield the namespaces of *names*, each with loopback and nothing else."""
    spaces = {name: f"pangea-{name}-{os.getpid()}" for name in names}
    try:
        for space in spaces.values():
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        yield spaces
    finally:
        for space in spaces.values():
            ip("netns", "del", space, check=False)
            shutil.rmtree(ETC / space, ignore_errors=True)


def cable(one: str, other: str, name: str) -> None:
    """Join two namespaces by a cable whose ends are both called *name*, and up.

    Without an address; IPv6 makes itself none either.
    """
    ends = ("type", "veth", "peer", name, "netns", other)
    ip("-n", one, "link", "add", name, *ends)
    for space in (one, other):
        ip("-n", space, "link", "set", name, "addrgenmode", "none")
        ip("-n", space, "link", "set", name, "up")


def address(space: str, name: str, *texts: str) -> None:
    """Give an interface addresses; those of IPv6 count at once."""
    for text in texts:
        now = ("nodad",) if ":" in text else ()
        ip("-n", space, "address", "add", text, *now, "dev", name)


def route(space: str, by: str) -> None:
    """Send what is not near to *by*."""
    ip("-n", space, "route", "add", "default", "via", by)


def forward(space: str) -> None:
    """Let *space* be a router; it forwards no multicast, as routers do."""
    inside = ["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.ip_forward=1"]
    subprocess.run(inside, check=True, capture_output=True, timeout=10)


def resolve_at(space: str, server: str, search: str) -> None:
    """Let *space* ask the name server *server*, in the domain *search*."""
    place = ETC / space
    place.mkdir(parents=True)
    text = f"nameserver {server}\nsearch {search}\n"
    (place / "resolv.conf").write_text(text)
