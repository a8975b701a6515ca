"""Starts OpenSSL's own TLS server, which can do what Python's cannot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

SServer = Callable[..., Awaitable[int]]


@asynccontextmanager
async def servers() -> AsyncIterator[SServer]:
    """Give a way to start servers: ``port = await start("-cert", path, …)``."""
    async with AsyncExitStack() as stack:

        async def start(*options: object) -> int:
            return await stack.enter_async_context(_server(*map(str, options)))

        yield start


@asynccontextmanager
async def _server(*options: str) -> AsyncIterator[int]:
    # fmt: off
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_server", "-accept", "127.0.0.1:0", *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    # fmt: on
    try:
        yield await asyncio.wait_for(_port(process.stdout), 10)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _port(said: asyncio.StreamReader) -> int:
    heard = []
    while line := await said.readline():
        heard.append(line)
        if line.startswith(b"ACCEPT"):
            return int(line.rpartition(b":")[2])
    raise AssertionError(b"".join(heard).decode())
