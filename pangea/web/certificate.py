"""A certificate of our own: made in the state directory, renewed before it ends.

No authority vouches for it. Browsers ask once; the command line of this machine
and the nodes of the mesh have other ways to know whom they talk to.
"""

import datetime
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import create_private, read_private, write_private

CERTIFICATE_NAME, KEY_NAME = "tls.crt", "tls.key"
LIFE = datetime.timedelta(days=365)
#: Renewed so long before it ends.
EARLY = datetime.timedelta(days=30)
#: Clocks of those who ask may be behind by so much.
SKEW = datetime.timedelta(days=1)
#: Names that a certificate holds at most, of those that this machine has.
MAX_NAMES = 64


def keep_own(
    state_dir: Path, names: Iterable[str], now: float, *, also: Iterable[str] = ()
) -> tuple[Path, Path]:
    """Return the files of our certificate and its key, made or renewed if need be.

    *names* are DNS names and addresses; if the certificate at hand lacks one, a new
    one is made. *also* are put into a new one: addresses that come and go are no
    reason for another fingerprint. *now* is wall time in seconds. The key stays.
    """
    certificate, key = state_dir / CERTIFICATE_NAME, state_dir / KEY_NAME
    private, wanted = _own_key(key), _general(names)
    pem = certificate.read_bytes() if certificate.exists() else b""
    if not _still_good(pem, private, wanted, now):
        held = dict.fromkeys([*wanted, *_general(also)])
        made = make(private, list(held)[:MAX_NAMES], now)
        write_private(certificate, made.public_bytes(Encoding.PEM))
    return certificate, key


def make(
    key: ec.EllipticCurvePrivateKey, names: Iterable[x509.GeneralName], now: float
) -> x509.Certificate:
    """Return a certificate of *key* for *names*, valid for a year."""
    begin = datetime.datetime.fromtimestamp(now, datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pangea")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - SKEW)
        .not_valid_after(begin + LIFE)
    )
    for extension, critical in _extensions(key, names):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def own_names(host: str) -> list[str]:
    """Return what this machine is always called and reached by, on *host*."""
    name = socket.gethostname()
    everywhere = host in ("0.0.0.0", "::", "")
    here = ["127.0.0.1", "::1"] if everywhere else [host]
    return ["localhost", name, name.partition(".")[0], *here]


def _extensions(
    key: ec.EllipticCurvePrivateKey, names: Iterable[x509.GeneralName]
) -> list[tuple[x509.ExtensionType, bool]]:
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return [
        (x509.SubjectAlternativeName(names), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (public, False),
    ]


def _own_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return our key, made at the first time."""
    found = read_private(path)
    if found is None:
        key = ec.generate_private_key(ec.SECP256R1())
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        create_private(path, key.private_bytes(*form))
        return key
    try:
        loaded = load_pem_private_key(found, None)
    except (ValueError, TypeError) as error:
        raise _damaged(path) from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise _damaged(path)
    return loaded


def _still_good(
    pem: bytes,
    key: ec.EllipticCurvePrivateKey,
    names: Iterable[x509.GeneralName],
    now: float,
) -> bool:
    try:
        found = x509.load_pem_x509_certificate(pem)
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound):
        return False
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    return (
        found.public_key() == key.public_key()
        and found.not_valid_before_utc <= moment < found.not_valid_after_utc - EARLY
        and set(names) <= set(held.value)
    )


def _general(names: Iterable[str]) -> list[x509.GeneralName]:
    return [name for name in map(_name, names) if name is not None]


def _name(text: str) -> x509.GeneralName | None:
    """Return an address or a name as a certificate says it, None if it cannot."""
    try:
        return x509.IPAddress(ip_address(text.partition("%")[0]))
    except ValueError:
        pass
    try:
        ascii_name = text.encode("idna").decode().lower().rstrip(".")
    except UnicodeError:
        return None
    return x509.DNSName(ascii_name) if ascii_name and "*" not in text else None


def _damaged(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}, the key of our own certificate, is damaged",
        hint="restore it, or remove it: a new one is made, with another fingerprint",
    )
