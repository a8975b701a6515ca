"""The rule for skipping: say how to get what is missing, or fail if all must run."""

import functools
import os
import shutil
import socket
import subprocess
import sys
from typing import NoReturn

import pytest

from tests.ports import has_ipv6
from tests.postgres import has_postgres

#: A program by its name on PATH, and the Debian package that has it.
PROGRAMS = {
    "faketime": "faketime",
    "ip": "iproute2",
    "lintian": "lintian",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "strace": "strace",
    "systemd-analyze": "systemd",
    "unbound": "unbound",
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def need(*what: str) -> None:
    """Go on if the machine has all of *what*; else skip, or fail under TEST_ALL.

    Knows ``chromium``, ``netns``, ``root``, ``icmp``, ``ipv6``, ``postgres`` and
    PROGRAMS.
    """
    for one in what:
        how = _lacks(one)
        if how:
            _stop(f"{one} is missing: {how}")


def chromium() -> str:
    """Return the path of Chromium, after ``need("chromium")``."""
    need("chromium")
    return next(path for path in map(shutil.which, CHROMIUM) if path)


def _stop(line: str) -> NoReturn:
    if os.environ.get("PANGEA_TEST_ALL") == "1":
        pytest.fail(f"{line} (PANGEA_TEST_ALL=1 skips nothing)", pytrace=False)
    pytest.skip(line)


@functools.cache
def _lacks(what: str) -> str:
    """Return how to get *what*, or "" if it is there."""
    if what in PROGRAMS:
        found = shutil.which(what, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        return "" if found else f"apt-get install {PROGRAMS[what]}"
    found, how = CHECKS[what]
    return "" if found() else how


def _has_chromium() -> bool:
    return any(shutil.which(name) for name in CHROMIUM)


def _is_root() -> bool:
    return os.geteuid() == 0


def _can_make_namespaces() -> bool:
    if sys.platform != "linux" or not _is_root() or _lacks("ip"):
        return False
    tried = subprocess.run(
        ["unshare", "--net", "true"], capture_output=True, timeout=10, check=False
    )
    return tried.returncode == 0


def _can_ping() -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except OSError:
            continue
        return True
    return False


CHECKS = {
    "chromium": (_has_chromium, "apt-get install chromium"),
    "icmp": (_can_ping, "run as root, or sysctl net.ipv4.ping_group_range='0 65535'"),
    "ipv6": (has_ipv6, "sysctl net.ipv6.conf.lo.disable_ipv6=0"),
    "netns": (
        _can_make_namespaces,
        "run as root on Linux, with iproute2 (sudo make test)",
    ),
    "postgres": (
        has_postgres,
        "apt-get install postgresql, and make setup for its driver",
    ),
    "root": (_is_root, "run as root (sudo make test)"),
}
