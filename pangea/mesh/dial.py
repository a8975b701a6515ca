"""Opening a channel to another node: an aiohttp client on its ``/mesh``."""

import asyncio
import os
import re
from ipaddress import IPv6Address
from types import SimpleNamespace

import aiohttp
from yarl import URL

from pangea.core.errors import Unreachable, UsageError
from pangea.core.text import safe_text
from pangea.mesh.channel import MAX_MESSAGE, WebSocketChannel

DEFAULT_PORT = 7464
_JOIN = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)\]"
    r"|(?P<host>[A-Za-z0-9_.-]{1,253}))(?::(?P<port>\d{1,5}))?"
    r"|(?P<bare>[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)",
    re.ASCII,
)
_CLOSING = aiohttp.ClientWSTimeout(ws_close=2.0)


async def dial(host: str, port: int, *, timeout: float = 5.0) -> WebSocketChannel:
    """Return a channel to ``http://host:port/mesh``, or raise `Unreachable`.

    *timeout* is in seconds, for resolving, connecting and upgrading together.
    """
    where = show_address(host, port)
    session = aiohttp.ClientSession(trace_configs=[_no_redirects()])
    try:
        async with asyncio.timeout(timeout):
            websocket = await session.ws_connect(
                URL.build(scheme="http", host=host, port=port, path="/mesh"),
                compress=0,
                max_msg_size=MAX_MESSAGE,
                heartbeat=None,
                timeout=_CLOSING,
            )
    except TimeoutError as error:
        await session.close()
        raise Unreachable(f"{where} does not answer within {timeout:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        await session.close()
        raise Unreachable(f"{where} cannot be reached: {_cause(error)}") from error
    except BaseException:
        await session.close()
        raise
    return WebSocketChannel(websocket, after_close=session.close)


def parse_join(text: str) -> tuple[str, int]:
    """Return (host, port) of ``host``, ``host:port``, ``[v6]:port`` or a URL.

    The port is 7464 if none is given. Raises `UsageError`.
    """
    given = text.strip()
    if given.startswith("pangea-join-"):
        raise UsageError(
            "join tokens are not known to this version",
            hint="give the coordinator's address: --join HOST[:PORT]",
        )
    given = re.sub(r"^http://|/$", "", given)
    match = _JOIN.fullmatch(given)
    if match is None:
        raise _no_address(text)
    host = match["bracketed"] or match["bare"] or match["host"]
    port = int(match["port"] or DEFAULT_PORT)
    if not 1 <= port <= 65_535 or (":" in host and not _is_ipv6(host)):
        raise _no_address(text)
    return host, port


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def show_address(host: str, port: int) -> str:
    """Return ``host:port`` such that `parse_join` reads it again."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _no_address(text: str) -> UsageError:
    return UsageError(
        f"{safe_text(text, 80)} is not an address to join",
        hint="write HOST, HOST:PORT or [IPV6]:PORT; the port is 7464 by default",
    )


def _no_redirects() -> aiohttp.TraceConfig:
    # Whoever answers may be anybody: it must not send us to somebody else.
    async def refuse(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestRedirectParams,
    ) -> None:
        raise aiohttp.ClientError("it redirects, which no Pangea port does")

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config


def _cause(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        if error.status in (429, 503):
            return f"it takes no connections from here now (HTTP {error.status})"
        return f"it answers HTTP {error.status}; is that a Pangea port?"
    if isinstance(error, aiohttp.ClientConnectorError):
        number, text = error.os_error.errno, error.os_error.strerror
        # asyncio puts its own words in the place of the system's; of a resolver's
        # error, whose numbers are negative, it does not.
        return os.strerror(number) if number and number > 0 else safe_text(text)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    return safe_text(error) or type(error).__name__
