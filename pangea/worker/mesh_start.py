"""Bringing a worker's part of the mesh up, and down again."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from pangea.background import Background, supervised
from pangea.core.clock import Clock
from pangea.core.config import NodeConfig
from pangea.mesh.identity import Identity
from pangea.mesh.info import NodeInfo

from .calls import Calls
from .clock_offset import ClockOffset
from .detour import Detour
from .listener import listen
from .mesh_side import MeshSide, is_near
from .peers import Peers
from .relay import Relay
from .roster_keeper import NAME, RosterKeeper
from .trust import Trust

log = logging.getLogger(__name__)


async def start_mesh(
    config: NodeConfig,
    state_dir: Path,
    identity: Identity,
    secrets: Callable[[], Sequence[bytes]],
    info: NodeInfo,
    *,
    trust: Trust,
    offset: ClockOffset,
    clock: Clock,
    background: Background,
    stack: AsyncExitStack,
) -> MeshSide:
    """Listen for peers and begin to keep links to them; *stack* ends it.

    Raises ConfigError if a given ``--listen`` cannot be had.
    """

    def now_us() -> int:
        return round(clock.wall() * 1e6) + offset.best.offset_us

    roster = RosterKeeper(state_dir / NAME, lambda: trust.coordinator, now_us)
    peers = Peers(identity, secrets, info, roster, clock, near=lambda: is_near(trust))
    relay = Relay(roster, clock, allowed=config.mesh.relay)
    detour = Detour(peers, roster, identity.public_key, lambda: trust.pinned)
    peers.calls = calls = Calls(trust, may_be_first=not config.mesh.join)
    peers.others += [relay.hear, detour.hear]
    peers.parted += [relay.parted, detour.parted]
    mesh = MeshSide(peers, roster, offset, relay=relay, detour=detour, calls=calls)
    mesh.running = await listen(config, peers.accept)
    if mesh.running is not None:
        # Our own child's port is of no use to a person.
        level = logging.DEBUG if supervised() else logging.INFO
        log.log(level, "peers may dial port %d", mesh.running.port)
        stack.push_async_callback(mesh.running.stop)
    background.start(peers.run(), "peers")
    background.start(relay.run(), "relay")
    stack.push_async_callback(peers.close)
    return mesh
