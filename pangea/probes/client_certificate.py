"""A certificate of our own, for servers that want to know who asks (mutual TLS)."""

import os
import stat
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError
from pangea.core.text import safe_text

MAX_PEM = 64 * 1024
_BEGIN = "-----BEGIN"
_KEYS = (RSAPrivateKey, EllipticCurvePrivateKey, Ed25519PrivateKey, Ed448PrivateKey)


class Identity(NamedTuple):
    """A certificate with its intermediates and its key, all as PEM."""

    certificates: bytes
    key: bytes

    @property
    def digest(self) -> bytes:
        """What tells two identities apart."""
        return sha256(self.certificates + b"\0" + self.key).digest()

    def put_in(self, context: SSL.Context) -> None:
        """Let *context* show this certificate. Raises ProbeError ``client_cert``."""
        try:
            first, *others = load_pem_x509_certificates(self.certificates)
            key = load_pem_private_key(self.key, None)
            if not isinstance(key, _KEYS):
                raise _useless("this kind of key is not for TLS")
            context.use_certificate(first)
            context.use_privatekey(key)
            for other in others:
                context.add_extra_chain_cert(other)
            context.check_privatekey()
        except SSL.Error as error:
            raise _useless("the key does not belong to it") from error
        except TypeError as error:
            raise _useless("the key is encrypted") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _useless("it is not PEM, or damaged") from error


class IdentitySource:
    """Where an identity comes from: PEM text in the options, or files by path.

    Files are read again for each run, since certificates are renewed. *key* ""
    means that the key stands beside the certificate. Raises UsageError.
    """

    def __init__(self, certificate: str, key: str, where: str) -> None:
        self._certificate, self._key = certificate, key
        if _is_pem(certificate) and (not key or _is_pem(key)):
            self._check(where)

    def load(self) -> Identity:
        """Return the identity. Raises ProbeError ``client_cert``."""
        certificate = _content(self._certificate)
        return Identity(certificate, _content(self._key) if self._key else certificate)

    def _check(self, where: str) -> None:
        try:
            self.load().put_in(SSL.Context(SSL.TLS_CLIENT_METHOD))
        except ProbeError as error:
            raise UsageError(f"{where}: {error.detail}") from error


def _is_pem(text: str) -> bool:
    return text.lstrip().startswith(_BEGIN)


def _content(text: str) -> bytes:
    """Return PEM *text* as it is, or what the file of that name holds."""
    if _is_pem(text):
        return text.encode()
    try:
        # A pipe would block the loop, and a device has no end.
        number = os.open(text, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise _useless(f"{safe_text(text)} is not a file")
            return file.read(MAX_PEM)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise _useless(f"{safe_text(text)}: {safe_text(said).lower()}") from error


def _useless(why: str) -> ProbeError:
    return ProbeError("client_cert", f"the client certificate cannot be used: {why}")
