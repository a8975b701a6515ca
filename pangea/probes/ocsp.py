"""Reads the status that a server staples to its certificate (RFC 6960)."""

from collections.abc import Iterator, Sequence
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed448,
    ed25519,
    padding,
    rsa,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from pangea.core.text import safe_text

from .certificates import days, iso

#: answers and responders in one response that are looked at; honest ones have one
MAX_ANSWERS, MAX_RESPONDERS = 16, 4
#: seconds that our clock and a responder's may differ
SKEW = 300.0
#: what the modules of certificates raise at what they do not like
_STRANGE = (
    LookupError,
    OverflowError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Staple(Struct, frozen=True, kw_only=True):
    """What a stapled response says; times are seconds of UTC.

    ``status`` is ``good``, ``revoked``, ``unknown``, or ``invalid`` if it cannot
    be believed, for the reason in ``fault``. It holds from ``since`` until
    ``until``, None: for ever.
    """

    status: str
    fault: str = ""
    produced: float | None = None
    next_update: float | None = None
    revoked: float | None = None
    since: float = 0.0
    until: float | None = None

    def fault_at(self, now: float) -> str:
        """Return why this cannot be believed at *now*, "" if it can."""
        if self.fault:
            return self.fault
        if now < self.since - SKEW:
            return f"it begins to hold only on {iso(self.since)}"
        if self.until is not None and now > self.until + SKEW:
            ago = days(now - self.until)
            return f"it ceased to hold {ago} ago, on {iso(self.until)}"
        return ""


def read_staple(staple: bytes, leaf: bytes, issuers: Sequence[bytes]) -> Staple:
    """Return what *staple* says of the certificate *leaf*; never raises.

    Everything is DER. It is believed if *leaf*'s issuer, which should be among
    *issuers*, has signed it, or a responder that the issuer has named.
    """
    try:
        return _read(staple, leaf, issuers)
    except _STRANGE as error:
        return _invalid(f"it is malformed: {safe_text(error, 100)}")


def _read(staple: bytes, leaf: bytes, issuers: Sequence[bytes]) -> Staple:
    response = ocsp.load_der_ocsp_response(staple)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        said = response.response_status.name.lower().replace("_", " ")
        return _invalid(f"the responder only said: {said}")
    cert = x509.load_der_x509_certificate(leaf)
    issuer = next(_issuers_of(cert, issuers), None)
    if issuer is None:
        return _invalid("the issuer's certificate, which would prove it, is not there")
    answers = islice(response.responses, MAX_ANSWERS)
    answer = next((one for one in answers if _is_about(one, cert, issuer)), None)
    if answer is None:
        return _invalid("it is about another certificate")
    signer = _signer(response, issuer)
    if signer is None:
        return _invalid("neither the issuer nor a responder it named has signed it")
    return _staple(response, answer, signer)


def _staple(
    response: ocsp.OCSPResponse,
    answer: ocsp.OCSPSingleResponse,
    signer: x509.Certificate,
) -> Staple:
    update, revoked = answer.next_update_utc, answer.revocation_time_utc
    begins, ends = signer.not_valid_before_utc, signer.not_valid_after_utc
    until = min(ends, update) if update else ends
    return Staple(
        status=answer.certificate_status.name.lower(),
        produced=response.produced_at_utc.timestamp(),
        next_update=update.timestamp() if update else None,
        revoked=revoked.timestamp() if revoked else None,
        since=max(begins, answer.this_update_utc).timestamp(),
        until=until.timestamp(),
    )


def _invalid(fault: str) -> Staple:
    return Staple(status="invalid", fault=fault)


def _issuers_of(
    cert: x509.Certificate, candidates: Sequence[bytes]
) -> Iterator[x509.Certificate]:
    for der in candidates:
        issuer = x509.load_der_x509_certificate(der)
        if issuer.subject == cert.issuer and _has_issued(issuer, cert):
            yield issuer


def _has_issued(issuer: x509.Certificate, cert: x509.Certificate) -> bool:
    try:
        cert.verify_directly_issued_by(issuer)
    except (*_STRANGE, InvalidSignature):
        return False
    return True


def _is_about(
    answer: ocsp.OCSPSingleResponse, cert: x509.Certificate, issuer: x509.Certificate
) -> bool:
    """Tell whether *answer* names *cert*: by serial number, and issuer's hashes."""
    if answer.serial_number != cert.serial_number:
        return False
    builder = ocsp.OCSPRequestBuilder()
    asked = builder.add_certificate(cert, issuer, answer.hash_algorithm).build()
    return (
        answer.issuer_name_hash == asked.issuer_name_hash
        and answer.issuer_key_hash == asked.issuer_key_hash
    )


def _signer(
    response: ocsp.OCSPResponse, issuer: x509.Certificate
) -> x509.Certificate | None:
    """Return whose signature *response* bears: the issuer's, or a responder's."""
    if _has_signed(issuer, response):
        return issuer
    for cert in response.certificates[:MAX_RESPONDERS]:
        if (
            cert.issuer == issuer.subject
            and _may_respond(cert)
            and _has_issued(issuer, cert)
            and _has_signed(cert, response)
        ):
            return cert
    return None


def _may_respond(cert: x509.Certificate) -> bool:
    try:
        usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _has_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    try:
        _verify(
            signer,
            response.signature,
            response.tbs_response_bytes,
            response.signature_hash_algorithm,
        )
    except (*_STRANGE, InvalidSignature):
        return False
    return True


def _verify(
    signer: x509.Certificate,
    signature: bytes,
    signed: bytes,
    algorithm: hashes.HashAlgorithm | None,
) -> None:
    match signer.public_key(), algorithm:
        case rsa.RSAPublicKey() as key, hashes.HashAlgorithm() as algorithm:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        case ec.EllipticCurvePublicKey() as key, hashes.HashAlgorithm() as algorithm:
            key.verify(signature, signed, ec.ECDSA(algorithm))
        case (ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey() as key, None):
            key.verify(signature, signed)
        case key, _:
            raise UnsupportedAlgorithm(type(key).__name__)
