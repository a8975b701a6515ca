"""TCP probe: does the port accept connections, and say what it should?"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .banner import MAX_HEARD, Pattern, unescape
from .base import Trace, register
from .connect import Family, Stream, Wire, connect, resolve
from .target import parse_host, parse_host_port

if TYPE_CHECKING:
    from .tools import Tools

#: reads after which a server that dribbles is given up
MAX_PIECES = 32


class TcpOptions(Struct, frozen=True, kw_only=True):
    r"""What to say on the connection, and what to hear.

    ``send`` may hold ``\r``, ``\n``, ``\t``, ``\0``, ``\xNN`` and ``\\``.
    ``expect`` is a regular expression, searched in the first 4 KiB.
    """

    send: Annotated[str, Meta(max_length=4096)] = ""
    expect: Annotated[str, Meta(max_length=512)] = ""
    tls: bool = False
    verify: bool = True
    ca_file: Annotated[str, Meta(max_length=4096)] = ""
    server_name: Annotated[str, Meta(max_length=253)] = ""
    family: Family = "any"


@register
class TcpProbe:
    """Opens a connection, perhaps says something, and closes it again."""

    Options: ClassVar[type[Struct]] = TcpOptions
    type: ClassVar[str] = "tcp"
    default_interval_s: ClassVar[float] = 60.0

    def __init__(self, host: str, port: int, options: TcpOptions) -> None:
        self.host, self.port, self.options = host, port, options
        self._send = unescape(options.send)
        self._expect = Pattern(options.expect) if options.expect else None
        given = options.server_name
        self.server_name = parse_host(given) if given else host

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*, ``host:port``; the port is required."""
        return cls(*parse_host_port(target, None), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Connect; ProbeFailed if that, TLS or what is heard is not as wanted."""
        address = await resolve(self.host, self.options.family, trace)
        wire = await connect(address, self.port, trace)
        try:
            secured = self.options.tls
            stream = await self._secure(wire, trace, tools) if secured else wire
            if self._send:
                stream.write(self._send)
            if self._expect:
                with trace.phase("banner"):
                    await _listen(stream, self._expect, trace)
        finally:
            wire.close()

    async def _secure(self, wire: Wire, trace: Trace, tools: "Tools") -> Stream:
        tls = await tools.tls.open(wire, self.server_name, trace)
        tools.tls.accept(
            tls,
            self.server_name,
            trace,
            verify=self.options.verify,
            ca_file=self.options.ca_file,
        )
        return tls


async def _listen(stream: Stream, pattern: Pattern, trace: Trace) -> None:
    """Read until *pattern* is found; ProbeFailed at the end or the limit."""
    heard, wanted = b"", f"wanted {pattern}"
    for _ in range(MAX_PIECES):
        data = await stream.read()
        heard = (heard + data)[:MAX_HEARD]
        trace.readings["banner"] = safe_text(heard, 200)
        if pattern.found_in(heard):
            return
        if not data:
            raise ProbeFailed("banner", f"{_got(heard)}, then the end, {wanted}")
        if len(heard) >= MAX_HEARD:
            break
    raise ProbeFailed("banner", f"{_got(heard)}, {wanted}")


def _got(heard: bytes) -> str:
    return f"got {safe_text(heard, 100)!r}" if heard else "got nothing"
