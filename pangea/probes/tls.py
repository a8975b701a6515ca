"""TLS probe: would a client trust this server, and for how long?"""

from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Self

from msgspec import Struct

from pangea.core.failure import ProbeFailed

from .base import Trace, register
from .client_certificate import IdentitySource
from .connect import connect, resolve
from .starttls import PORTS, start_tls
from .target import parse_host, parse_host_port
from .tls_demand import Demands, Seen, own_dates
from .tls_engine import TlsEngine, Verdict, demand, leave_out, warn_of_weakness
from .tls_failure import Refused
from .tls_options import WHERE, TlsOptions
from .tls_readings import note
from .tls_settle import settle
from .tls_wire import TlsWire

if TYPE_CHECKING:
    from .tools import Tools


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

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*, ``host`` or ``host:port``.

        Without a port it is 443, with STARTTLS that of the protocol.
        """
        return cls(*parse_host_port(target, PORTS[options.starttls]), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Look, then judge; ProbeFailed names everything that is wrong."""
        try:
            if self.options.expect_alert:
                await self._be_refused(trace, tools.tls)
            else:
                self._judge(await self._shake(trace, tools.tls), trace, tools.tls)
        finally:
            leave_out(trace, "wait", "accept")

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
        options, presented = self.options, tls.chain()
        facts, now = engine.read(presented), engine.now()
        trace.observe("certificate", facts[0].fingerprint)
        verdict, staple = Verdict(), tls.staple
        if options.verify:
            verdict = engine.verdict(presented, self.server_name, options.ca_file)
        seen = Seen(
            version=tls.version,
            cipher=tls.cipher,
            alpn=tls.alpn,
            chain=facts,
            verified=verdict.verified,
            staple=engine.status(staple, presented, verdict.issuer) if staple else None,
            now=now,
        )
        note(seen, len(presented), trace.readings)
        problems = verdict.problems if options.verify else own_dates(seen)
        demand(tuple(chain(problems, self._demands.problems(seen))))
        for warning in self._demands.warnings(seen):
            trace.warn(*warning)
        warn_of_weakness(facts, trace)
