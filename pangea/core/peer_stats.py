"""What one worker measures towards one peer, and what of it is worth telling."""

from collections import deque
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from .offset import OffsetEstimate, OffsetSample

#: Said as ``dial`` of a peer that does not listen: no fault of anybody.
NO_ADDRESS = "it tells no address"
#: A ping without an answer in so many seconds is lost.
LOST_S = 3.0
#: Loss is of so many pings, the round trip of so many answers.
LOSS_PINGS = 24
RTT_PINGS = 12
#: A peer that did not hear us for so long does not hear us, in seconds.
DEAF_S = 12.0
#: A round trip changed if it did by a quarter and by half a millisecond.
RTT_SHARE, RTT_NOISE_US = 0.25, 500
LOSS_NOISE = 0.03
OFFSET_NOISE_US = 2_000


class PeerState(Struct, frozen=True, array_like=True):
    """How a worker sees the peer with ``key``.

    ``rtt_us`` is the median of the last minute, ``loss`` the share of pings of the
    last two, ``offset_us`` what to add to our clock to get the peer's. ``deaf``:
    we hear it, it does not hear us. ``mute``: the link stands, and nothing comes.
    ``dial`` says why we cannot open a connection to it ("" if we can, or never
    had to); ``path`` is how the link goes, ``direct`` or through whom.
    """

    key: bytes
    linked: bool = False
    rtt_us: int = 0
    loss: float = 0.0
    offset_us: int = 0
    deaf: bool = False
    mute: bool = False
    dial: str = ""
    path: str = "direct"


class PeerStats:
    """Pings and answers of one peer, over all its links; times are monotonic."""

    def __init__(self) -> None:
        self._waiting: dict[int, float] = {}
        self._lost: deque[bool] = deque(maxlen=LOSS_PINGS)
        self._rtts: deque[int] = deque(maxlen=RTT_PINGS)
        self._offset = OffsetEstimate()
        self._number = 0

    @property
    def rtt_us(self) -> int:
        """The median round trip in microseconds, 0 if there is none yet."""
        return round(median(self._rtts)) if self._rtts else 0

    @property
    def loss(self) -> float:
        """The share of pings that had no answer in time, 0 to 1."""
        return sum(self._lost) / len(self._lost) if self._lost else 0.0

    @property
    def offset_us(self) -> int:
        """What to add to our clock to get the peer's, in microseconds."""
        return self._offset.best.offset_us

    def ask(self, now: float) -> int:
        """Return the number of a ping that leaves at *now*."""
        self.expire(now)
        self._number += 1
        self._waiting[self._number] = now
        return self._number

    def hear(self, number: int, sample: OffsetSample, now: float) -> bool:
        """Take the answer to a ping; False if it comes too late, or unasked."""
        self.expire(now)
        if self._waiting.pop(number, None) is None:
            return False
        self._lost.append(False)
        self._rtts.append(sample.rtt_us)
        self._offset.add(sample)
        return True

    def expire(self, now: float) -> None:
        """Count as lost what was not answered in time."""
        for number, sent in list(self._waiting.items()):
            if now - sent >= LOST_S:
                del self._waiting[number]
                self._lost.append(True)

    def broken(self) -> None:
        """The link broke: what waits for an answer gets none."""
        self._lost.extend(True for _ in self._waiting)
        self._waiting.clear()
        self._rtts.clear()

    def sent_at(self, number: int) -> float | None:
        """Return when a ping left that waits for its answer."""
        return self._waiting.get(number)


def worth_telling(before: PeerState | None, now: PeerState) -> bool:
    """Tell whether *now* differs from what was told by more than noise."""
    if before is None:
        return True
    numbers = {"rtt_us": 0, "loss": 0.0, "offset_us": 0}
    if replace(before, **numbers) != replace(now, **numbers):
        return True
    rtt = abs(now.rtt_us - before.rtt_us)
    noise = max(RTT_NOISE_US, OFFSET_NOISE_US, now.rtt_us // 2)
    return (
        rtt > max(RTT_NOISE_US, RTT_SHARE * before.rtt_us)
        or abs(now.loss - before.loss) > LOSS_NOISE
        or abs(now.offset_us - before.offset_us) > noise
    )


def sound(said: PeerState) -> PeerState:
    """Return what a worker said with numbers that can be shown."""
    most = 1 << 53
    return replace(
        said,
        rtt_us=min(max(said.rtt_us, 0), most),
        loss=said.loss if 0.0 <= said.loss <= 1.0 else 0.0,
        offset_us=min(max(said.offset_us, -most), most),
    )
