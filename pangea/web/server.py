"""Opening and closing the one port."""

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from pangea.core.errors import ConfigError

from .acceptor import Acceptor
from .doorway import Doorway, Factory
from .mesh import DoorGuard
from .route import Handler
from .threshold import HEAD_S, Lane, Silence, Threshold

#: A connection that has asked nothing for so long is closed, in seconds.
IDLE_S = 30.0
#: The time that answers which are on their way get when the site stops, in seconds.
GRACE_S = 3.0
#: Connections that wait to be accepted; a burst must not make the honest ones wait
#: for their second SYN.
BACKLOG = 1024
#: So many ports after a taken one are tried, to hint at one that is free.
_NEAR = 100


class OurFaults(logging.Filter):
    """Keeps bytes that are no HTTP out of the log: anybody could fill it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* is worth a line."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (HttpProcessingError, ConnectionError))


wire = logging.getLogger(f"{__name__}.wire")
wire.addFilter(OurFaults())


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
    app.middlewares.insert(0, hears(silence))
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
        guard, lane = DoorGuard(app), Lane()
        listener, real = await _listen(
            lambda: Threshold(server, guard, silence, lane), host, port, tls, guard
        )
    except (OSError, OverflowError) as error:
        await runner.cleanup()
        raise refused(error, host, port) from error
    return Running(runner, listener, host, real, tls is not None)


def hears(silence: Silence) -> Middleware:
    """Return what notes that a connection has asked something."""

    @web.middleware
    async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
        silence.end(request.transport)
        return await handler(request)

    return hear


async def _listen(
    factory: Factory,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    guard: DoorGuard,
) -> tuple[Listener, int]:
    """Return what listens, and the port it has."""
    with ExitStack() as opened:
        sockets = [
            opened.enter_context(socket.create_server(at, family=kind, backlog=BACKLOG))
            for kind, at in await _places(host or "0.0.0.0", port)
        ]
        opened.pop_all()
    for sock in sockets:
        sock.setblocking(False)
    real = sockets[0].getsockname()[1]
    if tls is None:
        return Acceptor(sockets, factory, guard.is_unheard), real
    return Doorway(sockets, factory, tls, HEAD_S, guard.is_unheard), real


async def _places(host: str, port: int) -> list[tuple[int, Any]]:
    """Return the families and socket addresses that *host* means."""
    with suppress(ValueError):
        return [(socket.AF_INET, (str(IPv4Address(host)), port))]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((kind, at) for kind, *_, at in found))


def _free(host: str, taken: int) -> int:
    """Return a port near *taken* that nobody listens on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(taken + 1, min(taken + _NEAR, 65536)):
        with suppress(OSError), socket.create_server((host, port), family=family):
            return port
    return 0


def refused(error: Exception, host: str, port: int) -> ConfigError:
    """Say why nobody can listen on *host* and *port*, and the way out."""
    number = getattr(error, "errno", None)
    where = f"{host or '*'}:{port}"
    if number == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} is in use: another program listens on {where}",
            hint=f"give another with --listen {host or '0.0.0.0'}:{_free(host, port)}, "
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
