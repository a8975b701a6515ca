"""The two probers, and the servers that both are sent to."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.needs import need
from tests.oracle.blackbox import Blackbox, blackbox
from tests.oracle.table import ROUTED, SCENARIOS, Table
from tests.oracle.world import world
from tests.probes.namespaces import routed, sysctl


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """The servers, by the words of the scenarios."""
    need("prometheus-blackbox-exporter", "nginx", "unbound", "openssl")
    with world(tmp_path_factory.mktemp("oracle")) as made:
        yield made


@pytest.fixture(scope="session")
def oracle(
    words: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Blackbox]:
    """The blackbox_exporter, with a module for each scenario."""
    place = tmp_path_factory.mktemp("blackbox")
    with blackbox(place, SCENARIOS, words) as running:
        yield running


@pytest.fixture(scope="session")
def far_oracle(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Blackbox]]:
    """A namespace behind a router, and a blackbox_exporter in it."""
    need("prometheus-blackbox-exporter", "netns")
    place = tmp_path_factory.mktemp("routed")
    with routed(patient=True) as near:
        for name in _routers():
            # What all on the machine may say together, also of other tests.
            sysctl(name, "net.ipv4.icmp_msgs_per_sec", "100000")
            sysctl(name, "net.ipv4.icmp_msgs_burst", "10000")
        within = ("ip", "netns", "exec", near)
        with blackbox(place, ROUTED, {}, within=within) as running:
            yield near, running


def _routers() -> list[str]:
    """Return the namespaces of this process that are routers."""
    listed = subprocess.check_output(["ip", "netns", "list"], text=True, timeout=10)
    names = [line.split()[0] for line in listed.splitlines()]
    ours = f"pangea-{os.getpid()}-"
    return [n for n in names if n.startswith(ours) and n.endswith("-router")]


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """What was compared; printed at the end for ``pytest -s``."""
    table = Table()
    yield table
    print(f"\n\n{table}")
