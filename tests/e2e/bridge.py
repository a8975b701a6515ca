"""Hosts in network namespaces on one switch, made for a test and gone with it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=10)


@contextmanager
def switched(*hosts: str) -> Iterator[dict[str, str]]:
    """Yield the namespace of each host; they share the link 10.78.0.0/24.

    The first host is 10.78.0.1, the second 10.78.0.2 and so on. The bridge has a
    namespace of its own, so nothing of the machine's network is touched.
    """
    spaces = {host: f"pangea-{host}-{os.getpid()}" for host in hosts}
    switch = f"pangea-switch-{os.getpid()}"
    try:
        for name in (switch, *spaces.values()):
            _ip("netns", "add", name)
        _ip("-n", switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", switch, "link", "set", "br0", "up")
        for number, space in enumerate(spaces.values(), 1):
            _plug(switch, space, number)
        yield spaces
    finally:
        for name in (switch, *spaces.values()):
            _ip("netns", "del", name, check=False)


def _plug(switch: str, space: str, number: int) -> None:
    port, address = f"port{number}", f"10.78.0.{number}/24"
    cable = ("type", "veth", "peer", "eth0", "netns", space)
    _ip("-n", switch, "link", "add", port, *cable)
    _ip("-n", switch, "link", "set", port, "master", "br0")
    _ip("-n", switch, "link", "set", port, "up")
    _ip("-n", space, "link", "set", "eth0", "addrgenmode", "none")
    _ip("-n", space, "address", "add", address, "dev", "eth0")
    # Without the wait for duplicates, so that IPv6 works from the start.
    link_local = (f"fe80::78:{number}/64", "nodad")
    _ip("-n", space, "address", "add", *link_local, "dev", "eth0")
    for link in ("lo", "eth0"):
        _ip("-n", space, "link", "set", link, "up")
