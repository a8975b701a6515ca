"""A TLS client over a Wire: OpenSSL between two memory buffers."""

from OpenSSL import SSL, crypto

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .connect import Wire

RECORD = 16 * 1024
#: bytes that a server may send before the handshake must be over
MAX_HANDSHAKE = 256 * 1024
_NO_TLS = {
    "wrong version number",
    "http request",
    "packet length too long",
    "record layer failure",
}


class TlsWire:
    """A TLS connection; call ``handshake`` once, then read and write."""

    def __init__(self, wire: Wire, context: SSL.Context, server_name: str) -> None:
        self._wire = wire
        self._tls = SSL.Connection(context)
        self._tls.set_connect_state()
        if server_name:
            self._tls.set_tlsext_host_name(server_name.encode("ascii"))

    async def handshake(self) -> None:
        """Shake hands. Raises ProbeFailed ``tls_handshake`` or ``reset``."""
        received = 0
        while not self._shake():
            data = await self._wire.read()
            received += len(data)
            if not data:
                detail = "the server closed the connection during the TLS handshake"
                raise ProbeFailed("tls_handshake", detail)
            if received > MAX_HANDSHAKE:
                raise ProbeFailed("tls_handshake", "the TLS handshake has no end")
            self._tls.bio_write(data)

    async def read(self) -> bytes:
        """Return the next plain bytes, b"" at the end."""
        while True:
            try:
                return self._tls.recv(4 * RECORD)
            except SSL.WantReadError:
                self._flush()
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b""
            except SSL.Error as error:
                raise _failure(error) from error
            data = await self._wire.read()
            if not data:
                # Many servers end without close_notify; whoever reads knows
                # from the length whether something is missing.
                return b""
            self._tls.bio_write(data)

    def write(self, data: bytes) -> None:
        """Encrypt and send *data*."""
        try:
            self._tls.sendall(data)
        except SSL.Error as error:
            raise _failure(error) from error
        self._flush()

    def close(self) -> None:
        """Let go of the socket, without a farewell."""
        self._wire.close()

    @property
    def version(self) -> str:
        """The negotiated version, such as ``TLSv1.3``."""
        return self._tls.get_protocol_version_name()

    @property
    def cipher(self) -> str:
        """The negotiated cipher suite in OpenSSL's spelling."""
        return self._tls.get_cipher_name() or ""

    @property
    def alpn(self) -> str:
        """The protocol that was agreed on (RFC 7301), "" if none was."""
        return self._tls.get_alpn_proto_negotiated().decode("latin-1")

    def chain(self) -> tuple[bytes, ...]:
        """Return what the server presented, as DER, its own certificate first."""
        presented = self._tls.get_peer_cert_chain() or []
        return tuple(
            crypto.dump_certificate(crypto.FILETYPE_ASN1, cert) for cert in presented
        )

    def _shake(self) -> bool:
        """Go on as far as the bytes allow; tell whether it is done."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise _failure(error) from error
        finally:
            self._flush()
        return True

    def _flush(self) -> None:
        parts = []
        while True:
            try:
                parts.append(self._tls.bio_read(4 * RECORD))
            except SSL.WantReadError:
                break
        if parts:
            self._wire.write(b"".join(parts))


def _failure(error: SSL.Error) -> ProbeFailed:
    entries = error.args[0] if error.args and isinstance(error.args[0], list) else []
    said = safe_text(entries[-1][2] if entries else error) or "no reason given"
    if said in _NO_TLS:
        detail = f"the server does not speak TLS on this port ({said})"
    else:
        detail = f"the TLS handshake failed: {said}"
    return ProbeFailed("tls_handshake", detail)
