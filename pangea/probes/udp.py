"""UDP probe: does something answer a datagram, and say what it should?"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct

from pangea.core.durations import milliseconds
from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .banner import Pattern, unescape
from .base import Trace, register
from .connect import Family, resolve
from .datagram_talk import Talk
from .target import parse_host_port

if TYPE_CHECKING:
    from .tools import Tools

_Milliseconds = Annotated[float, Meta(gt=0, le=60_000)]


class UdpOptions(Struct, frozen=True, kw_only=True):
    r"""What to send in one datagram, and what to hear in the first that comes back.

    ``send`` may hold ``\r``, ``\n``, ``\t``, ``\0``, ``\xNN`` and ``\\``.
    ``expect`` is a regular expression, searched in the first 4 KiB; without it
    any answer will do.
    """

    send: Annotated[str, Meta(max_length=4096)] = ""
    expect: Annotated[str, Meta(max_length=512)] = ""
    warn_latency_ms: _Milliseconds | None = None
    family: Family = "any"


@register
class UdpProbe:
    """Sends a datagram and waits for one; a closed port says so at once."""

    Options: ClassVar[type[Struct]] = UdpOptions
    type: ClassVar[str] = "udp"
    default_interval_s: ClassVar[float] = 60.0

    def __init__(self, host: str, port: int, options: UdpOptions) -> None:
        self.host, self.port, self.options = host, port, options
        self._send = unescape(options.send)
        self._expect = Pattern(options.expect) if options.expect else None

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*, ``host:port``; the port is required."""
        return cls(*parse_host_port(target, None), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Ask; ProbeFailed if nothing answers, or not as wanted."""
        address = await resolve(self.host, self.options.family, trace)
        trace.readings["address"] = address
        with Talk.open(address, self.port) as talk, trace.phase("answer"):
            talk.send(self._send)
            heard = await talk.hear()
        trace.phases["answer"] = trace.duration_ms = heard.rtt_ms
        trace.readings["banner"] = safe_text(heard.data, 200)
        trace.readings["bytes"] = len(heard.data)
        if self._expect and not self._expect.found_in(heard.data):
            got = f"got {safe_text(heard.data, 100)!r}" if heard.data else "got nothing"
            raise ProbeFailed("banner", f"{got}, wanted {self._expect}")
        limit = self.options.warn_latency_ms
        if limit is not None and heard.rtt_ms > limit:
            said = f"{milliseconds(heard.rtt_ms)}, wanted at most {limit:g} ms"
            trace.warn("latency", said)
