"""TLS probe: would a client trust this server, and for how long?"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, Struct

from pangea.core.failure import ProbeFailed

from .base import Trace, register
from .certificates import DAY, Facts, check_times, days, iso
from .connect import Family, connect, resolve
from .target import parse_host, parse_host_port
from .tls_engine import demand, note_certificate, warn_of_weakness

if TYPE_CHECKING:
    from .tools import Tools

VERSIONS = {"TLSv1": 10, "TLSv1.1": 11, "TLSv1.2": 12, "TLSv1.3": 13}
SHOWN_NAMES = 20

Version = Literal["1.0", "1.1", "1.2", "1.3"]


class TlsOptions(Struct, frozen=True, kw_only=True):
    """What a server's TLS must be like.

    Fewer than ``fail_days`` days of life left fail, fewer than ``warn_days``
    warn. Without ``verify`` anybody's certificate will do, but not an expired
    one. A version below ``min_version`` fails, one below 1.2 always warns.
    """

    server_name: Annotated[str, Meta(max_length=253)] = ""
    verify: bool = True
    ca_file: Annotated[str, Meta(max_length=4096)] = ""
    min_version: Version = "1.0"
    warn_days: Annotated[float, Meta(ge=0, le=3650)] = 21
    fail_days: Annotated[float, Meta(ge=0, le=3650)] = 0
    family: Family = "any"


@register
class TlsProbe:
    """Shakes hands once and judges what the server presents."""

    Options: ClassVar[type[Struct]] = TlsOptions
    type: ClassVar[str] = "tls"
    default_interval_s: ClassVar[float] = 3600.0

    def __init__(self, host: str, port: int, options: TlsOptions) -> None:
        self.host, self.port, self.options = host, port, options
        given = options.server_name
        self.server_name = parse_host(given) if given else host

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*, ``host`` or ``host:port``; else 443."""
        return cls(*parse_host_port(target, 443), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Look, then judge; ProbeFailed names everything that is wrong."""
        address = await resolve(self.host, self.options.family, trace)
        wire = await connect(address, self.port, trace)
        try:
            tls = await tools.tls.open(wire, self.server_name, trace)
            version, presented = tls.version, tls.chain()
        finally:
            wire.close()
        chain = tools.tls.read(presented)
        now = tools.tls.now()
        note_certificate(chain[0], now, trace.readings)
        _note(chain, trace)
        if self.options.verify:
            options = self.options
            demand(tools.tls.judge(presented, self.server_name, options.ca_file))
        self._judge_life(chain[0], now, trace)
        self._judge_version(version, trace)
        warn_of_weakness(chain, trace)

    def _judge_life(self, leaf: Facts, now: float, trace: Trace) -> None:
        wrong = check_times(leaf, now)
        if wrong:
            raise ProbeFailed(*wrong)
        left = leaf.not_after - now
        says = f"the certificate of {leaf.subject} expires in {days(left)}"
        if left < self.options.fail_days * DAY:
            detail = f"{says}, wanted at least {self.options.fail_days:g} days"
            raise ProbeFailed("cert_expires_soon", detail)
        if left < self.options.warn_days * DAY:
            trace.warn("cert_expires_soon", f"{says}, on {iso(leaf.not_after)}")

    def _judge_version(self, version: str, trace: Trace) -> None:
        got, least = VERSIONS.get(version, 0), self.options.min_version
        if got < int(least.replace(".", "")):
            detail = f"got {version}, wanted TLS {least} or newer"
            raise ProbeFailed("tls_version", detail)
        if got < VERSIONS["TLSv1.2"]:
            trace.warn("tls_version", f"{version} is no longer safe (RFC 8996)")


def _note(chain: tuple[Facts, ...], trace: Trace) -> None:
    leaf = chain[0]
    trace.readings |= {
        "san": list(leaf.san[:SHOWN_NAMES]),
        "key": leaf.key,
        "bits": leaf.bits,
        "signature": leaf.signature,
        "fingerprint_sha256": leaf.fingerprint,
        "chain_length": len(chain),
    }
