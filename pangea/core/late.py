"""Late results: what would have been said had they come in time.

Pure. `relive` judges all results of a stretch in the order of their times; `correct`
says what of the log that makes wrong, and leaves alone what differs by no more than
the moment at which something was heard.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from .electorate import reseat
from .liveness import LEAVES_S
from .model import Verdict, Worker
from .quorum import NOBODY
from .rule import Rule
from .uptime import Span, merged, pieces
from .verdict import JobState, Judgement, Transition, judge, renew
from .votes import Vote

#: A change of the electorate, as the log tells it: at (microseconds), workers.
Seats = tuple[int, tuple[int, ...]]
#: A stay in it, in UTC seconds.
Stay = tuple[float, float]
#: Clocks agree at least to this, in seconds; also what the log takes to be written.
CLOCKS_S = 60.0


class Fix(Struct, frozen=True):
    """What is to be changed in the log: what no longer holds, and what does."""

    wrong: tuple[Transition, ...]
    right: tuple[Transition, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to change."""
        return bool(self.wrong or self.right)


def relive(
    state: JobState,
    votes: Sequence[Vote],
    rule: Rule,
    until: float,
    workers: Mapping[int, Worker] = NOBODY,
    seats: Sequence[Seats] | None = None,
) -> list[Transition]:
    """Return the transitions from *state* on, had all *votes* come as they ended.

    A worker sits in the electorate from its first vote on, and until it has been
    silent for five minutes after its last one ran out. *until* is in UTC seconds.
    With *seats*, the log of electorates, only those vote who sat there (`sitting`).
    """
    if seats is not None:
        sat = sitting(seats)
        votes = [v for v in votes if _in(v.end, sat.get(v.worker))]
    return _Relived(state, rule, workers).run(votes, until)


def sitting(seats: Sequence[Seats]) -> dict[int, Stay]:
    """Return from when until when each worker was of the electorate, in UTC seconds.

    *seats* are its changes, oldest first, the first of which held before, too. Who
    left and came back was only silent meanwhile: what it measured then counts.
    """
    found: dict[int, Stay] = {}
    ends = [at_us / 1e6 for at_us, _ in seats[1:]] + [float("inf")]
    begin = float("-inf")
    for (_, workers), end in zip(seats, ends, strict=False):
        for worker in workers:
            found[worker] = (found.get(worker, (begin, end))[0], end)
        begin = end
    return found


def _in(at: float, stay: Stay | None) -> bool:
    return stay is not None and stay[0] - CLOCKS_S <= at <= stay[1] + CLOCKS_S


class _Relived:
    def __init__(
        self, state: JobState, rule: Rule, workers: Mapping[int, Worker]
    ) -> None:
        self.state = replace(state, votes=dict(state.votes))
        self._rule, self._workers = rule, workers
        self._leaves = {w: v.expires + LEAVES_S for w, v in state.votes.items()}
        self.found: list[Transition] = []

    def run(self, votes: Sequence[Vote], until: float) -> list[Transition]:
        for vote in sorted(votes, key=lambda v: (v.end, v.worker)):
            if vote.end >= until:
                break
            self._pass(vote.end)
            self._hear(vote)
        self._pass(until)
        return self.found

    def _hear(self, vote: Vote) -> None:
        self._set_aside(vote)
        now, state = vote.end, self.state
        if vote.worker in state.electorate:
            if not renew(state, vote, now):
                self._take(judge(state, (vote,), self._rule, now, self._workers))
        elif not vote.void:
            seats = (*state.electorate, vote.worker)
            self._take(reseat(state, seats, self._rule, now, (vote,), self._workers))
        self._leaves[vote.worker] = vote.expires + LEAVES_S

    def _set_aside(self, vote: Vote) -> None:
        """Let who cannot tell be no voter until it can, as it was then."""
        sick = {w for w in self.state.sick if w != vote.worker}
        if vote.void and vote.worker in self.state.electorate:
            sick.add(vote.worker)
        after = tuple(sorted(sick))
        if after != self.state.sick:
            self.state = replace(self.state, sick=after)

    def _pass(self, now: float) -> None:
        """Let votes run out, and those leave who are silent, until *now*."""
        while True:
            ends = [v.expires for v in self.state.votes.values()]
            leaves = [self._leaves.get(w, now + 1) for w in self.state.electorate]
            at = min([*ends, *leaves], default=now + 1)
            if at > now:
                return
            stay = [
                w for w in self.state.electorate if self._leaves.get(w, at + 1) > at
            ]
            if len(stay) < len(self.state.electorate):
                gone = set(self.state.electorate).difference(stay)
                for worker in gone:
                    self._leaves.pop(worker, None)
                if stay:
                    judged = reseat(self.state, stay, self._rule, at, (), self._workers)
                    self._take(judged)
                continue
            self._take(judge(self.state, (), self._rule, at, self._workers))

    def _take(self, judged: Judgement) -> None:
        self.state = judged.state
        if judged.transition:
            self.found.append(judged.transition)


