"""One HTTP call of a message: to a judged address, no redirects, bounded answers."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from aiohttp import AddrInfoType, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pangea import __version__
from pangea.core.address_rule import AddressRule
from pangea.core.text import safe_text

from .notifier import NotSent, Refused
from .place import Place, find, in_words, refuse_literal
from .retry_after import retry_after

#: So much of an answer is read; the rest is never asked for.
MAX_ANSWER = 64 * 1024
#: Answers that say nothing against trying again, though they are 4xx.
_LATER = {408, 425, 429}
#: Where systems keep the certificates of authorities.
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Call(NamedTuple):
    """What is sent; with a *fingerprint* (SHA-256) that certificate alone counts."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    fingerprint: str = ""


class Answer(NamedTuple):
    """What came back: at most MAX_ANSWER bytes of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpSender:
    """Makes calls; each has a connection of its own."""

    def __init__(self, rule: AddressRule | None = None, proxy: str = "") -> None:
        self._rule = rule or AddressRule()
        self._proxy = proxy

    async def send(self, call: Call) -> Answer:
        """Return what a good answer (2xx) was.

        Raises NotSent for what may pass, Refused for what will not. Whoever calls
        bounds the time.
        """
        url = URL(call.url)
        context = await self._trust(call.fingerprint) if url.scheme == "https" else True
        places = [] if self._proxy else await self._places(url)
        try:
            answer = await self._ask(call, url, places, context)
        except aiohttp.ServerFingerprintMismatch as error:
            raise Refused("its certificate is not that of tls_fingerprint") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotSent(_why(error, url)) from error
        return judged(answer)

    def possible(self, url: str) -> None:
        """Raise Refused if *url* names an address that is closed. Asks nobody."""
        if not self._proxy:
            refuse_literal(URL(url).host or "", self._rule)

    async def _places(self, url: URL) -> list[Place]:
        host = url.host or ""
        return await find(host, url.port or 0, self._rule)

    async def _ask(
        self, call: Call, url: URL, places: list[Place], trust: Any
    ) -> Answer:
        headers = {
            "User-Agent": f"Pangea/{__version__}",
            "Accept-Encoding": "identity",
            **call.headers,
        }
        async with (
            aiohttp.ClientSession(
                connector=self._connector(places),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
            ) as session,
            session.request(
                call.method,
                url,
                headers=headers,
                data=call.body or None,
                allow_redirects=False,
                proxy=self._proxy or None,
                ssl=trust,
            ) as response,
        ):
            body = await _bounded(response)
            # Never back into a pool, and never read to its end.
            response.close()
            return Answer(response.status, response.headers, body)

    def _connector(self, places: list[Place]) -> TCPConnector:
        if self._proxy:
            return TCPConnector(force_close=True, use_dns_cache=False)
        return TCPConnector(
            resolver=Found(places),
            use_dns_cache=False,
            force_close=True,
            socket_factory=self._socket,
        )

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """Open a socket, but none to what is closed, however it came here."""
        if refusal := self._rule.refusal(str(info[4][0])):
            raise PermissionError(refusal)
        sock = socket.socket(info[0], info[1], info[2])
        sock.setblocking(False)
        return sock

    async def _trust(self, fingerprint: str) -> Any:
        """Return whom TLS trusts; the system's authorities take time to load."""
        if fingerprint:
            return aiohttp.Fingerprint(bytes.fromhex(fingerprint.replace(":", "")))
        return await asyncio.to_thread(trusting_context)


class Found(AbstractResolver):
    """Knows what was looked up and judged before, and nothing else."""

    def __init__(self, places: list[Place]) -> None:
        self._places = places

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        """Return the judged addresses, whatever *host* is called here."""
        return [
            ResolveResult(
                hostname=host,
                host=place.address,
                port=port,
                family=place.family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for place in self._places
        ]

    async def close(self) -> None:
        """Nothing is held."""


@functools.cache
def trusting_context() -> ssl.SSLContext:
    """Return the context that trusts the system's authorities, as they were at first.

    To load them takes 30 ms: call it in a thread.
    """
    context = ssl.create_default_context()
    if not context.get_ca_certs():
        # As in a program that was built on another system.
        for path in filter(Path.is_file, map(Path, _CA_FILES)):
            context.load_verify_locations(path)
            break
    return context


def judged(answer: Answer) -> Answer:
    """Return *answer* if it is good; else raise NotSent or Refused, in words."""
    status = answer.status
    if 200 <= status < 300:
        return answer
    said = f"it answered {status}"
    if 300 <= status < 400:
        there = safe_text(answer.headers.get("Location", ""), 200)
        raise Refused(
            f"{said}: it is elsewhere ({there or 'it does not say where'})",
            hint="redirects are not followed: put that address into the channel",
        )
    if excerpt := safe_text(answer.body.strip(), 200):
        said = f"{said}: {excerpt}"
    if status in _LATER or status >= 500:
        raise NotSent(said, retry_after_s=retry_after(answer.headers, answer.body))
    raise Refused(said)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) >= MAX_ANSWER:
            break
    return bytes(body[:MAX_ANSWER])


def _why(error: Exception, url: URL) -> str:
    where = f"{safe_text(url.host, 100)}:{url.port}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        said = safe_text(error.certificate_error, 200)
        return f"the certificate of {where} is not trusted: {said}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return f"{where} hung up without an answer"
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return f"sending to {where}: {in_words(inner)}"
