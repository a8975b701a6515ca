"""What ties a handshake to the TLS connection that it runs in.

HS1 proves both ends by itself; TLS around it is for the dashboard and for what a
stranger on the way could count. Bound to the certificate, a handshake fails with
whoever ends the TLS connection half way, whatever certificate authority he has.
"""

import functools
import hashlib
import ssl

from pangea.core.errors import ConfigError

#: The prologue of a handshake over plain WebSocket.
PLAIN = b"tcp"
#: The prologue where a proxy of the coordinator ends TLS, so nothing is bound.
PROXIED = b"proxy"
#: The WebSocket subprotocols by which the coordinator says which of the two it is.
#: A stranger who says it for us gains nothing: our prologue is another one then.
BOUND_PROTOCOL, PROXIED_PROTOCOL = "pangea-bound", "pangea-proxied"
#: The value of ``ca_file`` that means the authorities that this system trusts.
SYSTEM = "system"


def prologue(certificate: bytes) -> bytes:
    """Return the prologue for a server's *certificate* (DER), as it was presented."""
    return b"tls" + hashlib.sha256(certificate).digest()


def fingerprint(certificate: bytes) -> str:
    """Return SHA-256 of *certificate* (DER) as browsers show it: ``AB:CD:…``."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


@functools.cache
def client_context(ca_file: str = "") -> ssl.SSLContext:
    """Return the context that dials: TLS 1.2 or later.

    With *ca_file* (PEM, or ``system``) chain and name are verified too; without,
    it is the handshake inside that proves who answers. Raises ConfigError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca_file:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if ca_file == SYSTEM:
            context.load_default_certs()
        else:
            context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"no certificates can be read from {ca_file}: {error.strerror or error}",
            hint="ca_file is a file with certificates in PEM, or system",
        ) from error
    return context
