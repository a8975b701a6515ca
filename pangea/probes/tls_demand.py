"""Judges a handshake by what the job demands: pure rules over what was seen."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from .banner import Pattern
from .certificates import DAY, Facts, Problem, check_key, check_times, days, iso
from .ocsp import Staple
from .tls_options import TlsOptions, fingerprint

#: as OpenSSL spells them
VERSIONS = {"TLSv1": "1.0", "TLSv1.1": "1.1", "TLSv1.2": "1.2", "TLSv1.3": "1.3"}
SAFE = "1.2"


class Seen(Struct, frozen=True, kw_only=True):
    """What a handshake showed; ``verified`` and ``staple`` are empty if nothing.

    ``problems`` are those of the chain itself, if it was judged.
    """

    version: str
    cipher: str
    alpn: str
    chain: tuple[Facts, ...]
    verified: tuple[Facts, ...]
    problems: tuple[Problem, ...]
    staple: Staple | None
    now: float

    @property
    def leaf(self) -> Facts:
        """The server's own certificate."""
        return self.chain[0]


class Demands:
    """What a job's options want. Raises UsageError for a malformed pattern."""

    def __init__(self, options: TlsOptions) -> None:
        self._options = options
        issuer, cipher = options.expect_issuer, options.expect_cipher
        self._issuer = Pattern(issuer, "expect_issuer") if issuer else None
        self._cipher = Pattern(cipher, "expect_cipher") if cipher else None
        self._prints = {fingerprint(one) for one in options.expect_fingerprint}

    def problems(self, seen: Seen) -> Iterator[Problem]:
        """Yield what is not as it must be, the chain's own faults left aside."""
        yield from self._life(seen)
        yield from self._status(seen)
        yield from self._certificate(seen)
        yield from self._session(seen)

    def warnings(self, seen: Seen) -> Iterator[Problem]:
        """Yield what passes, but ought to be told."""
        options = self._options
        for facts, left in _lives(seen):
            if left < options.warn_days * DAY or left < options.fail_days * DAY:
                yield Problem("cert_expires_soon", _expiry(facts, left))
        staple = seen.staple
        fault = staple.fault_at(seen.now) if staple else ""
        if fault:
            yield Problem("ocsp", f"the stapled OCSP status is no good: {fault}")
        if VERSIONS.get(seen.version, "") < SAFE:
            detail = f"{seen.version} is no longer safe (RFC 8996)"
            yield Problem("tls_version", detail)

    def _life(self, seen: Seen) -> Iterator[Problem]:
        """Apply ``fail_days`` to the best verified chain and to the presented one.

        A certificate that no way leads through any more fails only if a job
        asks for days: clients do not look at it.
        """
        needed = seen.verified or seen.chain[:1]
        least = self._options.fail_days
        for facts, left in _lives(seen):
            if left < 0 and facts is seen.leaf:
                # Said by its dates already.
                continue
            if left < least * DAY and (least or facts in needed):
                detail = f"{_expiry(facts, left)}, wanted at least {least:g} days"
                yield Problem("cert_expires_soon", detail)

    def _status(self, seen: Seen) -> Iterator[Problem]:
        options, staple, who = self._options, seen.staple, seen.leaf.subject
        wanted = options.require_ocsp or (options.verify and seen.leaf.must_staple)
        if staple is None:
            if wanted:
                why = "wanted one" if options.require_ocsp else "which it must"
                detail = f"no OCSP status comes with the certificate of {who}, {why}"
                yield Problem("ocsp", detail)
            return
        fault = staple.fault_at(seen.now)
        if fault:
            if wanted:
                yield Problem("ocsp", f"the stapled OCSP status is no good: {fault}")
        elif staple.status == "revoked" and (options.verify or wanted):
            when = f" on {iso(staple.revoked)}" if staple.revoked else ""
            yield Problem("cert_revoked", f"the certificate of {who} was revoked{when}")
        elif staple.status != "good" and wanted:
            detail = f"the OCSP status of {who}: got {staple.status}, wanted good"
            yield Problem("ocsp", detail)

    def _certificate(self, seen: Seen) -> Iterator[Problem]:
        leaf = seen.leaf
        weak = (check_key(facts, self._options.min_key_bits) for facts in seen.chain)
        yield from (problem for problem in weak if problem)
        names = (leaf.issuer.encode(), leaf.issuer_name.encode())
        if self._issuer and not any(map(self._issuer.found_in, names)):
            detail = f"the issuer: got {leaf.issuer_name}, wanted {self._issuer}"
            yield Problem("cert_issuer", detail)
        if self._prints and leaf.fingerprint not in self._prints:
            wanted = " or ".join(sorted(self._prints)[:2])
            detail = f"the fingerprint: got {leaf.fingerprint}, wanted {wanted}"
            yield Problem("cert_fingerprint", detail)

    def _session(self, seen: Seen) -> Iterator[Problem]:
        options = self._options
        if VERSIONS.get(seen.version, "") < options.min_version:
            detail = f"got {seen.version}, wanted TLS {options.min_version} or newer"
            yield Problem("tls_version", detail)
        if self._cipher and not self._cipher.found_in(seen.cipher.encode()):
            detail = f"the cipher: got {seen.cipher}, wanted {self._cipher}"
            yield Problem("tls_cipher", detail)
        if options.alpn and seen.alpn not in options.alpn:
            got = seen.alpn or "none"
            detail = f"the protocol: got {got}, wanted {' or '.join(options.alpn)}"
            yield Problem("tls_alpn", detail)


def own_dates(seen: Seen) -> Iterator[Problem]:
    """Yield what is wrong with the dates of the server's own certificate."""
    wrong = check_times(seen.leaf, seen.now)
    if wrong:
        yield wrong


def next_date(seen: Seen) -> float:
    """Return when the next date in what was *seen* comes, such as an expiry."""
    dates = {facts.not_after for facts in seen.chain + seen.verified}
    if seen.staple:
        dates |= {seen.staple.since, seen.staple.until or seen.now}
    return min((date for date in dates if date > seen.now), default=seen.now)


def earliest(chain: Sequence[Facts]) -> Facts:
    """Return the certificate in *chain* that expires first."""
    return min(chain, key=lambda facts: facts.not_after)


def _lives(seen: Seen) -> Iterator[tuple[Facts, float]]:
    """Yield what expires first of what counts, and the seconds it has left."""
    first = earliest(seen.verified or seen.chain[:1])
    yield first, first.not_after - seen.now
    other = earliest(seen.chain)
    if other.not_after < first.not_after:
        yield other, other.not_after - seen.now


def _expiry(facts: Facts, left: float) -> str:
    when = f"expires in {days(left)}" if left >= 0 else f"expired {days(-left)} ago"
    return f"the certificate of {facts.subject} {when}, on {iso(facts.not_after)}"
