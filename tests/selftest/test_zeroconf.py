"""Discovery is tried where it may be: in a namespace of its own."""

import subprocess
import sys

import pytest

from tests.needs import need

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(120)]

PART = """
import asyncio
from pangea.selftest.parts import _zeroconf
print(asyncio.run(_zeroconf(multicast=True)))
"""


def test_it_hears_itself_on_a_link() -> None:
    need("netns")
    script = (
        "ip link set lo up; ip link add name one type veth peer name two;"
        " ip address add 10.213.0.1/24 dev one; ip link set one up; ip link set two up;"
        " sleep 0.5;"
        f" exec {sys.executable} -c '{PART}'"
    )
    ran = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert "heard ourselves at 10.213.0.1" in ran.stdout
