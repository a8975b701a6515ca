"""The whole agent, against a coordinator that misbehaves."""

import asyncio
import contextlib

import pytest

from pangea.mesh.messages import Welcome
from tests.worker.stub import StubCoordinator, make_agent


@pytest.fixture
async def cluster(tmp_path):
    """Start a coordinator and an agent; returns how, and stops them after."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(serve, spool=None):
            coordinator = await StubCoordinator(tmp_path, serve).start()
            stack.push_async_callback(coordinator.stop)
            agent = await make_agent(tmp_path, coordinator.port, spool)
            running = asyncio.create_task(agent.run())

            async def end():
                await agent.stop(patience_s=0.1)
                running.cancel()
                await asyncio.wait([running])

            stack.push_async_callback(end)
            return coordinator, agent, running

        yield start


@pytest.mark.slow
async def test_links_that_end_at_once_are_no_storm(cluster):
    async def drive_out(link):
        await link.send(Welcome("approved", b"", 1, "w", {}))

    coordinator, _, _ = await cluster(drive_out)
    await asyncio.sleep(2)

    # Waits of up to 1, 2, 4 and 8 s; without them there are hundreds.
    assert 1 <= coordinator.links <= 12
