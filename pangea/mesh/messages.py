"""What nodes say to each other once they are admitted, and how it is packed.

Every message is a frozen struct packed as a MessagePack array whose first
element is its tag, so new fields go to the end and have defaults. A message that
is unknown, malformed or too deep is a ProtocolError, never ignored. A message that
came with a later version than the first says so in ``since``; a link of an earlier
version neither takes nor brings it.
"""

from typing import Any, ClassVar, get_args

import msgspec
from msgspec import Raw, field

from pangea.core.errors import ProtocolError
from pangea.core.model import Assignment, Gap, Result
from pangea.core.text import safe_text
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.message import Message as Message
from pangea.mesh.peer_messages import (
    AskPeer,
    PeerReport,
    PeerSaid,
    Ping,
    Pong,
    Roster,
)
from pangea.mesh.probe_messages import AskProbe, Health, ProbeSaid

#: The versions of this message set that we speak, lowest and highest.
VERSIONS = (1, 3)
#: Rows in one batch, and batches that may wait for their ack at once.
BATCH_ROWS = 500
WINDOW = 4
#: Bytes of rows in one batch, so that it stays far below a frame; one row at least.
BATCH_BYTES = 512 * 1024


class Welcome(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker, first of all: the final word of the admission.

    ``watermarks`` holds, for each epoch of this worker, the last sequence number
    that is safe in the database; ``worker`` and ``name`` are how it is called.
    ``pending`` as the status says that a person has to approve the worker first;
    another Welcome follows then. ``secrets`` is the cluster's ring of secrets as it
    is stored, for a worker that joined by a token.
    """

    status: str
    sid: bytes
    worker: int = 0
    name: str = ""
    watermarks: dict[str, int] = field(default_factory=dict)
    secrets: bytes = b""


class Introduce(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator, next: where I stand and what I can do.

    ``lacks`` names each probe type that cannot run here, with the reason. ``port``
    is where peers may dial this worker (0: nowhere), ``addresses`` are hints of
    the whole address; ``roster`` is the version that it holds.
    """

    boot: str
    version: str
    region: str = ""
    position: tuple[float, float] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    lacks: dict[str, str] = field(default_factory=dict)
    port: int = 0
    addresses: tuple[str, ...] = ()
    roster: int = 0


class Desired(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: what to probe from now on.

    With ``base`` None it is the whole set; else it changes the set of version
    ``base``, and a worker that holds another one asks for the whole by Applied.
    With ``more`` it is a part: the next one has this version as its base, and all
    parts are applied, and answered, as one.
    """

    version: int
    base: int | None
    put: tuple[Assignment, ...]
    drop: tuple[int, ...] = ()
    more: bool = False


class Applied(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator: the version that I run now (0: send me all)."""

    version: int


class Batch(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator: results in order, each packed by itself.

    Row *i* has the sequence number ``first + i`` of ``epoch``. ``offset_us`` is
    what to add to the worker's wall time to get the coordinator's.

    From version 2 on ``boot_ns`` is the worker's boot clock at the start of each
    row, 0 if unknown, in the boot that it calls ``boot``; ``boot_offset_us`` is
    what to add to it, as links of that boot have measured, else None, and
    ``error_us`` how far it may be off. An earlier boot ended by ``before_us``, in
    the coordinator's time.
    """

    epoch: str
    first: int
    rows: tuple[Raw, ...]
    gaps: tuple[Gap, ...] = ()
    offset_us: int = 0
    boot: str = ""
    boot_ns: tuple[int, ...] = ()
    boot_offset_us: int | None = None
    error_us: int = 0
    before_us: int = 0


class Digest(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator, after an outage: what each job looks like now.

    ``latest`` holds the last row of each job among those that wait in the spool, to
    be judged at once. Its numbers mean nothing, and nothing of it is stored or
    acknowledged: the rows follow in order.
    """

    since: ClassVar[int] = 2

    latest: Batch


class Credit(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: so many rows a second of what waits may follow.

    0 means none for now. What is made from now on does not wait for credit.
    """

    since: ClassVar[int] = 2

    rows_s: float


class Ack(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: all up to ``upto`` is safe in the database."""

    epoch: str
    upto: int


class Heartbeat(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator, every few seconds: I am still here, and how I am.

    ``sent_us`` is the worker's wall time, ``lag_ms`` the worst delay of its
    event loop since the last one, ``spooled`` the results that wait.

    From version 2 on: ``error_us`` is how far the offset may be off, ``stepped_ms``
    and ``slept_ms`` by how much the wall clock was set, and how long the machine
    was asleep, since the last one; ``trouble`` says why the disk takes nothing, and
    ``dropped`` how many results had to go since the worker started.
    """

    sent_us: int
    applied: int = 0
    spooled: int = 0
    lag_ms: float = 0.0
    offset_us: int = 0
    rtt_us: int = 0
    skipped: int = 0
    error_us: int = 0
    stepped_ms: int = 0
    slept_ms: int = 0
    trouble: str = ""
    dropped: int = 0


class HeartbeatAck(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: the other three of the four timestamps begin here.

    ``lease_s`` renews all leased assignments, for so long from that heartbeat on.
    """

    sent_us: int
    received_us: int
    answered_us: int
    lease_s: float = 0.0


class RunNow(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: probe ``job`` once, ``delay_s`` from now."""

    job: int
    delay_s: float = 0.0


class Secrets(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: the cluster's secrets from now on, as a ring's JSON."""

    since: ClassVar[int] = 2

    ring: bytes

    def __repr__(self) -> str:
        """Show nothing of the secrets."""
        return "Secrets(…)"


class SecretsKept(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator: my disk holds these secrets, the current one first."""

    since: ClassVar[int] = 2

    ids: tuple[str, ...]


class Goodbye(Message, frozen=True, array_like=True, tag=True):
    """Either side, last: I am leaving, and why.

    From version 2 on ``twin`` says that a later process with the same key is there:
    the one that is told so stays quiet until it is welcome again.
    """

    reason: str = ""
    twin: bool = False


ANY = (
    Welcome
    | Introduce
    | Desired
    | Applied
    | Batch
    | Digest
    | Credit
    | Ack
    | Heartbeat
    | HeartbeatAck
    | RunNow
    | Secrets
    | SecretsKept
    | Goodbye
    | Roster
    | Ping
    | Pong
    | PeerReport
    | AskPeer
    | PeerSaid
    | OpenCircuit
    | CircuitData
    | CircuitWindow
    | CloseCircuit
    | Health
    | AskProbe
    | ProbeSaid
)

_TAGS = frozenset(kind.__name__ for kind in get_args(ANY))
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(ANY)
_row_decoder = msgspec.msgpack.Decoder(Result)


def encode(message: Message) -> bytes:
    """Return *message* packed."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """Return the message in *data*; ProtocolError if it is wrong in any way."""
    try:
        message: Message = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolError(_unknown(data) or f"bad message: {error}") from error
    return message


def _unknown(data: bytes) -> str:
    """Return that *data* is a message which we do not know, "" if it is not."""
    try:
        tag, *_ = msgspec.msgpack.decode(data, type=list[Any])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(tag, str) or tag in _TAGS:
        return ""
    return f"{safe_text(tag, 40)} is no message of the mesh up to version {VERSIONS[1]}"


def encode_row(result: Result) -> bytes:
    """Return one result packed, as the spool keeps it and a batch carries it."""
    return _encoder.encode(result)


def decode_row(data: bytes | Raw) -> Result:
    """Return the result in *data*; ProtocolError if it is wrong in any way."""
    try:
        return _row_decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolError(f"bad row: {error}") from error
