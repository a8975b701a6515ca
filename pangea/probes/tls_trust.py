"""Finds the authorities that this machine trusts and asks OpenSSL about a chain."""

import asyncio
import os
import stat
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from OpenSSL import crypto

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.text import safe_text

#: where distributions keep the bundle; the first that exists is used
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)
MAX_STORES = 64
#: seconds after which a CA file is looked at again, for it may have changed
STORE_LIFE = 3600.0
#: seconds around the present that are judged as the present
PRESENT_S = 5.0
_PARTIAL_CHAIN = crypto.X509StoreFlags.PARTIAL_CHAIN


class _Loaded(NamedTuple):
    """A store, the state of the file that it is of, and when that was looked at."""

    state: tuple[int, int]
    store: crypto.X509Store
    at: float


class Refusal(NamedTuple):
    """What OpenSSL has against a chain: its error, how deep, its sentence."""

    code: int
    depth: int
    said: str


class Trust:
    """Trust stores by file, loaded at first use and again when the file changes."""

    def __init__(self) -> None:
        self._stores: dict[str, _Loaded] = {}
        self._loading: dict[str, asyncio.Future[_Loaded]] = {}

    def is_ready(self, ca_file: str, now: float) -> bool:
        """Tell whether ``verify`` can be asked without reading a file."""
        known = self._stores.get(ca_file)
        return known is not None and 0 <= now - known.at < STORE_LIFE

    def load(self, ca_file: str, now: float) -> asyncio.Future[Any]:
        """Begin to load *ca_file* in a thread: the system's takes 10 to 30 ms.

        Many may wait for it with ``asyncio.wait``. One that cannot be loaded is
        the trouble of ``verify``.
        """
        loading = self._loading.get(ca_file)
        if loading is None:
            loop = asyncio.get_running_loop()
            known = self._stores.get(ca_file)
            loading = loop.run_in_executor(None, _load_store, ca_file, now, known)
            self._loading[ca_file] = loading
            loading.add_done_callback(lambda done: self._loaded(ca_file, done))
        return loading

    def verify(
        self, chain: Sequence[bytes], ca_file: str, now: float
    ) -> tuple[Refusal | None, tuple[bytes, ...]]:
        """Return what speaks against *chain*, and how it was verified if nothing.

        Both chains are DER, the server's own certificate first; the verified one
        ends in what is trusted. *ca_file* "" means the system's. Raises
        ProbeError ``no_trust_store``, ProbeFailed ``cert_unreadable``.
        """
        store = self._store_at(ca_file, now)
        leaf, *others = (_load(der) for der in chain)
        asked = crypto.X509StoreContext(store, leaf, others)
        try:
            verified = asked.get_verified_chain()
        except crypto.X509StoreContextError as error:
            code, depth, said = error.errors
            return Refusal(code, depth, safe_text(said)), ()
        return None, tuple(map(_dump, verified))

    def _store_at(self, ca_file: str, now: float) -> crypto.X509Store:
        """Return the store for judging at *now*.

        A store keeps the first time that it is told, whatever it is told later, so
        ours is told none: OpenSSL looks at the clock. Another moment gets a new one.
        """
        store = self._store(ca_file, now)
        if abs(now - time.time()) > PRESENT_S:
            store = _load_store(ca_file, now, None).store
            store.set_time(datetime.fromtimestamp(now, UTC))
        return store

    def _store(self, ca_file: str, now: float) -> crypto.X509Store:
        if not self.is_ready(ca_file, now):
            loaded = _load_store(ca_file, now, self._stores.get(ca_file))
            self._keep(ca_file, loaded)
        return self._stores[ca_file].store

    def _loaded(self, ca_file: str, done: "asyncio.Future[_Loaded]") -> None:
        self._loading.pop(ca_file, None)
        if not done.cancelled() and not done.exception():
            self._keep(ca_file, done.result())

    def _keep(self, ca_file: str, loaded: _Loaded) -> None:
        self._stores.pop(ca_file, None)
        while len(self._stores) >= MAX_STORES:
            del self._stores[next(iter(self._stores))]
        self._stores[ca_file] = loaded


def system_ca_file() -> str:
    """Return the bundle of authorities: SSL_CERT_FILE, else the system's.

    Raises ProbeError ``no_trust_store`` if there is none.
    """
    given = os.environ.get("SSL_CERT_FILE")
    if given:
        return given
    for path in CA_FILES:
        if Path(path).is_file():
            return path
    raise ProbeError(
        "no_trust_store",
        "this worker has no CA file: install ca-certificates or set SSL_CERT_FILE",
    )


def _load_store(ca_file: str, now: float, known: _Loaded | None) -> _Loaded:
    """Return *known* if it is still what the file holds, else load it anew."""
    path = ca_file or system_ca_file()
    try:
        found = Path(path).stat()
        state = (found.st_mtime_ns, found.st_size)
        if known and known.state == state:
            return known._replace(at=now)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is not a file")
        return _Loaded(state, _read_store(path), now)
    except (OSError, crypto.Error) as error:
        said = getattr(error, "strerror", "") or "it holds no certificate"
        detail = f"the CA file {safe_text(path)} cannot be used: {said}"
        raise ProbeError("no_trust_store", detail) from error


def _read_store(path: str) -> crypto.X509Store:
    store = crypto.X509Store()
    store.load_locations(path)
    # Whoever puts an intermediate in the file means to trust it, as curl does.
    store.set_flags(_PARTIAL_CHAIN)
    return store


def _load(der: bytes) -> crypto.X509:
    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    except crypto.Error as error:
        detail = "the certificate is malformed: OpenSSL cannot read it"
        raise ProbeFailed("cert_unreadable", detail) from error


def _dump(cert: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, cert)
