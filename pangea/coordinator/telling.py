"""What open pages are told: what is committed, and what could not be yet.

An event that says ``provisional`` tells of a verdict, an incident or a result that only
memory has; it comes again, without that word, once it is stored.
"""

import asyncio
import functools
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from msgspec.structs import replace

from pangea.core.model import FIRST_ORG, Flag, Result, VoteValue
from pangea.core.text import safe_text
from pangea.core.verdict import Transition
from pangea.web.events import Hub
from pangea.web.schema import moment

from .board import Board
from .decided import Decided
from .outages import outage_times
from .walk import in_steps


class Telling:
    """Publishes results and changes of verdict on the hub."""

    def __init__(self, board: Board, hub: Hub) -> None:
        self._board = board
        self._hub = hub
        self._turn = asyncio.Lock()

    def results(self, results: Sequence[Result]) -> None:
        """Remember fresh results, which are judged, for the live views and tell them.

        Where a rule warned of one the views say so.
        """
        results = [self._as_judged(result) for result in results]
        self._board.remember(results)
        if self._hub.streams:
            self._publish(results)
        else:
            self._hub.skip()

    def _as_judged(self, result: Result) -> Result:
        """Return *result* as its vote has it, if that is a warning of a rule."""
        board = self._board
        if result.job not in board.weighed or result.vote is not VoteValue.OK:
            return result
        vote = board.states[result.job].votes.get(result.worker)
        if vote is None or vote.value is not VoteValue.WARN or vote.void:
            return result
        if vote.at != result.started_at_us / 1e6:
            return result
        flags = result.flags | int(Flag.WARN)
        return replace(result, flags=flags, reason=vote.reason, detail=vote.detail)

    def heard(self, results: Iterable[Result]) -> None:
        """Tell results that are not stored yet; they are told again when they are."""
        if self._hub.streams:
            self._publish(results, {"provisional": True})

    def _publish(
        self, results: Iterable[Result], mark: Mapping[str, bool] | None = None
    ) -> None:
        for result in results:
            job = self._board.jobs.get(result.job)
            voter = self._board.voter(result.worker)
            if job is None or not voter:
                continue
            self._hub.publish(
                "result",
                job.org,
                {
                    "job": job.name,
                    "worker": voter,
                    "started_at": moment(result.started_at_us),
                    "duration_ms": result.duration_ms,
                    "outcome": result.vote or result.outcome,
                    "reason": result.reason,
                    "detail": result.detail,
                    "flags": flag_names(result.flags),
                    **(mark or {}),
                },
            )

    async def decided(self, decided: Decided) -> None:
        """Tell changes of verdict, and what else became true with them, in order."""
        async with self._turn:
            async for some in in_steps(decided.told):
                for kind, org, words in some:
                    self._hub.publish(kind, org, words)
            async for turns in in_steps(decided.transitions):
                self.verdicts(turns, decided.drilled)

    def early(self, told: Iterable[tuple[str, int, dict[str, Any]]]) -> None:
        """Tell what became true of incidents and verdicts, and is not stored yet."""
        for kind, org, words in told:
            if kind in ("incident", "verdict"):
                self._hub.publish(kind, org, words | {"provisional": True})

    def verdicts(
        self,
        transitions: Iterable[Transition],
        drilled: Set[tuple[int, int]],
        *,
        provisional: bool = False,
    ) -> None:
        """Tell changes of verdict; *provisional* are those that are not stored.

        Those of drills are *drilled*, each as its job and time. Of a job in
        maintenance nothing changes that anybody sees.
        """
        mark = {"provisional": True} if provisional else {}
        for transition in transitions:
            job = self._board.jobs.get(transition.job)
            if job is None or job.id in self._board.maintained:
                continue
            of_drill = (transition.job, transition.at_us) in drilled
            drill = {"drill": True} if of_drill else {}
            self._hub.publish(
                "verdict",
                job.org,
                {
                    "job": job.name,
                    "before": transition.before,
                    "verdict": transition.after,
                    "reason": transition.reason,
                    "at": moment(transition.at_us),
                    **outage_times(self._board.outages.get(job.id)),
                    **mark,
                    **drill,
                },
            )

    def trouble(self, why: str) -> None:
        """Tell all that the database refuses, because of *why*; "": no longer."""
        workers, jobs = self._board.workers.values(), self._board.jobs.values()
        for org in {FIRST_ORG} | {w.org for w in workers} | {j.org for j in jobs}:
            self._hub.publish("trouble", org, {"storage": safe_text(why, 300)})


def flag_names(flags: int) -> list[str]:
    """Return the names of the flags that are set."""
    return list(_names(flags))


@functools.lru_cache(maxsize=1024)
def _names(flags: int) -> tuple[str, ...]:
    return tuple(flag.name.lower() for flag in Flag if flag.name and flags & flag)
