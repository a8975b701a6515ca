"""One attempt to deliver a message, and what follows from it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from pangea.alerts.notifier import Message, NotSent, Refused, Sender
from pangea.core.channel import Channel
from pangea.core.errors import PangeaError
from pangea.core.notification import (
    DEAD,
    GIVE_UP_S,
    SENT,
    WAITING,
    Notification,
    again_after_s,
)
from pangea.core.text import safe_text
from pangea.storage import outbox as stored
from pangea.storage.outbox import Attempt
from pangea.storage.writer import after_commit

from .judging import FAULTS

log = logging.getLogger(__name__)

#: A notifier has so long, in seconds.
TIMEOUT_S = 20.0


class Channels(Protocol):
    """Where channels are known, and opened."""

    def all(self, org: int) -> Sequence[Channel]:
        """Return the channels of an organisation."""
        ...

    def by_id(self, id_: int) -> Channel | None:
        """Return a channel, None if there is none."""
        ...

    def open_channel(self, channel: Channel) -> tuple[Sender, Any]:
        """Return what sends, and its options."""
        ...


class Tried(Struct, frozen=True):
    """How an attempt went, and when the channel wants to be asked again, if it said."""

    outcome: str
    answer: str
    at_us: int
    took_ms: float
    after_s: float | None = None


async def try_once(
    channels: Channels, channel: Channel, message: Message, at_us: int
) -> Tried:
    """Send *message* once; whatever happens is told, not raised."""
    begun = perf_counter()
    outcome, answer, after_s = "sent", "", None
    try:
        notifier, options = channels.open_channel(channel)
        async with asyncio.timeout(TIMEOUT_S + 5):
            answer = await notifier.send(message, options, TIMEOUT_S)
    except Refused as error:
        outcome, answer = "refused", str(error)
    except NotSent as error:
        outcome, answer, after_s = "again", str(error), error.retry_after_s
    except (PangeaError, OSError, TimeoutError) as error:
        outcome, answer = "again", str(error) or "no answer in time"
    except FAULTS as error:
        log.exception("sending over %s failed", channel.name)
        outcome, answer = "again", f"a fault of Pangea: {type(error).__name__}"
    took_ms = (perf_counter() - begun) * 1e3
    return Tried(outcome, safe_text(answer, 500), at_us, took_ms, after_s)


class PutNew:
    """Writes new notifications; in the transaction of what they tell of."""

    def __init__(
        self,
        them: list[Notification],
        loop: asyncio.AbstractEventLoop,
        done: Callable[[list[Notification]], None],
    ) -> None:
        self._them, self._loop, self._done = them, loop, done

    def __call__(self) -> None:
        """Store them, and tell when that is durable."""
        stored.put(self._them)
        after_commit(self._tell)

    def _tell(self) -> None:
        with suppress(RuntimeError):  # The loop may have ended meanwhile.
            self._loop.call_soon_threadsafe(self._done, self._them)


def after_attempt(
    it: Notification, attempt: Attempt, now_us: int, after_s: float | None
) -> Notification:
    """Return *it* as it is after *attempt*."""
    answer = attempt.answer
    if attempt.outcome == "sent":
        return replace(it, state=SENT, answer=answer, sent_us=now_us)
    given_up = now_us - it.made_us > GIVE_UP_S * 1e6
    if attempt.outcome == "refused" or given_up:
        return replace(it, state=DEAD, answer=answer)
    wait_s = max(again_after_s(it.tries), after_s or 0.0)
    next_us = now_us + round(min(wait_s, GIVE_UP_S) * 1e6)
    return replace(it, state=WAITING, answer=answer, next_us=next_us)
