"""Judges certificates: pure rules over what a server presented."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from .target import is_address

DAY = 86400.0
_WEAK_HASHES = {"md5", "sha1"}
#: the RSA key that is as strong as an elliptic one of at least so many bits
#: (NIST SP 800-57 part 1, table 2)
_RSA_LIKE = ((512, 15360), (384, 7680), (250, 3072), (224, 2048), (160, 1024))
#: OpenSSL's verification errors (x509_vfy.h) with a reason of their own
NOT_YET_VALID, EXPIRED, SELF_SIGNED, ROOT_UNKNOWN = 9, 10, 18, 19
ISSUER_UNKNOWN, LEAF_UNVERIFIED = 20, 21


class Facts(Struct, frozen=True, kw_only=True):
    """What one certificate says; times are seconds of UTC, texts are safe.

    ``issuer_name`` is the issuer's whole name (RFC 4514), ``san_count`` counts
    the alternative names that are not read any more too.
    """

    subject: str
    issuer: str
    issuer_name: str
    san: tuple[str, ...]
    san_count: int
    not_before: float
    not_after: float
    key: str
    bits: int
    signature: str
    fingerprint: str
    self_signed: bool
    for_servers: bool
    issuer_can_be_fetched: bool
    must_staple: bool


class Problem(NamedTuple):
    """One thing that is wrong: a reason code and a sentence with the facts."""

    reason: str
    detail: str


def check_times(facts: Facts, now: float) -> Problem | None:
    """Return what is wrong with the certificate's dates at *now*, if anything."""
    if now > facts.not_after:
        ago = days(now - facts.not_after)
        return Problem(
            "cert_expired",
            f"the certificate of {facts.subject} expired {ago} ago, "
            f"on {iso(facts.not_after)}",
        )
    if now < facts.not_before:
        begins = iso(facts.not_before)
        detail = f"the certificate of {facts.subject} is valid only from {begins}"
        return Problem("cert_not_yet_valid", detail)
    return None


def check_name(facts: Facts, host: str) -> Problem | None:
    """Return a problem unless the certificate is for *host* (RFC 9525)."""
    if any(matches(name, host) for name in facts.san):
        return None
    if facts.san:
        shown = ", ".join(facts.san[:5]) + (", …" if len(facts.san) > 5 else "")
        got = f"got {shown}"
    else:
        got = f"it has no alternative names, only the subject {facts.subject}"
    detail = f"the certificate is for another name: wanted {host}, {got}"
    return Problem("cert_wrong_host", detail)


def matches(name: str, host: str) -> bool:
    """Tell whether *name* of a certificate stands for *host*.

    A star stands for the whole leftmost label and nothing else (RFC 9525
    section 6.3); an address matches only itself.
    """
    host = host.partition("%")[0].rstrip(".").lower()
    name = name.rstrip(".").lower()
    if is_address(host) or is_address(name):
        return name == host
    if name.startswith("*."):
        first, _, parent = host.partition(".")
        return bool(first) and "." in parent and parent == name[2:]
    return name == host


def check_strength(facts: Facts) -> Problem | None:
    """Return what is too weak in the certificate's key or signature, if anything."""
    if facts.signature in _WEAK_HASHES and not facts.self_signed:
        weak = f"a signature with {facts.signature}, wanted sha256 or better"
        detail = f"the certificate of {facts.subject} has {weak}"
        return check_key(facts, 2048) or Problem("cert_weak", detail)
    return check_key(facts, 2048)


def check_key(facts: Facts, least: int) -> Problem | None:
    """Return a problem if the key is weaker than one of RSA with *least* bits.

    A key of a kind that is not known here is let pass.
    """
    bits, as_strong = facts.bits, ""
    if facts.key not in ("RSA", "DSA"):
        like = (rsa for enough, rsa in _RSA_LIKE if facts.bits >= enough)
        bits = next(like, 512) if facts.bits else least
        as_strong = f", no stronger than RSA with {bits}"
    if bits >= least:
        return None
    article = "a" if facts.key.startswith("D") else "an"
    detail = (
        f"the certificate of {facts.subject} has {article} {facts.key} key of "
        f"{facts.bits} bits{as_strong}, wanted {least} or more"
    )
    return Problem("cert_weak", detail)


def check_purpose(facts: Facts) -> Problem | None:
    """Return a problem if the certificate may not be used by servers."""
    if facts.for_servers:
        return None
    detail = f"the certificate of {facts.subject} is not meant for servers"
    return Problem("cert_untrusted", detail)


def explain(
    code: int, depth: int, said: str, chain: tuple[Facts, ...], now: float
) -> Problem:
    """Return OpenSSL's verification error *code* at *depth* as a problem.

    *chain* is what the server presented, its own certificate first; *said* is
    OpenSSL's sentence for codes without one here.
    """
    leaf, last = chain[0], chain[min(depth, len(chain) - 1)]
    if code in (EXPIRED, NOT_YET_VALID):
        dated = check_times(last, now)
        reason = "cert_expired" if code == EXPIRED else "cert_not_yet_valid"
        return dated or Problem(reason, f"an authority in the chain: {said}")
    if code == SELF_SIGNED:
        return Problem(
            "cert_self_signed",
            f"the certificate of {leaf.subject} is signed by itself and not trusted",
        )
    if code == ROOT_UNKNOWN:
        detail = f"the chain ends in {last.subject}, which is not trusted here"
        return Problem("cert_untrusted", detail)
    if code in (ISSUER_UNKNOWN, LEAF_UNVERIFIED):
        return _issuer_unknown(depth, last, chain)
    return Problem("cert_untrusted", f"the certificate of {last.subject}: {said}")


@lru_cache(4096)
def iso(moment: float) -> str:
    """Return *moment* as RFC 3339 UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def days(seconds: float) -> str:
    """Return *seconds* as people say it: in days, or hours if it is less."""
    if seconds < 2 * DAY:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / DAY:.0f} days"


def _issuer_unknown(depth: int, last: Facts, chain: tuple[Facts, ...]) -> Problem:
    if depth == 0 and len(chain) > 1:
        return Problem(
            "cert_incomplete",
            f"none of the {len(chain) - 1} other certificates sent is that of the "
            f"issuer {last.issuer}",
        )
    if depth == 0 and last.issuer_can_be_fetched:
        # Public authorities name where to fetch the intermediate that the
        # server should have sent; a private root seldom does.
        return Problem(
            "cert_incomplete",
            f"the server sent only its own certificate, not that of {last.issuer}",
        )
    return Problem("cert_untrusted", f"the issuer {last.issuer} is not trusted here")
