"""What open pages are told, once it is committed."""

from collections.abc import Iterable, Sequence

from pangea.core.model import Flag, Result
from pangea.web.events import Hub
from pangea.web.schema import moment

from .board import Board
from .judging import Decided


class Telling:
    """Publishes results and changes of verdict on the hub."""

    def __init__(self, board: Board, hub: Hub) -> None:
        self._board = board
        self._hub = hub

    def results(self, results: Sequence[Result]) -> None:
        """Remember fresh results for the live views and tell them."""
        jobs, remember = self._board.jobs, self._board.recent.add
        for result in results:
            if result.job in jobs:
                remember(result)
        if self._hub.streams:
            self._publish(results)
        else:
            self._hub.skip()

    def _publish(self, results: Iterable[Result]) -> None:
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
                },
            )

    def decided(self, decided: Decided) -> None:
        """Tell changes of verdict, and what else became true with them."""
        for kind, org, words in decided.told:
            self._hub.publish(kind, org, words)
        for transition in decided.transitions:
            job = self._board.jobs.get(transition.job)
            if job is None:
                continue
            self._hub.publish(
                "verdict",
                job.org,
                {
                    "job": job.name,
                    "before": transition.before,
                    "verdict": transition.after,
                    "reason": transition.reason,
                    "at": moment(transition.at_us),
                },
            )


def flag_names(flags: int) -> list[str]:
    """Return the names of the flags that are set."""
    return [flag.name.lower() for flag in Flag if flag.name and flags & flag]
