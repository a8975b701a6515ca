"""What the tests of probes share: real servers on loopback, and one way to ask."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trustme
import uvloop

from pangea.core.model import Result
from pangea.probes import wire
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Result]]

#: test files whose tests run on either event loop, as workers do
ON_BOTH = {"test_http.py", "test_tls.py", "test_tcp.py"}
ON_BOTH |= {"test_http_h2.py", "test_http_nginx.py", "test_http_ways.py"}


def pytest_asyncio_loop_factories(config, item):
    """Say on which event loops a test runs."""
    loops = {"asyncio": asyncio.new_event_loop}
    if item.path.name in ON_BOTH:
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    tools = Tools()
    yield tools
    await tools.close()


@pytest.fixture
def ask(tools: Tools) -> Ask:
    """Run a probe once, as a worker does: ``await ask("http", url, method="HEAD")``."""

    async def asked(
        type_: str, target: str, timeout_s: float = 5, **options: object
    ) -> Result:
        probe = make_probe(type_, target, options)
        return await run_once(probe, tools, SystemClock(), job=1, timeout_s=timeout_s)

    return asked


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a TCP server on loopback and return its port; bytes are an answer.

    A handler may fail as it likes: the client sees a closed connection.
    """
    servers: list[asyncio.Server] = []
    busy: set[asyncio.Task[None]] = set()

    async def handle(handler, reader, writer) -> None:
        busy.add(asyncio.current_task())
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def start(handler: Handler | bytes, tls: ssl.SSLContext | None = None) -> int:
        wanted = canned(handler) if isinstance(handler, bytes) else handler

        async def serve_one(reader, writer) -> None:
            await handle(wanted, reader, writer)

        server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


def canned(answer: bytes) -> Handler:
    """Read one request and answer the same to everybody."""

    async def handler(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return handler


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's side of TLS for 127.0.0.1 and localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def open_sockets() -> int:
    """How many sockets this process holds open, with the one that it always keeps."""
    wire._keep_stamping()
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
        except OSError:
            continue
    return count
