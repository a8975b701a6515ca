"""One HTTP/1.1 exchange on a connection of its own, every phase measured."""

from typing import NamedTuple

from .base import Trace
from .certificates import Facts
from .connect import Stream, connect, resolve
from .http_reader import HttpReader
from .http_request import Request
from .tls_engine import TlsEngine


class Answer(NamedTuple):
    """A complete response and, over TLS, the certificates that came with it."""

    head: HttpReader
    chain: tuple[Facts, ...]


async def fetch(request: Request, tls: TlsEngine, trace: Trace) -> Answer:
    """Return the answer to *request*, asked on one address and a new connection.

    The phases are resolve, connect, tls, first_byte and transfer. Raises
    ProbeFailed or ProbeError; the connection is closed however it ends.
    """
    url = request.url
    address = await resolve(url.host, request.family, trace)
    wire = await connect(address, url.port, trace)
    try:
        stream: Stream = wire
        chain: tuple[Facts, ...] = ()
        if url.scheme == "https":
            name = request.server_name or url.host
            stream = secured = await tls.open(wire, name, trace, ("http/1.1",))
            chain = tls.accept(
                secured, name, trace, verify=request.verify, ca_file=request.ca_file
            )
        stream.write(request.wire())
        return Answer(await _read(stream, request, trace), chain)
    finally:
        wire.close()


async def _read(stream: Stream, request: Request, trace: Trace) -> HttpReader:
    reader = HttpReader(
        has_body=request.method != "HEAD", limit=request.limit, keep=request.keep
    )
    with trace.phase("first_byte"):
        data = await stream.read()
    with trace.phase("transfer"):
        while data:
            reader.feed(data)
            if reader.done:
                return reader
            data = await stream.read()
        reader.feed_eof()
    return reader
