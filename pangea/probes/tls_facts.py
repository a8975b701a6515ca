"""Reads what a certificate says, and survives whatever it says instead."""

from hashlib import sha256
from itertools import islice

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

from pangea.core.text import safe_text

from .certificates import Facts

#: alternative names that are read; the most that authorities put in is far less
MAX_NAMES = 1000
#: what cryptography raises at certificates that it does not understand, beside
#: ValueError; some of it was found by damaging good ones
_STRANGE = (
    KeyError,
    OverflowError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def read_facts(der: bytes) -> Facts:
    """Return what the certificate *der* says; ValueError if it is malformed."""
    try:
        cert = x509.load_der_x509_certificate(der)
        key, bits = _key(cert)
        names = _alternative_names(cert)
        return Facts(
            subject=_name(cert.subject),
            issuer=_name(cert.issuer),
            issuer_name=safe_text(cert.issuer.rfc4514_string(), 400),
            san=tuple(safe_text(name, 253) for name in islice(names, MAX_NAMES)),
            san_count=len(names),
            not_before=cert.not_valid_before_utc.timestamp(),
            not_after=cert.not_valid_after_utc.timestamp(),
            key=key,
            bits=bits,
            signature=_signature(cert),
            fingerprint=sha256(der).hexdigest(),
            self_signed=cert.subject == cert.issuer,
            for_servers=_for_servers(cert),
            issuer_can_be_fetched=_has_issuer_url(cert),
            must_staple=_must_staple(cert),
        )
    except _STRANGE as error:
        raise ValueError(f"{type(error).__name__} {error}") from error


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    if common:
        return safe_text(common[0].value, 100)
    return safe_text(name.rfc4514_string() or "(no name)", 100)


def _alternative_names(cert: x509.Certificate) -> list[object]:
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    wanted = (x509.DNSName, x509.IPAddress)
    return [name.value for name in names.value if isinstance(name, wanted)]


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
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 256
        case ed448.Ed448PublicKey():
            return "Ed448", 456
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


def _must_staple(cert: x509.Certificate) -> bool:
    try:
        wanted = cert.extensions.get_extension_for_class(x509.TLSFeature).value
    except x509.ExtensionNotFound:
        return False
    return x509.TLSFeatureType.status_request in wanted
