"""Two network namespaces on one cable, made for a test and gone with it."""

import os
import subprocess
from contextlib import contextmanager

LEFT_ADDRESS = "10.77.0.1"


def ip(*words, check=True):
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=10)


@contextmanager
def two_namespaces():
    """Yield (left, right), names of namespaces joined by a veth pair."""
    left, right = f"pangea-l{os.getpid()}", f"pangea-r{os.getpid()}"
    try:
        for name in (left, right):
            ip("netns", "add", name)
        ip("-n", left, "link", "add", "eth0", "type", "veth", "peer", "eth0",
           "netns", right)  # fmt: skip
        for number, name in enumerate((left, right), start=1):
            # Without the wait for duplicates, so that IPv6 works from the start.
            addresses = (f"10.77.0.{number}/24",), (f"fe80::77:{number}/64", "nodad")
            ip("-n", name, "link", "set", "eth0", "addrgenmode", "none")
            for address in addresses:
                ip("-n", name, "address", "add", *address, "dev", "eth0")
            for link in ("lo", "eth0"):
                ip("-n", name, "link", "set", link, "up")
        yield left, right
    finally:
        for name in (left, right):
            ip("netns", "del", name, check=False)


def inside(namespace, *command):
    """Return *command* as it is run inside *namespace*."""
    return ["ip", "netns", "exec", namespace, *command]