def correct(
    said: Sequence[Transition],
    found: Sequence[Transition],
    first: Verdict,
    whole: Span,
    within_us: int,
) -> Fix:
    """Return what of the log is wrong within *whole*.

    *said* are the transitions in force, from the last one before *whole* on; *found*
    those of `relive`, which began as *first*. What differs for no longer than
    *within_us* stays as it was said, and so does what is now less known than then.
    """
    before = [Transition(0, whole.begin_us, first, first, "")]
    old = list(pieces(said, whole))
    new = list(pieces([*before, *found], whole))
    wrong = _differ(old, new, within_us)
    if not wrong:
        return Fix((), ())
    timeline = _overlaid(old, new, wrong)
    inside = [t for t in said if whole.begin_us <= t.at_us < whole.end_us]
    job = inside[0].job if inside else found[0].job if found else 0
    last = old[-1][0]
    right = _turns(job, old[0][0], [*timeline, (last, Span(whole.end_us, 0))])
    kept = {(t.at_us, t.before, t.after) for t in inside}
    reasons = {t.at_us: t for t in (*found, *inside)}
    wanted = {(t.at_us, t.before, t.after) for t in right}
    return Fix(
        tuple(t for t in inside if (t.at_us, t.before, t.after) not in wanted),
        tuple(
            _reasoned(t, reasons.get(t.at_us))
            for t in right
            if (t.at_us, t.before, t.after) not in kept
        ),
    )


Piece = tuple[Verdict, Span]


def _differ(old: list[Piece], new: list[Piece], within_us: int) -> list[Span]:
    """Return where two timelines differ for longer than that."""
    found = [
        Span(max(a.begin_us, b.begin_us), min(a.end_us, b.end_us))
        for was, a in old
        for now, b in new
        if was is not now
        and now is not Verdict.UNKNOWN
        and a.begin_us < b.end_us
        and b.begin_us < a.end_us
    ]
    return [s for s in merged(found) if s.end_us - s.begin_us > within_us]


def _overlaid(old: list[Piece], new: list[Piece], wrong: list[Span]) -> list[Piece]:
    """Return *old*, and *new* where it was wrong."""
    found: list[Piece] = []
    for span in wrong:
        found += [(v, _both(s, span)) for v, s in new]
    at = old[0][1].begin_us
    for hole in [*wrong, Span(old[-1][1].end_us, 0)]:
        right = Span(at, hole.begin_us)
        found += [(v, _both(s, right)) for v, s in old]
        at = hole.end_us
    return sorted((p for p in found if p[1].end_us > p[1].begin_us), key=_begin)


def _begin(piece: Piece) -> int:
    return piece[1].begin_us


def _both(one: Span, other: Span) -> Span:
    begin = max(one.begin_us, other.begin_us)
    return Span(begin, max(begin, min(one.end_us, other.end_us)))


def _turns(job: int, verdict: Verdict, timeline: Sequence[Piece]) -> list[Transition]:
    found = []
    for after, span in timeline:
        if after is not verdict:
            found.append(Transition(job, span.begin_us, verdict, after, ""))
            verdict = after
    return found


def _reasoned(turn: Transition, told: Transition | None) -> Transition:
    """Return *turn* with the reason of what was found at that moment."""
    if told is not None and told.after is turn.after:
        return replace(turn, reason=told.reason, line=told.line)
    return replace(turn, reason="by results that came late")
