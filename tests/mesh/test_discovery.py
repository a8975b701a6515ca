"""mDNS on a link that exists only for the test."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.mesh.namespaces import LEFT_ADDRESS, inside, ip, two_namespaces

pytestmark = [pytest.mark.netns, pytest.mark.slow]

NODE = Path(__file__).with_name("discovery_node.py")
ROOT = NODE.parents[2]
SECRET = bytes(range(32)).hex()
OTHER = bytes(range(1, 33)).hex()


@pytest.fixture
def namespaces():
    with two_namespaces() as names:
        yield names


@asynccontextmanager
async def node(namespace, *words, ready=True):
    """Run a node in *namespace* until the block ends; it has said if it is ready."""
    process = await asyncio.create_subprocess_exec(
        *inside(namespace, sys.executable, str(NODE), *map(str, words)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
    )
    try:
        process.heard_first = await hear(process)
        assert process.heard_first["ready"] is ready
        yield process
    finally:
        process.stdin.close()
        async with asyncio.timeout(40):
            await process.wait()


async def hear(process):
    async with asyncio.timeout(40):
        return json.loads(await process.stdout.readline())


async def hear_all(process):
    heard = []
    while "end" not in (said := await hear(process)):
        heard.append(said)
    return heard


@pytest.mark.alone
async def test_a_coordinator_on_the_link_is_found_within_3_seconds(namespaces):
    left, right = namespaces
    async with (
        node(left, "advertise", SECRET, 7464),
        node(right, "browse", SECRET, 20) as browser,
    ):
        found = await hear(browser)
        assert (found["host"], found["port"]) == (LEFT_ADDRESS, 7464)
        assert found["after"] < 3.0


async def test_a_coordinator_that_starts_later_is_found_too(namespaces):
    left, right = namespaces
    async with node(right, "browse", SECRET, 20) as browser:
        await asyncio.sleep(1)
        async with node(left, "advertise", SECRET, 7464):
            assert (await hear(browser))["host"] == LEFT_ADDRESS


async def test_the_tag_is_renewed_with_the_hours(namespaces):
    left, right = namespaces
    async with (
        node(left, "advertise_for_hours", SECRET, 7464),
        node(right, "browse_hours_later", SECRET, 20) as browser,
    ):
        assert (await hear(browser))["host"] == LEFT_ADDRESS


async def test_each_valid_secret_has_an_advert_of_its_own(namespaces):
    left, right = namespaces
    async with (
        node(left, "rotate", SECRET, 7464),
        node(right, "browse", OTHER, 20) as fresh,
        node(right, "browse", SECRET, 20) as straggler,
    ):
        for browser in (fresh, straggler):
            found = await hear(browser)
            assert found["host"] == LEFT_ADDRESS
            assert found["after"] < 5


async def test_an_interface_that_comes_up_later_is_used(namespaces):
    left, right = namespaces
    ip("-n", right, "address", "flush", "dev", "eth0")
    async with (
        node(left, "advertise", SECRET, 7464),
        node(right, "browse_often", SECRET, 20) as browser,
    ):
        ip("-n", right, "address", "add", "10.77.0.2/24", "dev", "eth0")
        assert (await hear(browser))["host"] == LEFT_ADDRESS


async def test_a_candidate_is_offered_again_after_a_rescan(namespaces):
    left, right = namespaces
    async with (
        node(left, "advertise", SECRET, 7464),
        node(right, "browse_often", SECRET, 20) as browser,
    ):
        while (await hear(browser))["host"] != LEFT_ADDRESS:
            pass
        while (await hear(browser))["host"] != LEFT_ADDRESS:
            pass


async def test_without_any_interface_the_error_says_what_to_do(namespaces):
    left, _ = namespaces
    for link in ("eth0", "lo"):
        ip("-n", left, "link", "set", link, "down")
        ip("-n", left, "address", "flush", "dev", link)
    async with node(left, "advertise", SECRET, 7464, ready=False) as advertiser:
        heard = advertiser.heard_first
    assert "no multicast" in heard["error"]
    assert "--join" in heard["hint"]


async def test_forged_adverts_are_ignored_and_the_true_one_is_found(namespaces):
    left, right = namespaces
    async with (
        node(left, "forge", SECRET, 7777),
        node(left, "advertise", OTHER, 7778),
        node(left, "advertise", SECRET, 7464),
        node(right, "browse", SECRET, 3) as browser,
    ):
        found = await hear_all(browser)
    assert {f["port"] for f in found} == {7464}
    assert found[0]["host"] == LEFT_ADDRESS


async def test_a_goodbye_ends_the_advert(namespaces):
    left, right = namespaces
    async with node(right, "watch", SECRET, 20) as watcher:
        async with node(left, "advertise", SECRET, 7464):
            assert (await hear(watcher))["state"] == "Added"
        assert (await hear(watcher))["state"] == "Removed"


async def test_a_link_local_address_that_was_found_can_be_dialled(namespaces):
    left, right = namespaces
    async with (
        node(left, "serve", "::", 7464) as server,
        node(left, "advertise", SECRET, 7464),
        node(right, "browse", SECRET, 20) as browser,
    ):
        while not (host := (await hear(browser))["host"]).startswith("fe80:"):
            pass
        assert "%" in host
        async with node(right, "knock", host, 7464):
            heard = await hear(server)
    assert bytes.fromhex(heard["received"]) == b"knock"
