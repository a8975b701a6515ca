"""NTP probe: does the time server answer, is it in step, and how far off is it?"""

import os
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct

from pangea.core.durations import milliseconds
from pangea.core.failure import ProbeFailed

from .base import Trace, register
from .connect import Family, resolve
from .datagram_talk import Heard, Talk
from .ntp_packet import KISSES, Answer, BadAnswer, Kiss, offset_s, question, read_answer
from .target import parse_host_port

if TYPE_CHECKING:
    from .tools import Tools

PORT = 123
_Milliseconds = Annotated[float, Meta(gt=0, le=86_400_000)]


class NtpOptions(Struct, frozen=True, kw_only=True):
    """How far off the server's clock may be from this worker's, and from the truth.

    A stratum is the number of servers between a clock and its reference.
    """

    fail_offset_ms: _Milliseconds | None = None
    warn_offset_ms: _Milliseconds | None = None
    max_stratum: Annotated[int, Meta(ge=1, le=15)] | None = None
    warn_latency_ms: Annotated[float, Meta(gt=0, le=60_000)] | None = None
    family: Family = "any"


@register
class NtpProbe:
    """Asks a time server once, as a client of RFC 5905."""

    Options: ClassVar[type[Struct]] = NtpOptions
    type: ClassVar[str] = "ntp"
    default_interval_s: ClassVar[float] = 300.0

    def __init__(self, host: str, port: int, options: NtpOptions) -> None:
        self.host, self.port, self.options = host, port, options

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*, ``host`` or ``host:port`` (else 123)."""
        return cls(*parse_host_port(target, PORT), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Ask; ProbeFailed if there is no answer, a bad one, or a wrong time."""
        address = await resolve(self.host, self.options.family, trace)
        trace.readings["address"] = address
        nonce = int.from_bytes(os.urandom(8), "big")
        with Talk.open(address, self.port) as talk, trace.phase("answer"):
            asked_at = tools.now()
            talk.send(question(nonce))
            heard = await talk.hear()
        trace.phases["answer"] = trace.duration_ms = heard.rtt_ms
        answer = _read(heard, nonce)
        offset_ms = 1000 * offset_s(answer, asked_at, asked_at + heard.rtt_ms / 1000)
        trace.readings.update(_readings(answer, offset_ms))
        _judge(self.options, answer, offset_ms, heard.rtt_ms, trace)


def _read(heard: Heard, nonce: int) -> Answer:
    try:
        return read_answer(heard.data, nonce)
    except BadAnswer as error:
        raise ProbeFailed("protocol", str(error)) from error
    except Kiss as kiss:
        code = str(kiss)
        meaning = KISSES.get(code, "a code of its own")
        said = f"kiss-o'-death {code or 'without a code'}: {meaning}"
        raise ProbeFailed("refused", said) from kiss


def _readings(answer: Answer, offset_ms: float) -> dict[str, Any]:
    return {
        "offset_ms": offset_ms,
        "stratum": answer.stratum,
        "reference_id": answer.reference_id,
        "root_delay_ms": answer.root_delay_s * 1000,
        "root_dispersion_ms": answer.root_dispersion_s * 1000,
        "precision_ms": answer.precision_s * 1000,
        "leap": answer.leap,
    }


def _judge(
    options: NtpOptions, answer: Answer, offset_ms: float, rtt_ms: float, trace: Trace
) -> None:
    most = options.max_stratum
    if most is not None and answer.stratum > most:
        said = f"stratum {answer.stratum}, wanted at most {most}"
        raise ProbeFailed("stratum", said)
    for limit, fails in (
        (options.fail_offset_ms, True),
        (options.warn_offset_ms, False),
    ):
        if limit is None or abs(offset_ms) <= limit:
            continue
        side = "ahead of" if offset_ms > 0 else "behind"
        off = f"{milliseconds(abs(offset_ms))} {side} this worker's clock"
        said = f"{off}, wanted at most {limit:g} ms"
        if fails:
            raise ProbeFailed("clock_offset", said)
        trace.warn("clock_offset", said)
    slow = options.warn_latency_ms
    if slow is not None and rtt_ms > slow:
        trace.warn("latency", f"{milliseconds(rtt_ms)}, wanted at most {slow:g} ms")
