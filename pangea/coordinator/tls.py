"""The certificate of a coordinator: given files, or one of our own."""

import asyncio
import signal
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from yarl import URL

from pangea.background import Background
from pangea.core.clock import Clock
from pangea.core.config import NodeConfig, ServerTable
from pangea.mesh.dial import Address
from pangea.mesh.interfaces import local_addresses
from pangea.state_dir import note_url
from pangea.web.certificate import keep_own, own_names
from pangea.web.keys import Site
from pangea.web.tls import Certificate, Files

from .greeting import urls


def open_certificate(
    config: NodeConfig, state_dir: Path, clock: Clock
) -> Certificate | None:
    """Return what is shown on the port, None without TLS. Raises ConfigError."""
    server = config.server
    if not server.speaks_tls:
        return None
    if server.tls_cert:
        given = Path(server.tls_cert), Path(server.tls_key)
        certificate = Certificate(lambda: given, wall=clock.wall)
        # Not without files: then it means that the terminal is gone.
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, certificate.wake)
        return certificate
    names = [*own_names(config.listen[0]), *server.allowed_hosts]
    find = partial(_own, state_dir, names, clock)
    return Certificate(find, wall=clock.wall)


def site_of(config: NodeConfig, certificate: Certificate | None, token: str) -> Site:
    """Return how the site behaves, by what is configured and what is shown."""
    server = config.server
    names = list(certificate.shown.names) if certificate and server.tls_cert else []
    if server.url:
        names.append(URL(server.url).host or "")
    return Site(
        admin_token=token,
        session_s=server.session,
        hosts=frozenset((*server.allowed_hosts, *names)),
        proxies=tuple(ip_network(text, strict=False) for text in server.tls_proxies),
        public=server.public,
        # Under HSTS nobody can get past the question that our own certificate raises.
        hsts=server.public and not _shows_own(server),
        intervals=config.defaults.interval,
    )


def places_of(
    config: NodeConfig, certificate: Certificate | None, host: str, port: int
) -> list[str]:
    """Return the URLs to open: this machine's, what is configured, all others."""
    server = config.server
    here, *others = urls(host, port, tls=certificate is not None)
    named = [server.url.rstrip("/")] if server.url else []
    if certificate is not None and server.tls_cert:
        names = sorted(certificate.shown.names)[:3]
        named += [f"https://{name}:{port}" for name in names]
    if server.public and certificate is None:
        others = []  # plain HTTP is answered to this machine alone
    return list(dict.fromkeys([here, *named, *others]))


def url_of(address: Address) -> str:
    """Return the URL of *address*, also in the clear."""
    return str(address) if address.tls else f"http://{address}"


def note_here(
    state_dir: Path, url: str, certificate: Certificate | None, background: Background
) -> None:
    """Tell the command line of this machine where we are, and keep that true."""
    if certificate is None:
        note_url(state_dir, url)
        return

    def note() -> None:
        note_url(state_dir, url, certificate.shown.fingerprint)

    note()
    certificate.told.append(note)
    background.start(certificate.follow(), "certificate")


def _shows_own(server: ServerTable) -> bool:
    return server.tls == "auto" and not server.tls_cert


def _own(state_dir: Path, names: list[str], clock: Clock) -> Files:
    found = [str(interface.ip) for interface in local_addresses()]
    return keep_own(state_dir, names, clock.wall(), also=found)
