"""A worker from top to bottom: what starts when, and what it needs."""

import gc
import logging
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pangea import __version__
from pangea.background import Background
from pangea.core.clock import Clock
from pangea.core.config import LISTEN_OFF, MeshTable, NodeConfig
from pangea.core.errors import ConfigError, UsageError
from pangea.mesh import identity, ring_file
from pangea.mesh.info import NodeInfo
from pangea.mesh.join_token import JoinToken, is_token, parse_token
from pangea.mesh.messages import Introduce
from pangea.state_dir import new_boot
from pangea.storage.spool import Spool
from pangea.system_clock import SystemClock, boot_id
from pangea.vault import Vault
from pangea.web.server import Running

from .abilities import abilities, tell_lacks
from .agent import Agent
from .clock_offset import ClockOffset
from .credentials import Credentials, credentials_of
from .finder import Finder
from .listener import addresses_of
from .mesh_start import start_mesh
from .self_test_start import self_test_of
from .trust import Trust

if TYPE_CHECKING:
    from pangea.mesh.service_records import ServiceRecords

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
    waits = config.listen_given and config.server.listen != LISTEN_OFF
    credentials, trust, finder = way_in(config.mesh, state_dir, clock, waits=waits)
    probes, lacks = abilities()
    tell_lacks(probes, lacks)
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
            credentials.secrets,
            info,
            trust=trust,
            offset=offset,
            clock=clock,
            background=background,
            stack=stack,
        )
        if finder.blind and mesh.running:
            tell_waiting(mesh.running)
        spool = await Spool.open(state_dir / "spool.db", boot=boot_id())
        agent = Agent(
            own,
            credentials,
            info,
            introduce,
            spool=spool,
            trust=trust,
            finder=finder,
            vault=Vault.load_or_create(state_dir / "vault.key"),
            clock=clock,
            offset=offset,
            mesh=mesh,
            ca_file=config.mesh.ca_file,
            wellness=self_test_of(
                config.self_test, state_dir, spool, offset, clock, mesh.peers
            ),
        )
        if agent.wellness:
            background.start(agent.wellness.run(), "self-test")
        background.start(agent.run(), "worker")
        stack.push_async_callback(agent.stop)
        background.serve(f"worker {name}", lambda: agent.lag.notes)
        await background.until_signal()


def tell_waiting(running: Running) -> None:
    """Say what to type on the coordinator that shall dial this worker."""
    told = next(iter(addresses_of(running)), f"HOST:{running.port}")
    log.warning(
        "waiting to be dialled; on the coordinator: pangea worker dial %s", told
    )


def way_in(
    mesh: MeshTable, state_dir: Path, clock: Clock, *, waits: bool = False
) -> tuple[Credentials, Trust, Finder]:
    """Return what this worker joins with, whom it trusts, and where it looks.

    With *waits* it listens, so that its coordinator can dial it. Raises ConfigError
    if one of the three is missing.
    """
    token, join = told(mesh.join)
    path = state_dir / ring_file.NAME
    credentials = credentials_of(path, mesh.secret_file, token)
    trust = Trust(state_dir / "last-good.json", token.coordinator_key if token else b"")
    finder = Finder(
        join,
        trust,
        credentials.secrets,
        clock,
        mdns="mdns" in mesh.discovery,
        records=records_of(mesh, clock),
    )
    if finder.blind and not waits:
        raise ConfigError(
            "this worker knows no coordinator and may not look for one",
            hint="give --join HOST[:PORT], or --discovery mdns or dns; or --listen "
            "HOST:PORT, and on the coordinator: pangea worker dial HOST:PORT",
        )
    return credentials, trust, finder


def records_of(mesh: MeshTable, clock: Clock) -> "ServiceRecords | None":
    """Return what looks for coordinators in the DNS, if that is wanted."""
    if "dns" not in mesh.discovery:
        return None
    # Two megabytes that a worker with a known address never needs.
    from pangea.mesh.service_records import ServiceRecords

    return ServiceRecords(mesh.dns_domain, clock.monotonic)


def told(join: Sequence[str]) -> tuple[JoinToken | None, list[str]]:
    """Return the join token among what was given to --join, and all addresses."""
    tokens = [parse_token(text) for text in join if is_token(text)]
    addresses = [text for text in join if not is_token(text)]
    if len(tokens) > 1:
        raise UsageError("give one join token", hint="each works once, for one worker")
    token = tokens[0] if tokens else None
    return token, addresses + list(token.addresses if token else ())
