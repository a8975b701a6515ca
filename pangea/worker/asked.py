"""Probes that are asked for once: run beside the jobs, bounded, and answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from pangea.core.asking import MOST_S, TURN_S, WAY_S
from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError, UsageError
from pangea.core.model import PUSHED, Flag, Result
from pangea.core.text import safe_text
from pangea.mesh.messages import Message
from pangea.mesh.probe_messages import AskProbe, ProbeSaid
from pangea.probes.base import Probe, make_probe, shortest_timeout
from pangea.probes.runner import run_once
from pangea.probes.target import parse_url
from pangea.probes.tools import Tools

from .lag import LagMeter
from .reporter import packed

log = logging.getLogger(__name__)

#: So many run at once, and so many wait for their turn.
AT_ONCE, WAITING = 8, 32
#: How the way is walked: at most 8 s where nobody answers.
WALK = {"max_hops": 30, "queries": 2, "wait_ms": 1000}
_ASKED, _LAGGED = int(Flag.REPEAT), int(Flag.LAGGED)

Say = Callable[[Message], Awaitable[None]]


class Asked:
    """Runs what the coordinator asks once, with the tools of all other probes.

    Nothing of it is spooled: a link that breaks takes the questions with it.
    """

    def __init__(self, tools: Tools, clock: Clock, lag: LagMeter) -> None:
        self._tools = tools
        self._clock = clock
        self._lag = lag
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, ask: AskProbe, say: Say) -> None:
        """Begin with *ask*, whose answers go to *say*; refuse what cannot be."""
        try:
            probe = self._probe(ask)
        except UsageError as error:
            await say(refusal(ask, error))
            return
        task = asyncio.create_task(self._serve(ask, probe, say), name="asked")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drop(self) -> None:
        """Forget all questions: nobody waits for the answers any more."""
        for task in self._tasks:
            task.cancel()

    def _probe(self, ask: AskProbe) -> Probe:
        """Return what *ask* asks; UsageError says why this cannot be asked here."""
        if len(self._tasks) >= AT_ONCE + WAITING:
            raise UsageError(f"{AT_ONCE + WAITING} such probes run or wait already")
        if ask.probe in PUSHED:
            raise UsageError(f"a {ask.probe} reports by itself: nobody can ask it")
        if not 0 < ask.timeout_s <= MOST_S:
            raise UsageError(f"a timeout of {ask.timeout_s:g} s is not within 60 s")
        if ask.expect not in ("ok", "fail"):
            raise UsageError(f"nobody can expect {safe_text(ask.expect, 40)!r}")
        probe = make_probe(ask.probe, ask.target, ask.options)
        needs = shortest_timeout(probe)
        if ask.timeout_s <= needs:
            raise UsageError(
                f"this {ask.probe} probe sends for {needs:g} s, longer than its "
                f"timeout of {ask.timeout_s:g} s"
            )
        return probe

    async def _serve(self, ask: AskProbe, probe: Probe, say: Say) -> None:
        try:
            async with asyncio.timeout(TURN_S):
                await self._turns.acquire()
        except TimeoutError:
            await _tell(say, refusal(ask, f"no turn within {TURN_S:g} s"))
            return
        try:
            result = await self._run(ask, probe, ask.timeout_s, ask.expect)
            ways = ask.hops and ask.probe != "traceroute"
            await _tell(say, answer(ask, result, last=not ways))
            if ways:
                await _tell(say, await self._walk(ask, result))
        finally:
            self._turns.release()

    async def _walk(self, ask: AskProbe, result: Result) -> ProbeSaid:
        """Return the way to what was asked, or why it cannot be walked."""
        try:
            host = host_of(ask, result.readings)
            way = make_probe("traceroute", host, WALK | _place(ask.options))
        except UsageError as error:
            return refusal(ask, error)
        return answer(ask, await self._run(ask, way, WAY_S, "ok"))

    async def _run(
        self, ask: AskProbe, probe: Probe, timeout_s: float, expect: str
    ) -> Result:
        result = await run_once(
            probe,
            self._tools,
            self._clock,
            job=ask.id,
            timeout_s=timeout_s,
            expect=expect,
        )
        flags = _ASKED | (_LAGGED if self._lag.bad else 0)
        return replace(result, flags=result.flags | flags)


def host_of(ask: AskProbe, readings: Mapping[str, Any]) -> str:
    """Return the host to which *ask* led: what was asked, else what the target names.

    Of a DNS question that is the name server. Raises UsageError if nothing is named.
    """
    at = readings.get("resolver" if ask.probe == "dns" else "address")
    if at is None and ask.probe == "dns":
        raise UsageError("no name server was asked: there is no way to walk")
    return parse_url(str(at or ask.target).partition(" port ")[0]).host


def answer(ask: AskProbe, result: Result, *, last: bool = True) -> ProbeSaid:
    """Return *result*, whose job is the number of the question, as it is sent."""
    return ProbeSaid(ask.id, packed(result), "", last)


def refusal(ask: AskProbe, why: object) -> ProbeSaid:
    """Return that there is no (further) answer to *ask*, and why."""
    return ProbeSaid(ask.id, refused=safe_text(why, 300))


def _place(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return from where, and by which family, the probe itself went."""
    place = {name: options[name] for name in ("family", "source") if name in options}
    return {name: said for name, said in place.items() if said != "both"}


async def _tell(say: Say, said: ProbeSaid) -> None:
    try:
        await say(said)
    except ProtocolError as error:
        log.debug("nobody hears what was asked for: %s", error)
