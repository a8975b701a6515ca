"""DNS over a connection: TCP (RFC 7766), or TLS on it (RFC 7858)."""

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from pangea.core.failure import ProbeFailed

from .base import Trace
from .connect import connect
from .dns_answer import Answer, checked
from .dns_wire import Query
from .wire import Stream

if TYPE_CHECKING:
    from .tls_engine import TlsEngine

_LENGTH = 2


class Secure(NamedTuple):
    """What the certificate of a server must be like; *name* is of whom it tells."""

    name: str
    verify: bool
    ca_file: str


async def ask_tcp(query: Query, host: str, port: int, trace: Trace) -> Answer:
    """Ask the server at the address *host*; the phases are connect and query.

    Raises ProbeFailed or ProbeError.
    """
    begun = time.perf_counter()
    wire = await connect(host, port, trace)
    try:
        return await _exchange(wire, query, trace, begun, "tcp")
    finally:
        wire.close()


async def ask_tls(
    query: Query, host: str, port: int, trace: Trace, tls: "TlsEngine", secure: Secure
) -> Answer:
    """Ask over TLS; the phases are connect, tls and query.

    Raises ProbeFailed, also for a certificate that is not good enough.
    """
    begun = time.perf_counter()
    wire = await connect(host, port, trace)
    try:
        name, verify, ca_file = secure
        judged = ca_file if verify else None
        stream = await tls.open(wire, name, trace, ca_file=judged)
        tls.accept(stream, name, trace, verify=verify, ca_file=ca_file)
        return await _exchange(stream, query, trace, begun, "tls")
    finally:
        wire.close()


async def _exchange(
    stream: Stream, query: Query, trace: Trace, begun: float, transport: str
) -> Answer:
    """Send *query* and read one answer; each goes behind its length."""
    wire = query.wire(int.from_bytes(os.urandom(2), "big"))
    with trace.phase("query"):
        stream.write(len(wire).to_bytes(_LENGTH, "big") + wire)
        data = await _read(stream)
    reply = checked(query, data, wire[:2])
    took = (time.perf_counter() - begun) * 1000 - trace.aside_ms
    return Answer(reply, took, transport)


async def _read(stream: Stream) -> bytes:
    """Return one message, of 64 KiB at most; what follows it is not read."""
    got = bytearray()
    while len(got) < _LENGTH or len(got) < _LENGTH + _length(got):
        data = await stream.read()
        if not data:
            raise ProbeFailed("closed", f"the server closed {_how_far(got)}")
        got += data
    return bytes(got[_LENGTH : _LENGTH + _length(got)])


def _length(got: bytearray) -> int:
    return int.from_bytes(got[:_LENGTH], "big")


def _how_far(got: bytearray) -> str:
    if not got:
        return "without an answer"
    if len(got) < _LENGTH:
        return "within the length of the answer"
    return f"after {len(got) - _LENGTH} of {_length(got)} bytes of the answer"
