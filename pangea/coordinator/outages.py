"""Since when jobs fail, and when that was believed: kept beside their states."""

from collections import deque
from statistics import median

from pangea.core.model import Verdict, VoteValue
from pangea.core.outage import Outage, begun, follow, run_on
from pangea.core.verdict import JobState, Judgement
from pangea.storage import verdicts
from pangea.storage.database import Store
from pangea.web.schema import moment

from .board import Board
from .decided import Decided

#: Outages of which it is remembered how long they took to be confirmed.
REMEMBERED = 100
#: After a restart the log is read back over so many lives of a vote, and no further.
LIVES, LONGEST_S = 10, 86400.0


class Outages:
    """Keeps ``Board.outages`` true: of every job that fails somewhere, or is down."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._took: deque[float] = deque(maxlen=REMEMBERED)

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Take note of what was judged; a follower of `Judging`."""
        job, known = judged.state.job, self._board.outages
        held = known.get(job, Outage())
        after = follow(held, judged, self._board.lasts.get(job, 0.0))
        if after:
            known[job] = after
        else:
            known.pop(job, None)
        if after.confirmed and not held.confirmed:
            self._took.append(after.confirmed - after.first_fail)

    def times(self, job: int) -> tuple[int, int]:
        """Return when its outage was first seen and confirmed (UTC µs), else 0, 0.

        It is that of a job that is down, or was until the judgement at hand.
        """
        outage = self._board.outages.get(job, Outage())
        return round(outage.first_fail * 1e6), round(outage.confirmed * 1e6)

    @property
    def took_s(self) -> float | None:
        """How long the last outages took from the first failure to the verdict."""
        return median(self._took) if self._took else None

    async def load(self, store: Store) -> None:
        """Read from the logs what a restart has forgotten."""
        unwell = [
            state.job
            for state in self._board.states.values()
            if state.verdict is Verdict.DOWN
            or any(v.value is VoteValue.FAILED for v in state.votes.values())
        ]
        if unwell:
            found = await store.read(lambda: [self._read(job) for job in unwell])
            pairs = zip(unwell, found, strict=True)
            self._board.outages.update((job, one) for job, one in pairs if one)

    def _read(self, job: int) -> Outage:
        """Return the outage of *job*, from the logs of its verdicts and its votes."""
        state, lasts_s = self._board.states[job], self._board.lasts[job]
        confirmed_us = _down_since(job)
        until = confirmed_us / 1e6 or state.since
        back_s = min(LIVES * lasts_s, LONGEST_S)
        changes = verdicts.vote_changes(job, round((until - back_s) * 1e6))
        runs = {
            worker: since
            for worker, since in run_on({}, changes).items()
            if worker in state.votes and state.votes[worker].value is VoteValue.FAILED
        }
        if not confirmed_us:
            return Outage(runs)
        led = run_on({}, [c for c in changes if c.at_us <= confirmed_us])
        confirmed = confirmed_us / 1e6
        return Outage(runs, begun(led, lasts_s, confirmed), confirmed)


def _down_since(job: int) -> int:
    """Return when *job* went down since it was up last (UTC µs); 0 if it did not."""
    since = 0
    for change in verdicts.transitions(job):
        if change.after is Verdict.UP:
            break
        if change.after is Verdict.DOWN:
            since = change.at_us
    return since


def outage_times(outage: Outage | None) -> dict[str, str | None]:
    """Return when an outage was first seen and when it was confirmed, for people."""
    if outage is None or not outage.confirmed:
        return {"first_fail_at": None, "confirmed_at": None}
    return {
        "first_fail_at": moment(round(outage.first_fail * 1e6)),
        "confirmed_at": moment(round(outage.confirmed * 1e6)),
    }
