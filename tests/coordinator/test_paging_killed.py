"""Killed at every stage of sending: nobody is told twice, and nobody is missed."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

KILLS = 50
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def receiver(aiohttp_server):
    """A real server that notes each message: its id, and what it tells."""
    got = []

    async def take(request):
        got.append((request.headers["X-Id"], request.headers["X-Told"].split(",")))
        await asyncio.sleep(0.01)
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/", take)
    server = await aiohttp_server(app)
    server.got = got
    return server


@pytest.mark.slow
async def test_killed_50_times_nobody_is_missed_and_nobody_told_twice(
    receiver, tmp_path
):
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.coordinator.paging_victim"),
        *(str(tmp_path), str(receiver.port), str(KILLS)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    said, _ = await victim.communicate()
    lines = said.decode().splitlines()
    assert sum(line.endswith("killed") for line in lines) == KILLS, lines
    # What tells by the same id is the same message: whoever gets it knows that.
    by_id = dict(receiver.got)
    told = Counter(what for tells in by_id.values() for what in tells)
    wanted = {f"i{n}/{step}" for n in range(KILLS) for step in ("down", "recovered")}
    assert set(told) == wanted, "nobody is missed"
    assert set(told.values()) == {1}, "nobody is told twice"
    again = len(receiver.got) - len(by_id)
    print(f"{KILLS} kills: {len(by_id)} messages, {again} of them came again")
    # A kill at another stage may hit a message that is on its way just then.
    assert again <= KILLS
