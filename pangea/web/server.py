"""Opening and closing the one port."""

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware
from aiohttp.web_protocol import RequestHandler

from pangea.core.errors import ConfigError

from .doorway import Doorway, Factory
from .route import Handler

#: A connection that has asked nothing for so long is closed, in seconds.
IDLE_S = 30.0
#: A new connection has so long for the head of its first request, in seconds.
HEAD_S = 15.0
#: The time that answers which are on their way get when the site stops, in seconds.
GRACE_S = 3.0
BACKLOG = 256


class OurFaults(logging.Filter):
    """Keeps bytes that are no HTTP out of the log: anybody could fill it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* is worth a line."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (HttpProcessingError, ConnectionError))


wire = logging.getLogger(f"{__name__}.wire")
wire.addFilter(OurFaults())


class Silence:
    """Ends connections that ask nothing; aiohttp waits for a first request for ever."""

    def __init__(self) -> None:
        self._silent: set[RequestHandler] = set()

    def watch(self, handler: RequestHandler) -> RequestHandler:
        """Give *handler* its time to hear the head of a first request."""
        self._silent.add(handler)
        asyncio.get_running_loop().call_later(HEAD_S, self._end, handler)
        return handler

    def _end(self, handler: RequestHandler) -> None:
        if handler in self._silent:
            self._silent.discard(handler)
            if handler.transport is not None:
                handler.transport.abort()

    def middleware(self) -> Middleware:
        """Return what hears the first request."""

        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._silent.discard(request.protocol)
            return await handler(request)

        return hear


class Listener(Protocol):
    """What takes connections until it is closed."""

    def close(self) -> None:
        """Take no more."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """A site that is being served; ``port`` is the real one."""

    runner: web.AppRunner
    listener: Listener
    host: str
    port: int
    secure: bool

    async def stop(self) -> None:
        """Take no more connections, end streams and links, finish what is asked."""
        self.listener.close()
        await self.runner.cleanup()


async def serve(
    app: web.Application, host: str, port: int, *, tls: ssl.SSLContext | None = None
) -> Running:
    """Serve *app*, with port 0 on any free port; returns as soon as it listens.

    Raises ConfigError if the address cannot be had, with what to do.
    """
    silence = Silence()
    app.middlewares.insert(0, silence.middleware())
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=IDLE_S,
        auto_decompress=False,
        shutdown_timeout=GRACE_S,
        logger=wire,
    )
    await runner.setup()
    server = runner.server
    assert server is not None, "a runner that is set up has a server"
    try:
        listener, real = await _listen(lambda: silence.watch(server()), host, port, tls)
    except (OSError, OverflowError) as error:
        await runner.cleanup()
        raise refused(error, host, port) from error
    return Running(runner, listener, host, real, tls is not None)


async def _listen(
    factory: Factory, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[Listener, int]:
    """Return what listens, and the port it has."""
    loop = asyncio.get_running_loop()
    if tls is None:
        plain = await loop.create_server(
            factory, host or None, port, backlog=BACKLOG, reuse_address=True
        )
        return plain, plain.sockets[0].getsockname()[1]
    found = await loop.getaddrinfo(
        host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with ExitStack() as opened:
        sockets = [
            opened.enter_context(socket.create_server(at, family=kind, backlog=BACKLOG))
            for kind, at in dict.fromkeys((kind, at) for kind, *_, at in found)
        ]
        opened.pop_all()
    for sock in sockets:
        sock.setblocking(False)
    return Doorway(sockets, factory, tls, HEAD_S), sockets[0].getsockname()[1]


def refused(error: Exception, host: str, port: int) -> ConfigError:
    """Say why nobody can listen on *host* and *port*, and the way out."""
    number = getattr(error, "errno", None)
    where = f"{host or '*'}:{port}"
    if number == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} is in use: another program listens on {where}",
            hint=f"give another with --listen {host or '0.0.0.0'}:{port + 1}, "
            f"or see who has it: ss -ltnp 'sport = :{port}'",
        )
    if number in (errno.EACCES, errno.EPERM):
        return ConfigError(
            f"not allowed to listen on {where}",
            hint="ports below 1024 need a right: give a higher one with --listen, "
            "or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit",
        )
    if number == errno.EADDRNOTAVAIL:
        return ConfigError(
            f"{host} is no address of this machine",
            hint="--listen 0.0.0.0:7464 listens on all; ip addr shows what there is",
        )
    words = error.strerror if isinstance(error, OSError) and error.strerror else error
    return ConfigError(
        f"cannot listen on {where}: {words}",
        hint="give --listen HOST:PORT with an address of this machine",
    )
