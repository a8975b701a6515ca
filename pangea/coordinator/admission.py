"""Who may join: a node that proves the secret or a token, and only as itself.

Proving the cluster's secret is trust on first use: the first link of a key pins it.
A revoked key is refused before anything is said to it, whatever it proves.
"""

import logging
import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError, UsageError
from pangea.core.model import Worker
from pangea.core.seldom import Seldom
from pangea.core.text import safe_text
from pangea.mesh.channel import Channel
from pangea.mesh.first_message import KIND_TOKEN
from pangea.mesh.handshake import CheckPeer
from pangea.mesh.identity import Identity, node_id, parse_node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.limits import Buckets
from pangea.mesh.link import Link, initiate, respond
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.replay import ReplayCache
from pangea.storage import ingest, workers
from pangea.storage.database import Store
from pangea.storage.tokens import StoredToken

from .admission_mode import SECRET, AdmissionMode
from .board import Board
from .join_tokens import Held, JoinTokens

log = logging.getLogger(__name__)

#: New workers that the secret alone lets in at once, and how many more a second;
#: the others wait for a person: whoever knows the secret can make any number of keys.
NEW_AT_ONCE, NEW_PER_S = 50.0, 1.0
#: Who let a worker in, if no person did.
BY_SECRET, BY_TOKEN, BY_OURSELVES = "the secret", "a join token", "this coordinator"


