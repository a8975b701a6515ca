"""Makes certificates that no honest authority would."""

import datetime
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

DAY = 86400
#: the moment that the tests of certificates live in
NOW = 1_700_000_000.0


class Made(NamedTuple):
    cert: x509.Certificate
    key: object

    @property
    def der(self) -> bytes:
        return self.cert.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(serialization.Encoding.PEM)


def make(
    name: str,
    issuer: Made | None = None,
    *,
    san: tuple[str, ...] = (),
    begins: float = NOW - DAY,
    ends: float = NOW + 365 * DAY,
    authority: bool = False,
    rsa_bits: int = 0,
    hash_=hashes.SHA256,
    issuer_url: bool = False,
    for_clients: bool = False,
    must_staple: bool = False,
    responder: bool = False,
    key=None,
) -> Made:
    """Return a certificate for *name* signed by *issuer*, or by itself."""
    if key is None:
        key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else _curve()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer.cert.subject if issuer else _name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(begins))
        .not_valid_after(_moment(ends))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    if san:
        names = [_alternative(one) for one in san]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if issuer_url:
        builder = builder.add_extension(_issuer_at("http://ca.example/ca.der"), False)
    if for_clients:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(usage, False)
    if must_staple:
        wanted = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(wanted, False)
    if responder:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        builder = builder.add_extension(usage, False)
    return Made(builder.sign(issuer.key if issuer else key, hash_()), key)


def make_staple(
    leaf: Made,
    issuer: Made,
    signer: Made | None = None,
    *,
    status=ocsp.OCSPCertStatus.GOOD,
    begins: float = NOW - DAY,
    ends: float | None = NOW + DAY,
    hash_=hashes.SHA1,
) -> bytes:
    """Return the OCSP response on *leaf* by *issuer*, or by *signer* for it."""
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.cert,
        issuer=issuer.cert,
        algorithm=hash_(),
        cert_status=status,
        this_update=_moment(begins),
        next_update=None if ends is None else _moment(ends),
        revocation_time=_moment(NOW - 9 * DAY) if revoked else None,
        revocation_reason=None,
    )
    by = signer or issuer
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.cert)
    if signer:
        builder = builder.certificates([signer.cert])
    signed = builder.sign(by.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def server_context(directory: Path, leaf: Made, *others: Made) -> ssl.SSLContext:
    """Return a server's context that presents *leaf* and *others*."""
    chain, key = write_pem(directory, leaf, *others)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(chain, key)
    return context


def key_pem(made: Made) -> bytes:
    return made.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_pem(directory: Path, leaf: Made, *others: Made) -> tuple[Path, Path]:
    """Write chain and key into *directory* and return where."""
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(b"".join(made.pem for made in (leaf, *others)))
    key.write_bytes(key_pem(leaf))
    return chain, key


def _curve() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _issuer_at(url: str) -> x509.AuthorityInformationAccess:
    issuers = AuthorityInformationAccessOID.CA_ISSUERS
    where = x509.UniformResourceIdentifier(url)
    return x509.AuthorityInformationAccess([x509.AccessDescription(issuers, where)])
