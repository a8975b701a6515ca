"""Who is looked at: the node that would run here with this configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pangea.core.config import MeshTable, NodeConfig
from pangea.core.errors import ConfigError, PangeaError
from pangea.mesh import last_good
from pangea.mesh.dial import Address, parse_join
from pangea.mesh.identity import load_or_create
from pangea.mesh.join_token import is_token, parse_token
from pangea.mesh.last_good import LastGood
from pangea.mesh.ring_file import NAME, RingFile
from pangea.mesh.secret_ring import SecretRing


@dataclass(frozen=True)
class Patient:
    """What all checks need; files are read at most once, nothing is written."""

    config: NodeConfig
    state_dir: Path
    is_worker: bool
    trusted: LastGood | None
    ring: SecretRing | None
    #: why there is no ring, though there should be one
    no_ring: PangeaError | None

    @property
    def mesh(self) -> MeshTable:
        """How this node finds others."""
        return self.config.mesh

    @property
    def secrets(self) -> list[bytes]:
        """Every secret that counts here."""
        return [secret.raw for secret in self.ring.all] if self.ring else []

    @property
    def own_id(self) -> str:
        """The id of this node, or "" if it has none that can be read."""
        path = self.state_dir / "node.key"
        try:
            # Only read: the file is made at the first start, not here.
            return load_or_create(path).id if path.exists() else ""
        except (ConfigError, OSError):
            return ""

    def addresses(self) -> list[Address]:
        """Return where the coordinator is looked for without discovery."""
        return list(dict.fromkeys([*self._configured(), *self._remembered()]))

    def _configured(self) -> Sequence[Address]:
        if not self.is_worker:
            host, port = self.config.listen
            own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            return [Address(own, port, self.config.server.speaks_tls)]
        told = [text for text in self.mesh.join if not is_token(text)]
        tokens = [parse_token(text) for text in self.mesh.join if is_token(text)]
        told += [place for token in tokens for place in token.addresses]
        return [parse_join(text) for text in told]

    def _remembered(self) -> Sequence[Address]:
        kept = self.trusted.addresses if self.trusted else ()
        return [parse_join(text) for text in kept]


def examined(config: NodeConfig, state_dir: Path) -> Patient:
    """Return the node of *state_dir*; a worker's directory says that it is one."""
    ring: SecretRing | None = None
    trouble: PangeaError | None = None
    try:
        file = RingFile.open(state_dir / NAME, config.mesh.secret_file)
        ring = file.ring if file else None
    except ConfigError as error:
        trouble = error
    return Patient(
        config=config,
        state_dir=state_dir,
        is_worker=config.node.role == "worker" or _is_workers(state_dir),
        trusted=_trusted(state_dir),
        ring=ring,
        no_ring=trouble,
    )


def _is_workers(state_dir: Path) -> bool:
    def has(name: str) -> bool:
        try:
            return (state_dir / name).exists()
        except OSError:
            return False

    return has("spool.db") and not has("pangea.db")


def _trusted(state_dir: Path) -> LastGood | None:
    try:
        return last_good.load(state_dir / "last-good.json")
    except ConfigError:
        return None  # the check of the files says so
