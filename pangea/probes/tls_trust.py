"""Finds the authorities that this machine trusts and asks OpenSSL about a chain."""

import os
from datetime import UTC, datetime
from pathlib import Path

from OpenSSL import crypto

from pangea.core.failure import ProbeError
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
_PARTIAL_CHAIN = crypto.X509StoreFlags.PARTIAL_CHAIN


class Trust:
    """Trust stores by file, loaded at first use and again when the file changes."""

    def __init__(self) -> None:
        self._stores: dict[tuple[str, int, int], crypto.X509Store] = {}

    def verify(
        self, chain: tuple[bytes, ...], ca_file: str, now: float
    ) -> tuple[int, int, str] | None:
        """Return OpenSSL's (error, depth, sentence) for *chain*, or None if it holds.

        *chain* is DER, the server's own certificate first; *ca_file* "" means
        the system's. Raises ProbeError ``no_trust_store``.
        """
        store = self._store(ca_file or system_ca_file())
        store.set_time(datetime.fromtimestamp(now, UTC))
        leaf, *others = (_load(der) for der in chain)
        try:
            crypto.X509StoreContext(store, leaf, others).verify_certificate()
        except crypto.X509StoreContextError as error:
            code, depth, said = error.errors
            return code, depth, safe_text(said)
        return None

    def _store(self, path: str) -> crypto.X509Store:
        try:
            state = Path(path).stat()
            key = (path, state.st_mtime_ns, state.st_size)
            if key not in self._stores:
                self._make_room(path)
                self._stores[key] = _read_store(path)
            return self._stores[key]
        except (OSError, crypto.Error) as error:
            said = getattr(error, "strerror", "") or "it holds no certificate"
            detail = f"the CA file {safe_text(path)} cannot be used: {said}"
            raise ProbeError("no_trust_store", detail) from error

    def _make_room(self, path: str) -> None:
        for key in [k for k in self._stores if k[0] == path]:
            del self._stores[key]
        while len(self._stores) >= MAX_STORES:
            del self._stores[next(iter(self._stores))]


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


def _read_store(path: str) -> crypto.X509Store:
    store = crypto.X509Store()
    store.load_locations(path)
    # Whoever puts an intermediate in the file means to trust it, as curl does.
    store.set_flags(_PARTIAL_CHAIN)
    return store


def _load(der: bytes) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)
