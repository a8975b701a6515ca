"""What a port that strangers reach demands of the configuration."""

from msgspec.structs import replace

from .config import Admission, MeshTable, NodeConfig
from .errors import ConfigError
from .layers import Resolved

_DOCS = "see docs/mesh.md, Over the internet"


def for_public(resolved: Resolved) -> NodeConfig:
    """Return the configuration; with ``public``, what is not given is made strict.

    Raises ConfigError for what is given and contradicts it.
    """
    config = resolved.config
    if not config.server.public:
        return config
    if config.node.role != "coordinator":
        raise ConfigError(
            "public is for a coordinator: a worker opens no port to strangers",
            hint="leave out --public (server.public, PANGEA_PUBLIC)",
        )
    if not (config.server.speaks_tls or config.server.tls_proxies):
        raise ConfigError(
            "public needs TLS",
            hint="give --tls-cert F --tls-key F, or --tls auto for a certificate of "
            f"our own, or --tls-proxy ADDR if a proxy speaks TLS for us; {_DOCS}",
        )
    mesh = _without_mdns(resolved)
    mesh = replace(mesh, admission=_admission(resolved))
    return replace(config, mesh=mesh)


def _admission(resolved: Resolved) -> Admission:
    """Return how workers without a token get in: never by the secret alone."""
    source = resolved.sources.get("mesh.admission")
    if source is not None and resolved.config.mesh.admission == "secret":
        raise ConfigError(
            f"public does not go with the admission secret of {source}: who has "
            "the secret would be let in from anywhere",
            hint="leave it out, or say approve; workers get in by "
            "pangea worker token, or pangea worker approve",
        )
    return "approve"


def _without_mdns(resolved: Resolved) -> MeshTable:
    """Advertise nothing; refuse only who asked for it."""
    mesh, source = resolved.config.mesh, resolved.sources.get("mesh.discovery")
    if source is not None and "mdns" in mesh.discovery:
        raise ConfigError(
            f"public does not go with the discovery mdns of {source}: it tells "
            "everybody on the link",
            hint="say --discovery static, or leave out one of the two",
        )
    quiet = tuple(way for way in mesh.discovery if way != "mdns")
    return replace(mesh, discovery=quiet)
