"""TLS probe: would a client trust this server, and for how long?"""

from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from msgspec import Struct

from pangea.core.failure import ProbeFailed

from .base import Trace, register
from .client_certificate import IdentitySource
from .connect import connect, resolve
from .starttls import PORTS, start_tls
from .target import parse_host, parse_host_port
from .tls_accept import STEADY_S
from .tls_demand import Demands, Seen, next_date, own_dates
from .tls_engine import (
    TlsEngine,
    Verdict,
    demand,
    digest,
    warn_of_weakness,
)
from .tls_failure import Refused
from .tls_options import WHERE, TlsOptions
from .tls_readings import told
from .tls_settle import settle
from .tls_wire import TlsWire

if TYPE_CHECKING:
    from .tools import Tools


class _Judged(NamedTuple):
    """What a server showed, when that was found good, and what is told of it."""

    shown: bytes
    since: float
    until: float
    readings: dict[str, Any]
    warning: tuple[str, str] | None


@register
class TlsProbe:
    """Shakes hands once and judges what the server presents."""

    Options: ClassVar[type[Struct]] = TlsOptions
    type: ClassVar[str] = "tls"
    default_interval_s: ClassVar[float] = 3600.0

    def __init__(self, host: str, port: int, options: TlsOptions) -> None:
        self.host, self.port, self.options = host, port, options
        given, cert, key = options.server_name, options.client_cert, options.client_key
        self.server_name = parse_host(given) if given else host
        self._identity = IdentitySource(cert, key, WHERE) if cert else None
        self._demands = Demands(options)
        self._last: _Judged | None = None

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*, ``host`` or ``host:port``.

        Without a port it is 443, with STARTTLS that of the protocol.
        """
        return cls(*parse_host_port(target, PORTS[options.starttls]), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Look, then judge; ProbeFailed names everything that is wrong."""
        if self.options.expect_alert:
            await self._be_refused(trace, tools.tls)
        else:
            self._judge(await self._shake(trace, tools.tls), trace, tools.tls)

    async def _shake(self, trace: Trace, engine: TlsEngine) -> TlsWire:
        """Return the connection, closed, once the server has accepted us."""
        options = self.options
        identity = self._identity.load() if self._identity else None
        address = await resolve(self.host, options.family, trace)
        wire = await connect(address, self.port, trace)
        try:
            if options.starttls != "none":
                with trace.phase("starttls"):
                    await start_tls(wire, options.starttls, self.server_name)
            tls = await engine.open(
                wire,
                self.server_name,
                trace,
                options.alpn,
                identity,
                max_version=options.max_version,
                staple=True,
                ca_file=options.ca_file if options.verify else None,
            )
            trace.readings["client_cert_asked"] = tls.wants_certificate
            to_be_refused = bool(options.expect_alert)
            shown = identity is not None
            await settle(tls, trace, shown=shown, until_end=to_be_refused)
        except Refused as refusal:
            trace.readings["alert"] = refusal.alert
            raise
        finally:
            wire.close()
        return tls

    async def _be_refused(self, trace: Trace, engine: TlsEngine) -> None:
        """Ask; all is well if the server refuses us as it should."""
        alerts = self.options.expect_alert
        wanted = f"wanted the alert {' or '.join(alerts)}"
        try:
            tls = await self._shake(trace, engine)
        except Refused as refusal:
            if refusal.alert in alerts or "any" in alerts:
                return
            detail = f"got the alert {refusal.alert}, {wanted}"
            raise ProbeFailed("tls_alert", detail) from refusal
        shown = "with our" if self._identity else "without a"
        asked = ", though it asked for one" if tls.wants_certificate else ""
        detail = f"the server took us {shown} client certificate{asked}, {wanted}"
        raise ProbeFailed("tls_alert", detail)

    def _judge(self, tls: TlsWire, trace: Trace, engine: TlsEngine) -> None:
        """Judge what the server showed, unless it is just what it showed before."""
        presented, now, last = tls.chain(), engine.now(), self._last
        session = f"{tls.version} {tls.cipher} {tls.alpn}".encode()
        shown = digest((session, tls.staple, *presented))
        if last is None or last.shown != shown or not last.since <= now < last.until:
            self._last = None
            seen = self._see(tls, presented, engine)
            readings = told(seen, len(presented))
            trace.readings |= readings
            trace.observe("certificate", seen.leaf.fingerprint)
            self._demand(seen, trace)
            until = min(now + STEADY_S, next_date(seen))
            self._last = _Judged(shown, now, until, readings, trace.warning)
            return
        trace.readings |= last.readings
        trace.observe("certificate", last.readings["fingerprint_sha256"])
        if last.warning:
            trace.warn(*last.warning)

    def _see(
        self, tls: TlsWire, presented: tuple[bytes, ...], engine: TlsEngine
    ) -> Seen:
        verdict, staple = Verdict(), tls.staple
        facts = engine.read(presented)
        if self.options.verify:
            host, ca_file = self.server_name, self.options.ca_file
            verdict = engine.verdict(presented, host, ca_file)
        return Seen(
            version=tls.version,
            cipher=tls.cipher,
            alpn=tls.alpn,
            chain=facts,
            verified=verdict.verified,
            problems=verdict.problems,
            staple=engine.status(staple, presented, verdict.issuer) if staple else None,
            now=engine.now(),
        )

    def _demand(self, seen: Seen, trace: Trace) -> None:
        problems = seen.problems if self.options.verify else own_dates(seen)
        demand(tuple(chain(problems, self._demands.problems(seen))))
        for warning in self._demands.warnings(seen):
            trace.warn(*warning)
        warn_of_weakness(seen.chain, trace)
