"""Judges certificates: pure rules over what a server presented."""

from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)
from msgspec import Struct

from pangea.core.text import safe_text

from .target import is_address

#: alternative names that are read; the most that authorities put in is far less
MAX_NAMES = 1000
DAY = 86400.0
_WEAK_HASHES = {"md5", "sha1"}
#: OpenSSL's verification errors (x509_vfy.h) with a reason of their own
NOT_YET_VALID, EXPIRED, SELF_SIGNED, ROOT_UNKNOWN = 9, 10, 18, 19
ISSUER_UNKNOWN, LEAF_UNVERIFIED = 20, 21


class Facts(Struct, frozen=True, kw_only=True):
    """What one certificate says; times are seconds of UTC, texts are safe."""

    subject: str
    issuer: str
    san: tuple[str, ...]
    not_before: float
    not_after: float
    key: str
    bits: int
    signature: str
    fingerprint: str
    self_signed: bool
    for_servers: bool
    issuer_can_be_fetched: bool


class Problem(NamedTuple):
    """One thing that is wrong: a reason code and a sentence with the facts."""

    reason: str
    detail: str


def read_facts(der: bytes) -> Facts:
    """Return what the certificate *der* says; ValueError if it is malformed."""
    cert = x509.load_der_x509_certificate(der)
    try:
        key, bits = _key(cert)
        return Facts(
            subject=_name(cert.subject),
            issuer=_name(cert.issuer),
            san=_alternative_names(cert),
            not_before=cert.not_valid_before_utc.timestamp(),
            not_after=cert.not_valid_after_utc.timestamp(),
            key=key,
            bits=bits,
            signature=_signature(cert),
            fingerprint=sha256(der).hexdigest(),
            self_signed=cert.subject == cert.issuer,
            for_servers=_for_servers(cert),
            issuer_can_be_fetched=_has_issuer_url(cert),
        )
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from error


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
    least = {"RSA": 2048, "DSA": 2048, "EC": 224}.get(facts.key, 0)
    if facts.bits < least:
        weak = f"a {facts.key} key of {facts.bits} bits, wanted {least} or more"
    elif facts.signature in _WEAK_HASHES and not facts.self_signed:
        weak = f"a signature with {facts.signature}, wanted sha256 or better"
    else:
        return None
    return Problem("cert_weak", f"the certificate of {facts.subject} has {weak}")


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


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    if common:
        return safe_text(common[0].value, 100)
    return safe_text(name.rfc4514_string() or "(no name)", 100)


def _alternative_names(cert: x509.Certificate) -> tuple[str, ...]:
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    wanted = (x509.DNSName, x509.IPAddress)
    found = (n.value for n in names.value if isinstance(n, wanted))
    return tuple(safe_text(value, 253) for value in islice(found, MAX_NAMES))


def _key(cert: x509.Certificate) -> tuple[str, int]:
    try:
        key = cert.public_key()
    except UnsupportedAlgorithm:
        return "unknown", 0
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size
        case dsa.DSAPublicKey():
            return "DSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return "EC", key.key_size
    return type(key).__name__.removesuffix("PublicKey").strip("_"), 0


def _signature(cert: x509.Certificate) -> str:
    try:
        algorithm = cert.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return algorithm.name if algorithm else "none"


def _for_servers(cert: x509.Certificate) -> bool:
    try:
        usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    any_use = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
    return any(use in (ExtendedKeyUsageOID.SERVER_AUTH, any_use) for use in usage)


def _has_issuer_url(cert: x509.Certificate) -> bool:
    kind = x509.AuthorityInformationAccess
    try:
        access = cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return False
    issuers = AuthorityInformationAccessOID.CA_ISSUERS
    return any(entry.access_method == issuers for entry in access)
