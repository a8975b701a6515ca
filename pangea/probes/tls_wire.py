"""A TLS client over a Wire: OpenSSL between two memory buffers."""

import asyncio
from typing import Literal

from OpenSSL import SSL, crypto

from pangea.core.failure import ProbeFailed

from .tls_failure import from_openssl
from .tls_records import shows_certificate
from .wire import Wire

RECORD = 16 * 1024
#: bytes that a server may send before the handshake must be over
MAX_HANDSHAKE = 256 * 1024
#: bytes of a server's first words that are looked through for an alert
MAX_AFTER = 64 * 1024

Settled = Literal["accepted", "closed", "quiet"]


class TlsWire:
    """A TLS connection; call ``handshake`` once, then read and write.

    With *staple* the server is asked for its certificate's status (RFC 6066
    section 8); *context* must keep it, see ``keep_staple``.
    """

    def __init__(
        self,
        wire: Wire,
        context: SSL.Context,
        server_name: str,
        *,
        staple: bool = False,
    ) -> None:
        self._wire = wire
        self._tls = SSL.Connection(context)
        self._tls.set_connect_state()
        self._flight = b""
        self._early: list[bytes] = []
        self._staples: list[bytes] = []
        if server_name:
            self._tls.set_tlsext_host_name(server_name.encode("ascii"))
        if staple:
            self._tls.set_app_data(self._staples)
            self._tls.request_ocsp()

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

    async def settle(self, quiet_s: float, *, until_end: bool = False) -> Settled:
        """Wait for the server to take us or to refuse us, at most *quiet_s*.

        In TLS 1.3 our side of the handshake is over before the server has seen
        whether we have a certificate (RFC 8446 section 4.4.2.4): its alert comes
        later, and who closes at once takes a refusal for success. Whatever else
        it says means that it takes us; with *until_end* we go on listening.
        Raises Refused, ProbeFailed ``tls_handshake`` or ``reset``.
        """
        settled: Settled = "quiet"
        heard = 0
        try:
            # Not the probe's timeout: how long silence is waited for.
            async with asyncio.timeout(quiet_s):
                while heard < MAX_AFTER and (until_end or settled == "quiet"):
                    data = await self._wire.read()
                    heard += len(data)
                    if not data or not self._takes(data):
                        return "closed" if settled == "quiet" else settled
                    settled = "accepted"
        except TimeoutError:
            pass
        return settled

    async def read(self) -> bytes:
        """Return the next plain bytes, b"" at the end."""
        if self._early:
            return self._early.pop(0)
        while True:
            try:
                return self._tls.recv(4 * RECORD)
            except SSL.WantReadError:
                self._flush()
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b""
            except SSL.Error as error:
                raise from_openssl(error) from error
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
            raise from_openssl(error) from error
        self._flush()

    def close(self) -> None:
        """Let go of the socket, without a farewell."""
        self._wire.close()

    @property
    def arrived(self) -> float:
        """When the bytes that were read last came, as perf_counter seconds."""
        return self._wire.arrived

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

    @property
    def wants_certificate(self) -> bool:
        """Whether the server asked for a certificate of ours."""
        return shows_certificate(self._flight)

    @property
    def staple(self) -> bytes:
        """The OCSP response that came with the certificate, b"" if none did."""
        return self._staples[0] if self._staples else b""

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
            raise from_openssl(error, asked=self.wants_certificate) from error
        finally:
            self._flight = self._flush() or self._flight
        return True

    def _takes(self, data: bytes) -> bool:
        """Take in what came after the handshake; False: it was the end."""
        self._tls.bio_write(data)
        try:
            while True:
                self._early.append(self._tls.recv(4 * RECORD))
        except SSL.WantReadError:
            return True
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return False
        except SSL.Error as error:
            raise from_openssl(error, asked=self.wants_certificate) from error

    def _flush(self) -> bytes:
        """Send what OpenSSL has to say, and return it."""
        parts = []
        while True:
            try:
                parts.append(self._tls.bio_read(4 * RECORD))
            except SSL.WantReadError:
                break
        if not parts:
            return b""
        said = parts[0] if len(parts) == 1 else b"".join(parts)
        self._wire.write(said)
        return said


def keep_staple(connection: SSL.Connection, staple: bytes, _: object) -> bool:
    """Keep the status that came for a ``TlsWire``; OpenSSL calls this."""
    if staple:
        connection.get_app_data().append(staple)
    return True