class Admission:
    """Turns a channel into a link to a worker that is known by its key.

    ``own_worker`` is the key of the coordinator's own child, ``revoked`` are the
    keys that never come in again.
    """

    def __init__(
        self,
        board: Board,
        store: Store,
        identity: Identity,
        secrets: Callable[[], Sequence[bytes]],
        info: NodeInfo,
        clock: Clock,
        *,
        mode: AdmissionMode,
        tokens: JoinTokens,
        own_worker: bytes = b"",
    ) -> None:
        self._board = board
        self._store = store
        self._identity = identity
        self._secrets = secrets
        self._info = info
        self._clock = clock
        self._mode = mode
        self._tokens = tokens
        self._replays = ReplayCache()
        self._new = Buckets(NEW_AT_ONCE, NEW_PER_S, most=1)
        self._told = Seldom()
        self.own_worker = own_worker
        self.revoked: set[bytes] = set()
        #: Called with each pending worker that had to make room for another.
        self.forgotten: Callable[[int], None] = lambda worker: None

    async def load(self) -> None:
        """Read what was decided before."""
        await self._mode.load()
        await self._tokens.load()
        self.revoked = await self._store.read(workers.revoked_keys)

    async def shake(self, channel: Channel) -> Link:
        """Return a link on which the peer has proven who it is."""
        hint = b""

        def find_token(asked: bytes) -> bytes | None:
            nonlocal hint
            hint = asked
            held = self._tokens.get(asked)
            return held.proof if held else None

        def check(key: bytes, info: NodeInfo) -> None:
            self.check(key, info)
            if hint:
                self._token(hint, key)

        try:
            return await respond(
                channel,
                self._identity,
                self._secrets(),
                self._info,
                check,
                self._replays,
                clock=self._clock,
                prologue=channel.prologue,
                find_token=find_token,
            )
        except Refused as error:
            if error.reason is not Refusal.TOKEN or self._tokens.get(hint):
                raise
            raise Refused(error.reason, self._tokens.why_not(hint)) from error

    @property
    def secrets(self) -> Sequence[bytes]:
        """The cluster's secrets that are valid now, the current one first."""
        return self._secrets()

    async def call(self, channel: Channel, secret: bytes, check: CheckPeer) -> Link:
        """Return a link to the node that we have dialled, by *secret*."""
        return await initiate(
            channel,
            self._identity,
            secret,
            self._info,
            check,
            clock=self._clock,
            prologue=channel.prologue,
        )

    async def admit(self, link: Link, waiting: AbstractSet[int]) -> Worker:
        """Return the worker behind *link*, approved or pending, as it is stored.

        *waiting* are the pending workers that are here. Raises NotAllowed for a
        token that somebody else was faster with, and Conflict if too many wait.
        """
        key = link.peer_key
        self.check(key, link.peer_info)
        held = self._token(link.hint, key) if link.kind == KIND_TOKEN else None
        token = held.stored if held else None
        known = self._known(key)
        fresh = token is not None and token.state == "open"
        settled = known is not None and known.state == "approved" and not fresh
        if known and settled and (known.trusted or key != self.own_worker):
            return known
        entering = self._entering(link, token)
        worker, removed = await self._store.write(
            lambda: self._enter(entering, token, waiting)
        )
        if held is not None and fresh:
            self._tokens.consumed(held, key)
        for number, for_good in removed.items():
            self._forget(number, for_good)
        # It may have been revoked meanwhile, and the board knows of that already.
        self.check(key, link.peer_info)
        self._board.workers[worker.id] = worker
        if known is None or known.state != worker.state:
            _tell(worker)
        return worker

    async def marks(self, worker: Worker) -> dict[str, int]:
        """Return what of *worker* is stored already."""
        return await self._store.read(lambda: ingest.watermarks(worker.id))

    def _entering(self, link: Link, token: StoredToken | None) -> Worker:
        """Return the node as it comes in now, if it were new."""
        key, name = link.peer_key, worker_name(link.peer_info.name)
        state, trusted, by = "pending", False, ""
        if key == self.own_worker:
            state, trusted, by = "approved", True, BY_OURSELVES
        elif token is not None and token.approve and token.state == "open":
            # The approval was given in advance, for one use.
            state, trusted, by = "approved", True, f"a token of {token.created_by}"
        elif self._mode.mode == SECRET:
            state, by = "approved", BY_SECRET if token is None else BY_TOKEN
            if token is None and self._too_many(name):
                state, by = "pending", ""
        return Worker(
            id=0,
            key=key,
            name=name,
            state=state,
            trusted=trusted,
            approved_by=by,
            site=token.site if token else "",
            region=token.site if token else "",
            added_at_us=round(self._clock.wall() * 1e6),
        )

    def _too_many(self, name: str) -> bool:
        """Count one that the secret lets in; True if they come too fast."""
        now = self._clock.monotonic()
        if self._new.is_empty(BY_SECRET, now):
            if self._told.left_out(BY_SECRET, now) is not None:
                log.warning(
                    "new workers come by the secret faster than %g a second: %s and "
                    "those like it wait for approval",
                    NEW_PER_S,
                    name,
                )
            return True
        self._new.take(BY_SECRET, now)
        return False

    def _enter(
        self,
        entering: Worker,
        token: StoredToken | None,
        waiting: AbstractSet[int],
    ) -> tuple[Worker, dict[int, bool]]:
        """Register the node and use its token up, in one transaction.

        Returns it, and the pending ones that had to make room.
        """
        if token is not None:
            self._tokens.consume(token, entering.key)
        before = workers.by_key(entering.key)
        if before is None or before.state not in workers.PRESENT:
            pending = entering.state == "pending"
            removed = workers.make_room(waiting) if pending else {}
            return workers.register(entering), removed
        if entering.state == "pending":
            return before, {}
        better = entering.trusted and not before.trusted
        if before.state == "approved" and not better:
            return before, {}
        admitted = replace(
            before,
            state="approved",
            trusted=before.trusted or entering.trusted,
            approved_by=entering.approved_by,
            site=entering.site or before.site,
        )
        return workers.save(admitted), {}

    def _forget(self, number: int, for_good: bool) -> None:
        """Take a pending worker off the board that had to make room."""
        gone = self._board.workers.pop(number, None)
        self._board.seen.pop(number, None)
        self.forgotten(number)
        if gone is not None and not for_good:
            self._board.workers[number] = replace(gone, state="removed")

    def _known(self, key: bytes) -> Worker | None:
        return next((w for w in self._board.workers.values() if w.key == key), None)

    def _token(self, hint: bytes, key: bytes) -> Held:
        """Return the token that *key* may use, or refuse."""
        held = self._tokens.get(hint)
        if held is None:
            raise Refused(Refusal.TOKEN, "this join token is over")
        token = held.stored
        if token.state == "used" and token.used_by != key:
            raise Refused(
                Refusal.TOKEN,
                f"node {node_id(key)} came with a join token that another has used",
            )
        return held

    def check(self, key: bytes, info: NodeInfo) -> None:
        """Refuse what is no worker, and what was revoked; whoever dialled."""
        if info.role != "worker":
            raise ProtocolError(f"a {safe_text(info.role, 20)!r} may not join here")
        if key in self.revoked:
            raise Refused(Refusal.PEER, f"node {node_id(key)} was revoked")


def worker_name(wanted: str) -> str:
    """Return *wanted* as a name that is safe everywhere, or ``worker``.

    What looks like the id of a node is no name: people type either. Nor is the
    coordinator's own.
    """
    kept = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower())
    name = kept.strip("-._")[:63] or "worker"
    if name == "coordinator":
        return "worker"
    try:
        parse_node_id(name)
    except UsageError:
        return name
    return "worker"


def _tell(worker: Worker) -> None:
    """Say in the log who came in, or waits, and what to do."""
    shown = node_id(worker.key)
    if worker.wanted_name:
        log.warning(
            "a new worker calls itself %s, but that name is taken: it is called %s "
            "here; rename it with: pangea worker rename %s NEW",
            worker.wanted_name,
            worker.name,
            worker.name,
        )
    if worker.state == "pending":
        log.warning(
            "worker %s waits for approval: pangea worker approve %s", worker.name, shown
        )
        return
    by = worker.approved_by
    log.info("worker %s was let in by %s: %s", worker.name, by, shown)
