"""The long tasks of a node: how they end, and what is said of it."""

import asyncio
import gc
from contextlib import AsyncExitStack

import pytest

from pangea.background import Background
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


async def test_what_ended_a_task_is_raised_plainly_and_told_once(caplog):
    async with AsyncExitStack() as stack:
        background = Background(stack)
        background.start(failing(), "coordinator")
        with pytest.raises(StorageError):
            await background.until_signal()
    assert caplog.text == ""
