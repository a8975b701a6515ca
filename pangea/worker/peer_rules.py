"""Who may have a link to this worker as its peer."""

from collections.abc import Iterable

from pangea.core.errors import ProtocolError
from pangea.core.process_order import ProcessOrder
from pangea.core.text import safe_text
from pangea.mesh.info import NodeInfo
from pangea.mesh.messages import Goodbye

from .peer_link import PeerLink
from .roster_keeper import RosterKeeper

#: Links from peers that are not our neighbours: another roster than ours, or a
#: worker that wants something else of us.
MAX_GUESTS = 16


class PeerRules:
    """Refuses who is no worker of the roster, and the earlier one of two twins.

    While ``quiet`` nobody may be a peer: a later process has our key.
    """

    def __init__(self, roster: RosterKeeper) -> None:
        self.quiet = False
        self._roster = roster
        self._order = ProcessOrder()

    def check(self, key: bytes, info: NodeInfo, *, guests: set[bytes] | None) -> None:
        """Refuse a node by what it proves; *guests* are here, None for a neighbour."""
        if self.quiet:
            raise ProtocolError("a later process has our key: its peers are not ours")
        if info.role != "worker":
            raise ProtocolError(f"a {safe_text(info.role, 20)!r} is no peer")
        self._roster.check(key)
        if guests is not None and key not in guests and len(guests) >= MAX_GUESTS:
            raise ProtocolError("there are too many links of peers already")

    async def check_order(self, peer: PeerLink, before: PeerLink | None) -> None:
        """Refuse *peer* while *before*, a later process with its key, is linked."""
        here = before.boot if before else ""
        if self._order.may_come(peer.key, peer.boot, here):
            return
        await peer.say(Goodbye("a later process has your key", twin=True))
        raise ProtocolError("it is there twice; the later process stays")

    def keep_only(self, keys: Iterable[bytes]) -> None:
        """Forget in which order the processes of other nodes came."""
        for node in self._order.nodes() - set(keys):
            self._order.forget(node)
