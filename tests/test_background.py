"""The long tasks of a node: how they end, and what is said of it."""

import asyncio
import gc
from contextlib import AsyncExitStack

import pytest

from pangea.background import Background, heed_cancel
from pangea.core.errors import ConfigError, StorageError


async def failing():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(refused())


async def refused():
    raise StorageError("the database refused: full")


async def test_a_task_that_failed_while_another_error_came_is_told_in_a_line(caplog):
    problems = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))

    async def start():
        async with AsyncExitStack() as stack:
            Background(stack).start(failing(), "coordinator")
            await asyncio.sleep(0.01)
            raise ConfigError("cannot write url")

    with pytest.raises(ConfigError, match="url"):
        await start()
    gc.collect()
    await asyncio.sleep(0)
    assert problems == []
    assert "coordinator failed: the database refused: full" in caplog.text
    assert "Traceback" not in caplog.text


async def test_what_ended_a_task_is_raised_plainly():
    async with AsyncExitStack() as stack:
        background = Background(stack)
        background.start(failing(), "coordinator")
        with pytest.raises(StorageError):
            await background.until_signal()


async def test_a_task_whose_group_fails_as_it_is_cancelled_still_ends():
    rounds = 0

    async def fail(when):
        await when.wait()
        raise ValueError("the peer went on about it")

    async def serve_for_ever():
        nonlocal rounds
        while True:
            rounds += 1
            when = asyncio.Event()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail(when))
                    asyncio.get_running_loop().call_soon(when.set)
                    asyncio.get_running_loop().call_soon(running.cancel)
            except* ValueError:
                pass
            heed_cancel()

    running = asyncio.create_task(serve_for_ever())
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(2):
            await running
    assert rounds == 1
