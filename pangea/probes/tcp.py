"""TCP probe: does the port accept connections, and say what it should?"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct

from pangea.core.errors import UsageError
from pangea.core.options import SecretText

from .banner import Pattern, unescape
from .base import Trace, register
from .connect import Family, connect, resolve
from .dialogue import MAX_STEPS, Dialogue, Step, parse_steps
from .dialogue_record import Record
from .target import parse_host, parse_host_port
from .tls_settle import settle
from .tls_wire import TlsWire
from .wire import Stream, Wire

if TYPE_CHECKING:
    from .tools import Tools

_Step = Annotated[str, Meta(max_length=4096)]


class TcpOptions(Struct, frozen=True, kw_only=True):
    r"""What to say on the connection, and what to hear.

    ``send`` may hold ``\r``, ``\n``, ``\t``, ``\0``, ``\xNN`` and ``\\``.
    ``expect`` is a regular expression, searched in the first 4 KiB. ``dialogue``
    has steps in their place: ``expect REGEX``, ``send TEXT``, ``starttls``. A
    server that falls silent for ``quiet_ms`` in the middle has said it all.
    ``secret`` stands where what is sent has ``\\{secret}``.
    """

    send: Annotated[str, Meta(max_length=4096)] = ""
    expect: Annotated[str, Meta(max_length=512)] = ""
    dialogue: Annotated[tuple[_Step, ...], Meta(max_length=MAX_STEPS)] = ()
    secret: SecretText = ""
    quiet_ms: Annotated[float, Meta(ge=50, le=60_000)] = 2000
    tls: bool = False
    verify: bool = True
    ca_file: Annotated[str, Meta(max_length=4096)] = ""
    server_name: Annotated[str, Meta(max_length=253)] = ""
    family: Family = "any"


@register
class TcpProbe:
    """Opens a connection, perhaps has a dialogue, and closes it again."""

    Options: ClassVar[type[Struct]] = TcpOptions
    type: ClassVar[str] = "tcp"
    default_interval_s: ClassVar[float] = 60.0

    def __init__(self, host: str, port: int, options: TcpOptions) -> None:
        self.host, self.port, self.options = host, port, options
        self._steps = _steps(options)
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
            await self._talk(wire, stream, trace, tools)
        finally:
            wire.close()

    async def _talk(
        self, wire: Wire, stream: Stream, trace: Trace, tools: "Tools"
    ) -> None:
        quiet_s = self.options.quiet_ms / 1000
        record = Record([self.options.secret])
        if any(step.kind == "send" for step in self._steps):
            # What is only heard is the banner.
            trace.readings["dialogue"] = record.turns
        dialogue = Dialogue(stream, quiet_s, record)
        for step in self._steps:
            if step.kind == "send":
                dialogue.say(step.data)
            elif step.pattern:
                await _listen(dialogue, step.pattern, trace)
            else:
                with trace.phase("banner"):
                    await dialogue.be_ready_for_tls()
                secured = await self._secure(wire, trace, tools)
                record.secured(secured.version)
                dialogue = Dialogue(secured, quiet_s, record)

    async def _secure(self, wire: Wire, trace: Trace, tools: "Tools") -> TlsWire:
        options = self.options
        ahead = options.ca_file if options.verify else None
        tls = await tools.tls.open(wire, self.server_name, trace, ca_file=ahead)
        facts = tools.tls.accept(
            tls,
            self.server_name,
            trace,
            verify=options.verify,
            ca_file=options.ca_file,
        )
        if facts:
            trace.observe("certificate", facts[0].fingerprint)
        await settle(tls, trace)
        return tls


async def _listen(dialogue: Dialogue, pattern: Pattern, trace: Trace) -> None:
    """Hear *pattern*; the readings are what was heard first, and what last."""
    with trace.phase("banner"):
        try:
            await dialogue.expect(pattern)
        finally:
            if dialogue.heard:
                heard = dialogue.record.shown(dialogue.heard)
                if trace.readings.setdefault("banner", heard) != heard:
                    trace.readings["answer"] = heard


def _steps(options: TcpOptions) -> tuple[Step, ...]:
    if not options.dialogue:
        said, wanted = options.send, options.expect
        data = unescape(said, options.secret)
        first = [Step("send", data=data)] if said else []
        then = [Step("expect", Pattern(wanted))] if wanted else []
        return (*first, *then)
    if options.send or options.expect:
        raise UsageError("tcp option: dialogue stands in the place of send and expect")
    steps = parse_steps(options.dialogue, options.secret)
    if options.tls and any(step.kind == "starttls" for step in steps):
        raise UsageError("tcp option: with tls there is TLS already, without starttls")
    return steps
