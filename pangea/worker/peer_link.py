"""One link to one peer: pings both ways, and whatever else is said on it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.offset import offset_sample
from pangea.core.peer_stats import DEAF_S, PeerState, PeerStats
from pangea.core.text import safe_text
from pangea.mesh.link import Link
from pangea.mesh.messages import Goodbye, Message, Welcome
from pangea.mesh.peer_messages import Ping, Pong, Roster
from pangea.mesh.roster import SignedRoster

from .roster_keeper import RosterKeeper

log = logging.getLogger(__name__)

PING_S = 5.0
FIRST_PINGS_S = (0.0, 0.2, 0.5)
#: A peer that says nothing for so long is gone, whatever TCP believes.
SILENCE_S = 4 * PING_S
WELCOME_S = 5.0
#: A peer that says more of what we answer in a second wants something else.
WORDS_A_SECOND = 20.0
#: A clock that is further off than this is no clock, in microseconds.
WILD_US = 1 << 53

#: What other parts say on peer links: given a message, True if it was theirs.
Hear = Callable[["PeerLink", Message], Awaitable[bool]]


class PeerLink:
    """Serves a link to a peer of the roster until it breaks.

    ``deaf`` is true while the peer does not hear us, ``mute`` while we do not
    hear it; *hear* takes the messages that are no business of ours.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        stats: PeerStats,
        dialled: bool,
        path: str,
        clock: Clock,
        roster: RosterKeeper,
        hear: Hear,
    ) -> None:
        self.link = link
        self.key = link.peer_key
        self.name = name
        self.dialled = dialled
        self.path = path
        self.boot = link.peer_info.boot
        self.deaf = False
        self.heard = asyncio.Event()
        self._stats = stats
        self._clock = clock
        self._roster = roster
        self._refused = ""
        self._ended = asyncio.Event()
        self._given = 0
        self._hear_more = hear
        self._heard_at = self._spent_at = clock.monotonic()
        self._allowance = WORDS_A_SECOND

    @property
    def mute(self) -> bool:
        """Whether nothing was heard for longer than pings should take."""
        return self.silent_s > DEAF_S

    @property
    def silent_s(self) -> float:
        """Seconds since the peer was heard last."""
        return self._clock.monotonic() - self._heard_at

    async def say(self, message: Message) -> None:
        """Say *message* to the peer; LinkClosed if it takes nothing any more."""
        try:
            async with asyncio.timeout(SILENCE_S):
                await self.link.send(message)
        except TimeoutError as error:
            raise LinkClosed("it takes nothing any more") from error

    async def open(self) -> None:
        """Say or hear the welcome, after which the link may be used."""
        if self.link.admits:
            await self.say(Welcome("approved", self.link.sid))
            return
        try:
            async with asyncio.timeout(WELCOME_S):
                word = await self.link.receive()
        except TimeoutError as error:
            raise LinkClosed("no welcome") from error
        if isinstance(word, Goodbye):
            raise LinkClosed(f"refused: {safe_text(word.reason)}")
        if not isinstance(word, Welcome) or word.status != "approved":
            raise ProtocolError("expected a welcome")

    async def serve(self) -> None:
        """Ping and listen until the link breaks; always ends in an exception."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(), name="peer listen")
                tasks.create_task(self._ping(), name="peer ping")
                tasks.create_task(self._give_up(), name="peer end")
        finally:
            self._stats.broken()

    def end(self, reason: str) -> None:
        """End this link, because of *reason*."""
        self._refused = reason
        self._ended.set()

    async def _give_up(self) -> None:
        await self._ended.wait()
        raise LinkClosed(self._refused)

    async def ping(self) -> None:
        """Ask the peer for a sign of life at once; ``heard`` is set by it."""
        self.heard.clear()
        number = self._stats.ask(self._clock.monotonic())
        heard_ms = min(round(self.silent_s * 1000), 1 << 31)
        await self.say(Ping(number, self._now_us(), heard_ms, self._roster.version))

    async def _ping(self) -> None:
        pauses = iter(FIRST_PINGS_S)
        while True:
            # With jitter: a mesh that came up at once must not ping in step.
            await asyncio.sleep(next(pauses, PING_S * random.uniform(0.8, 1.2)))
            if self.silent_s > SILENCE_S:
                raise LinkClosed(f"silent for {self.silent_s:.0f} s")
            await self.ping()

    async def _listen(self) -> None:
        while True:
            message = await self.link.receive()
            self._heard_at = self._clock.monotonic()
            self.heard.set()
            await self._hear(message)

    async def _hear(self, message: Message) -> None:
        if isinstance(message, Ping | Pong | Roster):
            self._spend()
        match message:
            case Ping():
                await self._answer(message)
            case Pong():
                self._measure(message)
            case Roster():
                await self._take(message)
            case Goodbye():
                raise LinkClosed(f"left: {safe_text(message.reason)}")
            case _:
                if not await self._hear_more(self, message):
                    raise ProtocolError(f"did not expect {type(message).__name__}")

    async def _answer(self, ping: Ping) -> None:
        received = self._now_us()
        self.deaf = ping.heard_ms > DEAF_S * 1000
        await self.say(Pong(ping.number, received, self._now_us()))
        await self._pass_on(ping.roster)

    async def _pass_on(self, theirs: int) -> None:
        """Give the peer our roster if it is newer, once."""
        ours, signed = self._roster.version, self._roster.signed
        if signed is None or not max(theirs, self._given) < ours:
            return
        self._given = ours
        await self.say(Roster(signed.body, signed.signature))

    async def _take(self, said: Roster) -> None:
        """Take a roster from a peer: whoever brings it, our coordinator signed it."""
        try:
            await self._roster.take(SignedRoster(said.body, said.signature))
        except ProtocolError as error:
            log.info("peer %s brought a roster: %s", self.name, error)

    def _measure(self, pong: Pong) -> None:
        now = self._clock.monotonic()
        sent = self._stats.sent_at(pong.number)
        if sent is None:
            return
        # Timed by the monotonic clock, so that a step of ours bends nothing.
        heard_us = self._now_us()
        sent_us = heard_us - round((now - sent) * 1e6)
        sample = offset_sample(sent_us, pong.received_us, pong.answered_us, heard_us)
        if abs(sample.offset_us) < WILD_US and sample.rtt_us < WILD_US:
            self._stats.hear(pong.number, sample, now)

    def _spend(self) -> None:
        """Count a word; refuse a peer that says many more than it needs."""
        now = self._clock.monotonic()
        earned = (now - self._spent_at) * WORDS_A_SECOND
        self._spent_at = now
        self._allowance = min(WORDS_A_SECOND, self._allowance + earned)
        if self._allowance < 1.0:
            raise ProtocolError("it talks far too much")
        self._allowance -= 1.0

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)


def seen_from_here(
    key: bytes,
    links: Mapping[bytes, PeerLink],
    measured: Mapping[bytes, PeerStats],
    said: Mapping[bytes, str],
    now: float,
) -> PeerState:
    """Return how the peer with *key* is; *said* tells why it could not be dialled."""
    link, stats = links.get(key), measured.get(key) or PeerStats()
    stats.expire(now)
    return PeerState(
        key,
        linked=link is not None,
        rtt_us=stats.rtt_us,
        loss=stats.loss,
        offset_us=stats.offset_us,
        deaf=link is not None and link.deaf,
        mute=link is not None and link.mute,
        dial=said.get(key, ""),
        path=link.path if link else "",
    )
