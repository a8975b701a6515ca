"""Confirm now: a first failure, or a first success, makes the other workers look.

The rules are in `core.confirm`; here they are applied to the board, with one open
confirmation for each job at most.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence

from pangea.alarm import Alarm
from pangea.core.clock import Clock
from pangea.core.confirm import (
    APART_S,
    PATIENCE_S,
    Ask,
    Goal,
    Wish,
    failing,
    goal_of,
    whom,
)
from pangea.core.model import PUSHED, Job, Result, Verdict, VoteValue
from pangea.core.outage import SUSPENDED
from pangea.core.verdict import JobState, Judgement

from .board import Board
from .confirm_open import Open, held
from .confirm_queue import ConfirmQueue
from .decided import Decided
from .denied import Denied
from .dispatch import Dispatch
from .walk import in_steps
from .watch import Watch

#: While something is open, it is looked at so often; seldomer if very much is.
LOOK_S, LOOK_EACH_S = 0.05, 0.0001
#: What begins is looked at so soon: who probes at the same time has answered by then.
SOON_S = 0.01
#: More than so much is looked at in steps.
MANY = 200


class Confirming:
    """Asks the workers of a job to probe it now, while there is a question.

    ``asked`` counts the probes asked for since the start.
    """

    def __init__(
        self, board: Board, dispatch: Dispatch, watch: Watch, clock: Clock
    ) -> None:
        self._board = board
        self._dispatch = dispatch
        self._watch = watch
        self._clock = clock
        self._queue = ConfirmQueue(board, dispatch)
        self._alarm = Alarm(self._look)
        #: What goes on in steps: a look at very much, and who came meanwhile.
        self._going_on: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        #: What began since it was looked at last; when all is looked at again.
        self._begun: set[int] = set()
        self._next = float("-inf")
        #: On what jobs it was looked in this storm, because others depend on them.
        self._looked: set[int] = set()
        self.open: dict[int, Open] = {}
        self._denied = Denied()
        self.asked = 0

    @property
    def waiting(self) -> int:
        """How many jobs wait for the budget."""
        return sum(bool(opened.waiting) for opened in self.open.values())

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """See whether what was judged is a question to others; a follower."""
        state = judged.state
        job, goal = self._board.jobs.get(state.job), goal_of(state)
        if goal is not Goal.DOWN:
            self._denied.forget(state.job)
        if job is None or goal is None or not self._may(job):
            return
        spoke = {
            change.worker
            for change in judged.changes
            if change.after is not None
            and (change.after is VoteValue.FAILED) is (goal is Goal.DOWN)
            and change.cause not in SUSPENDED
            and change.worker in state.votes  # it may have expired in the same breath
        }
        known = self.open.get(job.id)
        if spoke and not (known and known.goal is goal):
            self._begin(state, goal, spoke)

    def heard(self, results: Iterable[Result]) -> None:
        """Ask once more of failures that others denied, if they go on; a hearer."""
        for job, worker in self._denied.again(results):
            # After they were judged.
            asyncio.get_running_loop().call_soon(self._once_more, job, worker)

    def _once_more(self, number: int, worker: int) -> None:
        job, state = self._board.jobs.get(number), self._board.states.get(number)
        if not job or not state or number in self.open or not self._may(job):
            return
        if goal_of(state) is Goal.DOWN and worker in failing(state):
            self._begin(state, Goal.DOWN, {worker})

    def linked(self, worker: int) -> None:
        """Take up what is open as *worker* comes: we may have restarted."""
        unwell = list(self._board.outages)
        if len(unwell) > MANY:
            self._start(self._take_up_in_steps(worker, unwell))
            return
        for job in unwell:
            self._take_up(worker, job)

    async def _take_up_in_steps(self, worker: int, unwell: Sequence[int]) -> None:
        async for some in in_steps(unwell):
            for job in some:
                self._take_up(worker, job)

    def _take_up(self, worker: int, number: int) -> None:
        """Take up what is open of a job, if *worker* can tell of it."""
        job, state = self._board.jobs.get(number), self._board.states.get(number)
        if not job or not state or worker not in state.electorate:
            return
        goal = goal_of(state)
        if not goal or number in self.open or not self._may(job):
            return
        if state.repeats and state.voters == (worker,):
            self._dispatch.run_now(number, [worker])
            return
        spoke = {
            w
            for w, vote in state.votes.items()
            if (vote.value is VoteValue.FAILED) is (goal is Goal.DOWN)
        }
        if spoke:
            self._begin(state, goal, spoke)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="confirmations")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _may(self, job: Job) -> bool:
        """Tell whether *job* is one to confirm now."""
        if job.type in PUSHED or self._watch.doubt:
            return False
        return self._board.verdict(job) not in ("paused", "maintenance")

    def _begin(self, state: JobState, goal: Goal, spoke: set[int]) -> None:
        """Open a confirmation; who is looking already need not be asked again."""
        workers = whom(state, goal, spoke, self._here(state))
        opened = Open(goal, held(state, workers))
        opened.since = max(state.votes[w].at for w in spoke)
        before = self.open.pop(state.job, None)
        if before and before.goal is Goal.LOOK and goal is Goal.DOWN:
            opened.asked, opened.ends = before.asked, before.ends
            for worker in before.asked:
                opened.waiting.pop(worker, None)
        if opened.waiting or opened.asked or opened.wants_round(state):
            self.open[state.job] = opened
            self._begun.add(state.job)
            self._look_within(SOON_S)

    def _here(self, state: JobState) -> set[int]:
        """Return who can be asked, and would be believed."""
        board = self._board
        return {
            worker
            for worker in state.electorate
            if worker in board.connected
            and worker not in board.sick
            and worker not in board.lost
            and worker not in board.resting
            and worker in self._dispatch.outboxes
        }

    def _look_within(self, seconds: float) -> None:
        """Look at all that is open in so many seconds, or before.

        What is very much is not looked at sooner for each that comes.
        """
        if not (self._alarm.is_set and len(self.open) > MANY):
            self._alarm.within(seconds)

    def _look(self) -> None:
        if self._going_on and not self._going_on.done():
            return  # at its end it sees to what came meanwhile
        if len(self.open) > MANY:
            self._going_on = self._start(self._look_in_steps())
            return
        begun, self._begun = self._begun, set()
        # A timer may be early by what the loop's clock rounds.
        whole = asyncio.get_running_loop().time() >= self._next - SOON_S / 2
        whole |= any(o.waiting for job, o in self.open.items() if job not in begun)
        for job in list(self.open) if whole else begun & self.open.keys():
            self._review(job, self.open[job])
        self._look_done(self._wishes(self.open), whole=whole)

    async def _look_in_steps(self) -> None:
        async for some in in_steps(list(self.open)):
            for job in some:
                if opened := self.open.get(job):
                    self._review(job, opened)
        wishes = list[Wish]()
        async for some in in_steps(list(self.open)):
            wishes += self._wishes(some)
        self._look_done(wishes, whole=True)

    def _look_done(self, wishes: list[Wish], *, whole: bool) -> None:
        """Ask what is wished for, and look again later at what is open."""
        if wishes:
            self._spend(wishes)
        else:
            self._looked.clear()
        now = asyncio.get_running_loop().time()
        if whole:
            self._next = now + max(LOOK_S, len(self.open) * LOOK_EACH_S)
        if self.open:
            self._look_within(self._next - now)

    def _review(self, number: int, opened: Open) -> None:
        """End what is answered or given up; go on with what wants more rounds."""
        job, state = self._board.jobs.get(number), self._board.states.get(number)
        if opened.is_resting(state, self._clock.monotonic()):
            return
        goal, opened.seen = opened.goal, state
        settled = state and goal is not Goal.LOOK and goal_of(state) is not goal
        if not job or not state or settled or not self._may(job):
            del self.open[number]
        elif not opened.is_over(state, self._clock.monotonic()):
            opened.strike_off(state, self._here(state))
        elif opened.wants_round(state):
            waiting = held(state, self._here(state))
            self.open[number] = Open(goal, waiting, rounds=opened.rounds + 1)
        else:
            del self.open[number]
            if goal is Goal.DOWN and state.verdict is not Verdict.DOWN:
                self._denied.note(state)

    def _wishes(self, jobs: Iterable[int]) -> list[Wish]:
        """Return what is wished for of *jobs*."""
        wish, known, open_ = self._queue.wish, self._board.jobs, self.open
        return [
            wish(job, open_[job].waiting)
            for job in jobs
            if job in known and job in open_ and open_[job].waiting
        ]

    def _spend(self, wishes: list[Wish]) -> None:
        """Ask whose turn it is; over budget, look at what they depend on first."""
        now = self._clock.monotonic()
        if self._queue.is_over(wishes, now):
            wishes += self._wishes(self._look_at_parents(wishes))
        for ask in self._queue.spend(wishes, now):
            self._ask(ask, now)

    def _look_at_parents(self, wishes: list[Wish]) -> list[int]:
        """Open a look at each job that failing ones depend on; return these."""
        parents = [parent for wish in wishes for parent in wish.parents]
        begun = list[int]()
        while parents:
            number = parents.pop()
            job, state = self._board.jobs.get(number), self._board.states.get(number)
            if not job or not state or number in self._looked or not self._may(job):
                continue
            self._looked.add(number)
            if number in self.open:
                continue
            workers = self._here(state)
            if state.verdict is not Verdict.DOWN and workers:
                self.open[number] = Open(Goal.LOOK, held(state, workers))
                parents += job.depends_on
                begun.append(number)
        return begun

    def _ask(self, ask: Ask, now: float) -> None:
        opened, job = self.open.get(ask.job), self._board.jobs.get(ask.job)
        if not opened or not job or ask.worker not in opened.waiting:
            return  # it was answered while very much was looked at
        delay_s = APART_S if opened.rounds else 0.0
        opened.asked[ask.worker] = opened.waiting.pop(ask.worker)
        opened.told = self._clock.wall()
        opened.answers = now + delay_s
        opened.ends = opened.answers + job.timeout_s + PATIENCE_S
        self._dispatch.run_now(ask.job, [ask.worker], delay_s)
        self.asked += 1
