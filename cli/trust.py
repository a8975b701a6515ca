"""Which certificate of a coordinator is the right one, for ``https``."""

import hashlib
import http.client
import re
import ssl
from typing import NamedTuple

from pangea.core.errors import ConfigError, Unreachable, UsageError

HOW = (
    "take its certificate here (tls.crt in its state directory) and give --ca-file "
    "FILE, or give --tls-fingerprint as its greeting shows it"
)


NOT_NOTED = "is --state-dir that of this coordinator? its file url names another"
NOT_GIVEN = (
    "it was renewed, or somebody is in between: compare it with the greeting of the "
    "coordinator"
)


class Trust(NamedTuple):
    """A file of authorities ("": this system's), and the one certificate, if known.

    ``fingerprint`` is SHA-256 in hexadecimal; ``noted`` is true if the coordinator
    of this machine has written it down.
    """

    ca_file: str = ""
    fingerprint: str = ""
    noted: bool = False


class Connection(http.client.HTTPSConnection):
    """Says nothing before the certificate is the right one."""

    def __init__(self, host: str, port: int | None, timeout: float, trust: Trust):
        super().__init__(host, port, timeout=timeout, context=context_of(trust))
        self._trust = trust

    def connect(self) -> None:
        """Connect; raise Unreachable for another certificate than the known one."""
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"the certificate of {self.host} is not trusted here: "
                f"{error.verify_message}",
                hint=HOW,
            ) from error
        wanted = self._trust.fingerprint
        shown = hashlib.sha256(self.sock.getpeercert(True) or b"").hexdigest()
        if wanted and shown != wanted:
            self.close()
            raise Unreachable(
                f"{self.host} shows another certificate: SHA-256 {pretty(shown)}",
                hint=NOT_NOTED if self._trust.noted else NOT_GIVEN,
            )


def context_of(trust: Trust) -> ssl.SSLContext:
    """Return how a connection is verified; a known certificate needs no authority."""
    if trust.fingerprint and not trust.ca_file:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        try:
            context = ssl.create_default_context(cafile=trust.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"no certificates can be read from {trust.ca_file}: "
                f"{error.strerror or error}",
                hint="--ca-file is a file with certificates in PEM",
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_fingerprint(text: str) -> str:
    """Return 64 hexadecimal digits; raise UsageError for what is no fingerprint."""
    bare = digits_of(text)
    if not bare:
        raise UsageError(
            "--tls-fingerprint: wanted SHA-256, 64 hexadecimal digits",
            hint="the greeting of the coordinator shows it, and "
            "openssl x509 -in tls.crt -noout -fingerprint -sha256",
        )
    return bare


def digits_of(text: str) -> str:
    """Return the 64 digits of a fingerprint however it is written, "" of others."""
    bare = re.sub(r"^sha-?256[: ]|[:\s]", "", text.strip().lower())
    return bare if re.fullmatch(r"[0-9a-f]{64}", bare, re.ASCII) else ""


def pretty(digits: str) -> str:
    """Return hexadecimal digits as browsers write them."""
    return bytes.fromhex(digits).hex(":").upper()
