"""Looks at any TLS server, however old, and judges what it presented."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from . import certificates, tls_chain
from .base import WAIT, Trace
from .certificates import Facts, Problem
from .client_certificate import Identity
from .ocsp import Staple, read_staple
from .target import is_address
from .tls_accept import Accepted, look
from .tls_context import Contexts, Offer, Version
from .tls_facts import read_facts
from .tls_gate import StartGate
from .tls_trust import Trust
from .tls_wire import TlsWire
from .wire import Wire

MAX_CACHED = 4096
#: bytes of a chain that is worth remembering; nobody sends so much but to annoy
MAX_REMEMBERED = 32 * 1024
#: certificates of a chain that are looked at; the most that servers need is four
MAX_CHAIN = 20
#: seconds after which a verdict is formed anew, for the CA file may change
VERDICT_LIFE = 3600.0
#: a wait of our own that is shorter is not worth a phase
_SHORT_MS = 1.0
#: what OpenSSL says of the server's own dates, which are judged here already
_OWN_TIMES = {(certificates.EXPIRED, 0), (certificates.NOT_YET_VALID, 0)}

K = TypeVar("K")
V = TypeVar("V")


class Verdict(NamedTuple):
    """What is wrong with a chain, and for which span of time that holds.

    ``verified`` is the way to a trusted authority that holds the longest; it is
    empty if there is none. ``issuer`` is the certificate that it leads through
    first, as DER.
    """

    problems: tuple[Problem, ...] = ()
    verified: tuple[Facts, ...] = ()
    issuer: bytes = b""
    since: float = 0.0
    until: float = 0.0


class TlsEngine:
    """TLS contexts, trust stores and verdicts, shared by all probes."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.gate = StartGate()
        self._trust = Trust()
        self._contexts = Contexts()
        self._certificates: dict[bytes, Facts] = {}
        self._chains: dict[bytes, tuple[Facts, ...]] = {}
        self._verdicts: dict[tuple[bytes, str, str], Verdict] = {}
        self._accepted: dict[tuple[bytes, str, str | None], Accepted] = {}
        self._staples: dict[bytes, Staple] = {}

    async def open(
        self,
        wire: Wire,
        server_name: str,
        trace: Trace,
        alpn: tuple[str, ...] = (),
        identity: Identity | None = None,
        *,
        max_version: Version = "1.3",
        staple: bool = False,
        ca_file: str | None = None,
    ) -> TlsWire:
        """Return *wire* with TLS on it; the phase is ``tls``.

        Nothing is judged here: any certificate will do, keys of 1024 bits and
        TLS 1.0 too. *server_name* is sent as SNI unless it is an address;
        *identity* is shown to a server that asks for it; with *staple* it is asked
        for its certificate's status. *ca_file* is what will be judged by; it is loaded
        ahead, unless None. Where many begin at once, ours waits for its turn in the
        phase ``wait``. Raises ProbeFailed ``tls_handshake``, ``reset``, ProbeError
        ``client_cert``, ``overload``.
        """
        context = self._contexts.get(Offer(alpn, max_version, identity))
        loading = self._load(ca_file)
        if not self.gate.is_open():
            with _waiting(trace):
                await self.gate.wait()
        with trace.phase("tls"):
            name = "" if is_address(server_name) else server_name.rstrip(".")
            tls = TlsWire(wire, context, name, staple=staple)
            await tls.handshake()
        trace.readings["tls_version"] = tls.version
        trace.readings["cipher"] = tls.cipher
        if loading and not loading.done():
            with _waiting(trace):
                await asyncio.wait([loading])
        return tls

    def read(self, chain: tuple[bytes, ...]) -> tuple[Facts, ...]:
        """Return what the certificates of *chain* say; parsed once per chain.

        Of a very long chain only the beginning is read. Raises ProbeFailed
        ``cert_unreadable`` if there is none, or a broken one.
        """
        key = digest(chain)
        known = self._chains.get(key)
        if known is None:
            if not chain:
                raise ProbeFailed("cert_unreadable", "the server sent no certificate")
            known = tuple(map(self._read, chain[:MAX_CHAIN]))
            if sum(map(len, chain)) <= MAX_REMEMBERED:
                _remember(self._chains, key, known)
        return known

    def judge(
        self, chain: tuple[bytes, ...], host: str, ca_file: str = ""
    ) -> tuple[Problem, ...]:
        """Return everything that keeps *chain* from being good for *host*, now.

        The most telling problem comes first. *ca_file* "" means the system's.
        Raises ProbeFailed ``cert_unreadable``, ProbeError ``no_trust_store``.
        """
        return self.verdict(chain, host, ca_file).problems

    def verdict(
        self, chain: tuple[bytes, ...], host: str, ca_file: str = ""
    ) -> Verdict:
        """Return ``judge``'s problems, and the chain as it was verified."""
        now, key = self.now(), (digest(chain), host, ca_file)
        known = self._verdicts.get(key)
        if known is None or not known.since <= now < known.until:
            known = self._verdict(chain, host, ca_file, now)
            _remember(self._verdicts, key, known)
        return known

    def status(
        self, staple: bytes, chain: tuple[bytes, ...], issuer: bytes = b""
    ) -> Staple:
        """Return what the stapled response says of *chain*'s own certificate.

        *issuer* is the issuer's certificate, if it is not in *chain*: without it
        the response cannot be believed.
        """
        issuers = chain[1:MAX_CHAIN] + ((issuer,) if issuer else ())
        key = digest((staple, chain[0], *issuers))
        known = self._staples.get(key)
        if known is None:
            known = read_staple(staple, chain[0], issuers)
            _remember(self._staples, key, known)
        return known

    def accept(
        self, tls: TlsWire, host: str, trace: Trace, *, verify: bool, ca_file: str
    ) -> tuple[Facts, ...]:
        """Return what the server presented, once it is good enough to talk to it.

        Without *verify* anything is, even a certificate that cannot be read.
        Raises ProbeFailed for the first problem, ProbeError ``no_trust_store``.
        """
        chain, now = tls.chain(), self.now()
        judged = ca_file if verify else None
        key = (digest(chain), host, judged)
        known = self._accepted.get(key)
        if known is None or not known.since <= now < known.until:
            try:
                known = look(self, chain, host, judged, now, trace.readings)
            except ProbeFailed:
                if verify:
                    raise
                return ()
            _remember(self._accepted, key, known)
        trace.readings |= known.readings
        demand(known.problems)
        return known.chain

    async def close(self) -> None:
        """Forget everything."""
        self.gate.close()
        self._contexts.clear()
        self._certificates.clear()
        self._chains.clear()
        self._verdicts.clear()
        self._accepted.clear()
        self._staples.clear()

    def _load(self, ca_file: str | None) -> asyncio.Future[Any] | None:
        """Begin to load what will be judged by, unless it is there already."""
        now = self.now()
        if ca_file is None or self._trust.is_ready(ca_file, now):
            return None
        return self._trust.load(ca_file, now)

    def _verdict(
        self, chain: tuple[bytes, ...], host: str, ca_file: str, now: float
    ) -> Verdict:
        facts = self.read(chain)
        refused, verified = self._trust.verify(chain[:MAX_CHAIN], ca_file, now)
        found = [certificates.check_times(facts[0], now)]
        if refused and not (found[0] and refused[:2] in _OWN_TIMES):
            found.append(certificates.explain(*refused, facts, now))
        found.append(certificates.check_name(facts[0], host))
        found.append(certificates.check_purpose(facts[0]))
        if verified:
            verified = tls_chain.longest(
                chain[:MAX_CHAIN],
                verified,
                lambda chain: self._trust.verify(chain, ca_file, now)[1],
                self.read,
            )
        way = self.read(verified) if verified else ()
        moments = [m for f in facts + way for m in (f.not_before, f.not_after)]
        until = min([now + VERDICT_LIFE, *(m for m in moments if m > now)])
        issuer = b"".join(verified[1:2])
        return Verdict(tuple(p for p in found if p), way, issuer, now, until)

    def _read(self, der: bytes) -> Facts:
        """Return what one certificate says; the same one is in many chains."""
        key = digest((der,))
        known = self._certificates.get(key)
        if known is None:
            try:
                known = read_facts(der)
            except ValueError as error:
                detail = f"the certificate is malformed: {safe_text(error)}"
                raise ProbeFailed("cert_unreadable", detail) from error
            if len(der) <= MAX_REMEMBERED:
                _remember(self._certificates, key, known)
        return known


def warn_of_weakness(chain: tuple[Facts, ...], trace: Trace) -> None:
    """Warn of the first certificate in *chain* with a weak key or signature."""
    for facts in chain:
        weak = certificates.check_strength(facts)
        if weak:
            trace.warn(weak.reason, weak.detail)


def demand(problems: tuple[Problem, ...]) -> None:
    """Raise ProbeFailed for the first of *problems*, naming the others too."""
    if problems:
        first, *others = problems
        also = "".join(f"; also {other.detail}" for other in others)
        raise ProbeFailed(first.reason, first.detail + also)


@contextmanager
def _waiting(trace: Trace) -> Iterator[None]:
    """Measure what is our own delay, if it is worth telling."""
    with trace.phase(WAIT):
        yield
    if trace.phases[WAIT] < _SHORT_MS:
        del trace.phases[WAIT]


def digest(chain: tuple[bytes, ...]) -> bytes:
    """Return what tells one sequence of certificates and the like from another."""
    whole = sha256()
    for der in chain:
        whole.update(len(der).to_bytes(4, "big") + der)
    return whole.digest()


def _remember(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= MAX_CACHED:
        del cache[next(iter(cache))]
    cache[key] = value
