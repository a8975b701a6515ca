"""Looks at any TLS server, however old, and judges what it presented."""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from OpenSSL import SSL

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from . import certificates
from .base import Trace
from .certificates import Facts, Problem
from .client_certificate import Identity
from .connect import Wire
from .target import is_address
from .tls_trust import Trust
from .tls_wire import TlsWire

MAX_CACHED = 4096
#: seconds after which a verdict is formed anew, for the CA file may change
VERDICT_LIFE = 3600.0
#: OpenSSL's flag for servers from before RFC 5746
_LEGACY_SERVER = 0x4
#: what OpenSSL says of the server's own dates, which are judged here already
_OWN_TIMES = {(certificates.EXPIRED, 0), (certificates.NOT_YET_VALID, 0)}

K = TypeVar("K")
V = TypeVar("V")


class Verdict(NamedTuple):
    """What is wrong with a chain, and for which span of time that holds."""

    problems: tuple[Problem, ...]
    since: float
    until: float


class TlsEngine:
    """TLS contexts, trust stores and verdicts, shared by all probes."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._trust = Trust()
        self._contexts: dict[tuple[bytes, tuple[str, ...]], SSL.Context] = {}
        self._facts: dict[bytes, tuple[Facts, ...]] = {}
        self._verdicts: dict[tuple[bytes, str, str], Verdict] = {}

    async def open(
        self,
        wire: Wire,
        server_name: str,
        trace: Trace,
        alpn: tuple[str, ...] = (),
        identity: Identity | None = None,
    ) -> TlsWire:
        """Return *wire* with TLS on it; the phase is ``tls``.

        Nothing is judged here: any certificate will do, keys of 1024 bits and
        TLS 1.0 too. *server_name* is sent as SNI unless it is an address;
        *identity* is shown to a server that asks for it. Raises ProbeFailed
        ``tls_handshake``, ``reset``, ProbeError ``client_cert``.
        """
        context = self._context(alpn, identity)
        with trace.phase("tls"):
            name = "" if is_address(server_name) else server_name.rstrip(".")
            tls = TlsWire(wire, context, name)
            await tls.handshake()
        trace.readings["tls_version"] = tls.version
        trace.readings["cipher"] = tls.cipher
        return tls

    def read(self, chain: tuple[bytes, ...]) -> tuple[Facts, ...]:
        """Return what the certificates of *chain* say; parsed once per chain.

        Raises ProbeFailed ``cert_unreadable`` if there is none, or a broken one.
        """
        digest = _digest(chain)
        if digest not in self._facts:
            if not chain:
                raise ProbeFailed("cert_unreadable", "the server sent no certificate")
            try:
                facts = tuple(map(certificates.read_facts, chain))
            except ValueError as error:
                detail = f"the certificate is malformed: {safe_text(error)}"
                raise ProbeFailed("cert_unreadable", detail) from error
            _remember(self._facts, digest, facts)
        return self._facts[digest]

    def judge(
        self, chain: tuple[bytes, ...], host: str, ca_file: str = ""
    ) -> tuple[Problem, ...]:
        """Return everything that keeps *chain* from being good for *host*, now.

        The most telling problem comes first. *ca_file* "" means the system's.
        Raises ProbeFailed ``cert_unreadable``, ProbeError ``no_trust_store``.
        """
        now, key = self.now(), (_digest(chain), host, ca_file)
        known = self._verdicts.get(key)
        if known is None or not known.since <= now < known.until:
            known = self._verdict(chain, host, ca_file, now)
            _remember(self._verdicts, key, known)
        return known.problems

    def accept(
        self, tls: TlsWire, host: str, trace: Trace, *, verify: bool, ca_file: str
    ) -> tuple[Facts, ...]:
        """Return what the server presented, once it is good enough to talk to it.

        Without *verify* anything is, even a certificate that cannot be read.
        Raises ProbeFailed for the first problem, ProbeError ``no_trust_store``.
        """
        chain = tls.chain()
        try:
            facts = self.read(chain)
        except ProbeFailed:
            if verify:
                raise
            return ()
        note_certificate(facts[0], self.now(), trace.readings)
        if verify:
            demand(self.judge(chain, host, ca_file))
        return facts

    async def close(self) -> None:
        """Forget everything."""
        self._contexts.clear()
        self._facts.clear()
        self._verdicts.clear()

    def _verdict(
        self, chain: tuple[bytes, ...], host: str, ca_file: str, now: float
    ) -> Verdict:
        facts = self.read(chain)
        found = [certificates.check_times(facts[0], now)]
        refused = self._trust.verify(chain, ca_file, now)
        if refused and not (found[0] and refused[:2] in _OWN_TIMES):
            found.append(certificates.explain(*refused, facts, now))
        found.append(certificates.check_name(facts[0], host))
        found.append(certificates.check_purpose(facts[0]))
        moments = [m for f in facts for m in (f.not_before, f.not_after)]
        until = min([now + VERDICT_LIFE, *(m for m in moments if m > now)])
        return Verdict(tuple(p for p in found if p), now, until)

    def _context(self, alpn: tuple[str, ...], identity: Identity | None) -> SSL.Context:
        """Return a context; making one takes 30 ms, so they are kept."""
        key = (identity.digest if identity else b"", alpn)
        if key not in self._contexts:
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_verify(SSL.VERIFY_NONE)
            context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
            context.set_min_proto_version(SSL.TLS1_VERSION)
            context.set_options(_LEGACY_SERVER)
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            _keep_hello_small(context)
            if alpn:
                context.set_alpn_protos([name.encode("ascii") for name in alpn])
            if identity:
                identity.put_in(context)
            _remember(self._contexts, key, context)
        return self._contexts[key]


def _keep_hello_small(context: SSL.Context) -> None:
    """Offer classic groups only: the hello is 324 bytes then, not 1558.

    OpenSSL's post-quantum key share makes it two packets, which old devices do
    not understand. pyOpenSSL has no public call for it; without, all still works.
    """
    set_groups = getattr(vars(SSL).get("_lib"), "SSL_CTX_set1_curves_list", None)
    if set_groups:
        set_groups(context._context, b"X25519:P-256:P-384:P-521:X448")


def note_certificate(facts: Facts, now: float, readings: dict[str, Any]) -> None:
    """Put what everybody wants to know of a certificate into *readings*."""
    readings["not_after"] = certificates.iso(facts.not_after)
    readings["days_left"] = round((facts.not_after - now) / certificates.DAY, 2)
    readings["issuer"] = facts.issuer
    readings["subject"] = facts.subject


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


def _digest(chain: tuple[bytes, ...]) -> bytes:
    whole = sha256()
    for der in chain:
        whole.update(len(der).to_bytes(4, "big") + der)
    return whole.digest()


def _remember(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= MAX_CACHED:
        del cache[next(iter(cache))]
    cache[key] = value
