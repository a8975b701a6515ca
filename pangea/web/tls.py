"""TLS on the one port: which certificate is shown, and how it is changed."""

import asyncio
import datetime
import logging
import os
import ssl
import stat
import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from pangea.core.errors import ConfigError
from pangea.core.text import safe_text
from pangea.mesh.tls_binding import fingerprint, prologue

log = logging.getLogger(__name__)

#: How often the files are looked at, in seconds.
LOOK_S = 5.0
#: A certificate that ends so soon is worth a warning.
SOON = datetime.timedelta(days=14)
#: For TLS 1.2: forward secrecy and authenticated encryption only.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

Files = tuple[Path, Path]


class Shown(ssl.SSLContext):
    """A context that knows the certificate it shows; one for each pair of files."""

    #: The certificate (DER) as a client gets it.
    certificate: bytes = b""
    prologue: bytes = b""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers write it."""
        return fingerprint(self.certificate)

    @property
    def names(self) -> frozenset[str]:
        """The DNS names that the certificate is for, without wildcards."""
        found = x509.load_der_x509_certificate(self.certificate)
        try:
            held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except (ValueError, x509.ExtensionNotFound):
            return frozenset()
        names = held.value.get_values_for_type(x509.DNSName)
        return frozenset(n.lower() for n in names if "*" not in n)

    @property
    def ends(self) -> datetime.datetime:
        """The end of the certificate's time."""
        return x509.load_der_x509_certificate(self.certificate).not_valid_after_utc


class Certificate:
    """The pair of files that is shown now; `follow` changes it with the files.

    *find* returns the paths and makes what is to be made; it is asked again at
    each look, so a certificate of our own is renewed in time.
    """

    def __init__(
        self, find: Callable[[], Files], *, wall: Callable[[], float] = time.time
    ) -> None:
        self._find = find
        self._wall = wall
        files = find()
        self._seen = _signature(files)
        self.shown = load(files)
        self.told: list[Callable[[], None]] = []
        self._remarked: tuple[int, Shown | None] = (0, None)
        self._failed = ""
        self._wake = asyncio.Event()
        #: What connections begin with; each is moved to what is shown then.
        self.context = load(files)
        self.context.sni_callback = self._choose
        self._remark(files)

    def wake(self) -> None:
        """Look at the files now."""
        self._seen = ()
        self._wake.set()

    async def follow(self, every_s: float = LOOK_S) -> None:
        """Take new files when they change, for ever; bad ones change nothing."""
        while True:
            try:
                async with asyncio.timeout(every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            self._look()

    def _look(self) -> None:
        try:
            files = self._find()
            found = _signature(files)
            if found == self._seen:
                self._remark(files)
                return
        except (ConfigError, OSError) as error:
            self._seen = ()  # the next that are there are loaded anew
            self._keep(error)
            return
        self._seen = found
        try:
            new = load(files)
        except (ConfigError, OSError) as error:
            self._keep(error)
            return
        self._failed = ""
        if new.certificate == self.shown.certificate:
            return
        self.shown = new
        log.warning("another certificate from now on: SHA-256 %s", new.fingerprint)
        self._remark(files)
        for tell in self.told:
            tell()

    def _keep(self, error: Exception) -> None:
        self._failed = safe_text(str(error), 300)
        log.error("the certificate stays as it was: %s", error)

    @property
    def trouble(self) -> list[str]:
        """Sentences on what a person should mend before clients refuse us."""
        said, ends = [], self.shown.ends
        if self._failed:
            said.append(f"the new TLS certificate is not used: {self._failed}")
        now = datetime.datetime.fromtimestamp(self._wall(), datetime.UTC)
        if ends - now < SOON:
            verb = "ends" if ends > now else "has ended"
            said.append(f"the TLS certificate of this server {verb} {ends.date()}")
        return said

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: object
    ) -> None:
        connection.context = self.shown

    def _remark(self, files: Files) -> None:
        """Say what a person should mend, though it works: of one pair once a day."""
        today = int(self._wall() // 86_400)
        if self._remarked == (today, self.shown):
            return
        self._remarked = today, self.shown
        certificate, key = files
        if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            log.warning("others may read the key in %s: chmod 600 %s", key, key)
        left = self.shown.ends - datetime.datetime.fromtimestamp(
            self._wall(), datetime.UTC
        )
        if left < SOON:
            log.warning(
                "the certificate in %s %s %s",
                certificate,
                "ends" if left > datetime.timedelta() else "has ended",
                self.shown.ends.date(),
            )


def load(files: Files) -> Shown:
    """Return a context that shows *files*: tried, so it works. Raises ConfigError."""
    certificate, key = files
    context = Shown(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
        context.certificate = _as_shown(context)
    except _Encrypted as error:
        raise ConfigError(
            f"the key in {key} is encrypted",
            hint=f"decrypt it: openssl pkey -in {key} -out NEW, and chmod 600 NEW",
        ) from error
    except (ssl.SSLError, OSError, ValueError) as error:
        raise _useless(certificate, key, error) from error
    context.prologue = prologue(context.certificate)
    return context


class _Encrypted(Exception):
    pass


def _no_password() -> str:
    # Without this, OpenSSL asks whoever sits at the terminal.
    raise _Encrypted


def _as_shown(context: ssl.SSLContext) -> bytes:
    """Return the certificate that a client gets: a handshake in memory asks it."""
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(down, up)
    server = context.wrap_bio(up, down, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True) or b""


def _signature(files: Files) -> tuple[object, ...]:
    """Return what is another when a file was changed or another took its place."""
    try:
        found = [os.stat(path) for path in files]
    except OSError:
        return ("gone",)
    return tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in found)


def _useless(certificate: Path, key: Path, error: Exception) -> ConfigError:
    for path in (certificate, key):
        try:
            path.open("rb").close()
        except OSError as missing:
            why = (missing.strerror or str(missing)).lower()
            return ConfigError(
                f"cannot read {path}: {why}",
                hint="tls_cert and tls_key are files in PEM that this user may read",
            )
    reason = getattr(error, "reason", None) or str(error)
    if reason == "KEY_VALUES_MISMATCH":
        words = "the key does not belong to the certificate"
    else:
        words = safe_text(str(reason)).lower().replace("_", " ")
    return ConfigError(
        f"TLS with {certificate} and {key} does not work: {words}",
        hint="wanted in PEM: the certificate, then its intermediates; and its key",
    )
