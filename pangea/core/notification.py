"""A notification: what one channel is to be told once, and how far that is.

Its id follows from what it is about, so that nothing is told twice: not after a
restart, and not by two who work on the same outbox.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from msgspec import Struct

from .notice import Kind, Notice

#: So many at once become one message with a list, and so many fit into it.
LEAST, MOST = 3, 10_000
#: The first try again comes so much later, and each after it twice as late, up to.
FIRST_S, LONGEST_S = 2.0, 900.0
#: What could not be delivered for so long is given up.
GIVE_UP_S = 86400.0
WAITING, SENDING, SENT, DEAD, DROPPED = "waiting", "sending", "sent", "dead", "dropped"
STATES = (WAITING, SENDING, SENT, DEAD, DROPPED)


class Notification(Struct, frozen=True, kw_only=True):
    """What is told of an alert, by a rule, at a step, to a channel.

    ``state`` is ``waiting``, ``sending`` (whether it arrived is not known yet),
    ``sent``, ``dead`` (given up, or refused for good) or ``dropped`` (there was no
    more reason to send it). ``message`` is the id of the message that it goes with:
    empty until it was tried for the first time, and the same ever after.
    """

    id: str
    org: int
    alert: str
    rule: int
    rule_name: str
    step: str
    kind: Kind
    channel: int
    notice: Notice
    made_us: int
    next_us: int = 0
    state: str = WAITING
    tries: int = 0
    message: str = ""
    thread: str = ""
    answer: str = ""
    sent_us: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it tells that something is over."""
        return self.kind in ("recovered", "worker-back")


def notification_id(alert: str, rule: int, step: str, channel: int) -> str:
    """Return the id of what is told of *alert* by *rule* at *step* to *channel*."""
    return _id(f"{alert}/{rule}/{step}/{channel}", b"notification")


def message_id(ids: Sequence[str]) -> str:
    """Return the id of the message that tells these notifications."""
    return ids[0] if len(ids) == 1 else _id("/".join(sorted(ids)), b"message")


def _id(said: str, person: bytes) -> str:
    digest = hashlib.blake2b(said.encode(), digest_size=10, person=person).digest()
    return base64.b32encode(digest).decode().lower()


def again_after_s(tries: int) -> float:
    """Return after how many seconds to try again what failed so often."""
    return float(min(FIRST_S * 2.0 ** min(tries - 1, 20), LONGEST_S))


def choose(pending: Iterable[Notification], now_us: int) -> list[Notification]:
    """Return what goes into the next message of a channel, or nothing.

    What was tried before goes as it went then, after what was tried less often.
    Nothing of an alert goes before what was to be told of it earlier.
    """
    known = sorted(pending, key=lambda n: (n.made_us, n.id))
    tried = {n.alert for n in known if n.message}
    fresh = [n for n in known if not n.message and n.alert not in tried]
    ready = [n for n in fresh if n.next_us <= now_us]
    if ready:
        return ready[:MOST] if len(ready) >= LEAST else ready[:1]
    old = [n for n in known if n.message and n.next_us <= now_us]
    if not old:
        return []
    first = min(old, key=lambda n: (n.tries, n.made_us, n.id))
    return [n for n in known if n.message == first.message]


def next_us(pending: Iterable[Notification]) -> int | None:
    """Return when there may be something to send, if nothing else comes.

    What waits for something else of its alert has no time of its own.
    """
    known = list(pending)
    tried = {n.alert for n in known if n.message}
    times = (n.next_us for n in known if n.message or n.alert not in tried)
    return min(times, default=None)
