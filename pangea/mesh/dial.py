"""Opening a channel to another node: an aiohttp client on its ``/mesh``."""

import asyncio
import os
import re
from ipaddress import IPv6Address
from types import SimpleNamespace
from typing import NamedTuple

import aiohttp
from yarl import URL

from pangea.core.errors import Unreachable, UsageError
from pangea.core.text import safe_text
from pangea.mesh.channel import MAX_MESSAGE, WebSocketChannel
from pangea.mesh.tls_binding import (
    BOUND_PROTOCOL,
    PLAIN,
    PROXIED,
    PROXIED_PROTOCOL,
    client_context,
    prologue,
)

DEFAULT_PORT = 7464
_JOIN = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)\]"
    r"|(?P<host>[A-Za-z0-9_.-]{1,253}))(?::(?P<port>\d{1,5}))?"
    r"|(?P<bare>[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)",
    re.ASCII,
)
_SCHEME = re.compile(r"(?:(https?|wss?)://)?(.*?)/?", re.DOTALL)
_CLOSING = aiohttp.ClientWSTimeout(ws_close=2.0)


class Address(NamedTuple):
    """Where a node listens; ``tls`` if it must be reached by TLS.

    Without, it is tried in the clear, and by TLS if that is what answers there.
    """

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        """Return text that `parse_join` reads again."""
        shown = show_address(self.host, self.port)
        return f"https://{shown}" if self.tls else shown


class TurnedAway(Unreachable):
    """It answers, and takes no connections from here now."""


class SpeaksTls(Unreachable):
    """The port was asked in the clear and wants TLS."""


async def dial(
    address: Address, *, timeout: float = 5.0, ca_file: str = ""
) -> WebSocketChannel:
    """Return a channel to ``/mesh`` at *address*, or raise `Unreachable`.

    *timeout* is in seconds, for resolving, connecting and upgrading together.
    With *ca_file* a certificate must also be one that it vouches for.
    """
    try:
        async with asyncio.timeout(timeout):
            try:
                return await _open(address, ca_file)
            except SpeaksTls:
                # Never the other way round: who says https gets nothing less.
                return await _open(address._replace(tls=True), ca_file)
    except TimeoutError as error:
        raise Unreachable(f"{address} does not answer within {timeout:g} s") from error


async def _open(address: Address, ca_file: str) -> WebSocketChannel:
    scheme, host, port = "https" if address.tls else "http", *address[:2]
    session = aiohttp.ClientSession(trace_configs=[_no_redirects()])
    try:
        websocket = await session.ws_connect(
            URL.build(scheme=scheme, host=host, port=port, path="/mesh"),
            compress=0,
            max_msg_size=MAX_MESSAGE,
            heartbeat=None,
            timeout=_CLOSING,
            ssl=client_context(ca_file) if address.tls else True,
            protocols=(BOUND_PROTOCOL, PROXIED_PROTOCOL) if address.tls else (),
        )
    except (aiohttp.ClientError, OSError, ValueError) as error:
        await session.close()
        if _wants_tls(error) and not address.tls:
            raise SpeaksTls(f"{address} speaks TLS") from error
        kind = TurnedAway if _turns_away(error) else Unreachable
        raise kind(f"{address} cannot be reached: {_cause(error)}") from error
    except BaseException:
        await session.close()
        raise
    return WebSocketChannel(
        websocket, session.close, _prologue(websocket) if address.tls else PLAIN
    )


def _turns_away(error: Exception) -> bool:
    answered = isinstance(error, aiohttp.WSServerHandshakeError)
    return answered and getattr(error, "status", 0) in (429, 503)


def _wants_tls(error: Exception) -> bool:
    return isinstance(error, aiohttp.WSServerHandshakeError) and error.status == 426


def _prologue(websocket: aiohttp.ClientWebSocketResponse) -> bytes:
    """Return what binds the handshake: the certificate that we were shown."""
    if websocket.protocol == PROXIED_PROTOCOL:
        return PROXIED
    shown = websocket.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return prologue(shown or b"")


def parse_join(text: str) -> Address:
    """Return the address that ``host``, ``host:port``, ``[v6]:port`` or a URL is.

    ``https://`` and ``wss://`` mean TLS. The port is 7464 if none is given, as it
    is without a scheme. Raises `UsageError`.
    """
    given = text.strip()
    if given.startswith("pangea-join-"):
        raise UsageError(
            "a join token is no address",
            hint="give it to a worker: pangea run --role worker --join TOKEN",
        )
    schemed = _SCHEME.fullmatch(given)
    scheme, bare = schemed.groups() if schemed else ("", "")
    match = _JOIN.fullmatch(bare)
    if match is None:
        raise _no_address(text)
    host = match["bracketed"] or match["bare"] or match["host"]
    port = int(match["port"] or DEFAULT_PORT)
    if not 1 <= port <= 65_535 or (":" in host and not _is_ipv6(host)):
        raise _no_address(text)
    return Address(host, port, scheme in ("https", "wss"))


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
        hint="write HOST, HOST:PORT, [IPV6]:PORT or https://HOST:PORT; "
        "the port is 7464 by default",
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
        if _turns_away(error):
            return f"it takes no connections from here now (HTTP {error.status})"
        return f"it answers HTTP {error.status}; is that a Pangea port?"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        words = getattr(error.certificate_error, "verify_message", "")
        return f"its certificate is not one that ca_file vouches for: {words}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        reason = getattr(error.os_error, "reason", "") or "it fails"
        return f"no TLS there: {safe_text(reason).lower().replace('_', ' ')}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number, text = error.os_error.errno, error.os_error.strerror
        # asyncio puts its own words in the place of the system's; of a resolver's
        # error, whose numbers are negative, it does not.
        return os.strerror(number) if number and number > 0 else safe_text(text)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    return safe_text(error) or type(error).__name__
