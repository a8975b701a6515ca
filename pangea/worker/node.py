"""A worker from top to bottom: what starts when, and what it needs."""

import gc
import logging
import socket
from contextlib import AsyncExitStack
from pathlib import Path

from pangea import __version__
from pangea.background import Background
from pangea.core.config import NodeConfig
from pangea.core.errors import ConfigError
from pangea.mesh import identity, secret_ring
from pangea.mesh.info import NodeInfo
from pangea.mesh.messages import Introduce
from pangea.mesh.secret_ring import SecretRing
from pangea.state_dir import new_boot
from pangea.storage.spool import Spool
from pangea.system_clock import SystemClock, boot_id
from pangea.vault import Vault

from .abilities import abilities
from .agent import Agent
from .clock_offset import ClockOffset
from .finder import Finder
from .mesh_start import start_mesh
from .trust import Trust

log = logging.getLogger(__name__)

#: Young objects before the collector looks for cycles: parsers and connections of
#: runs that are over. Measured with 10,000 jobs, ten times as many take 8 MB more.
LOOK_AFTER = 5_000


async def run_worker(config: NodeConfig, state_dir: Path) -> None:
    """Run a worker until a signal, or its parent's end, ends it."""
    gc.set_threshold(LOOK_AFTER, *gc.get_threshold()[1:])
    clock, boot, node = SystemClock(), new_boot(), config.node
    name = node.name or socket.gethostname().partition(".")[0].lower()
    own = identity.load_or_create(state_dir / "node.key")
    ring = cluster_secret(config.mesh.secret_file, state_dir)
    trust = Trust(state_dir / "last-good.json")
    mdns = "mdns" in config.mesh.discovery
    secrets = [secret.raw for secret in ring.all]
    finder = Finder(config.mesh.join, trust, secrets, clock, mdns=mdns)
    if finder.blind:
        raise ConfigError(
            "this worker knows no coordinator and may not look for one",
            hint="give --join HOST[:PORT], or --discovery mdns",
        )
    probes, lacks = abilities()
    for kind, why in lacks.items():
        log.warning("%s probes cannot run here: %s", kind, why)
    introduce = Introduce(
        boot, __version__, node.region, node.location, node.tags, probes, lacks
    )
    info, offset = NodeInfo(role="worker", name=name, boot=boot), ClockOffset(clock)
    async with AsyncExitStack() as stack:
        background = Background(stack)
        mesh = await start_mesh(
            config,
            state_dir,
            own,
            lambda: [secret.raw for secret in ring.all],
            info,
            trust=trust,
            offset=offset,
            clock=clock,
            background=background,
            stack=stack,
        )
        agent = Agent(
            own,
            ring.current.raw,
            info,
            introduce,
            spool=await Spool.open(state_dir / "spool.db", boot=boot_id()),
            trust=trust,
            finder=finder,
            vault=Vault.load_or_create(state_dir / "vault.key"),
            clock=clock,
            offset=offset,
            mesh=mesh,
        )
        background.start(agent.run(), "worker")
        stack.push_async_callback(agent.stop)
        await background.until_signal()


def cluster_secret(given: str, state_dir: Path) -> SecretRing:
    """Return the secrets that this worker was given; ConfigError if it has none."""
    if given:
        return secret_ring.load_secret_file(Path(given))
    own = state_dir / "secrets.json"
    if own.exists():
        return secret_ring.load_or_create(own)
    raise ConfigError(
        "this worker has no cluster secret",
        hint="on the coordinator run `pangea secret show > pangea.secret`, copy that "
        "file here and give --secret-file pangea.secret",
    )
