"""Another rule on what has been: which incidents it would have made, and when."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from .incident import REOPEN_S
from .late import relive
from .model import Flag, Result, Verdict, VoteValue, Worker
from .quorum import NOBODY
from .replay import Recorded, replay
from .rule import Rule
from .threshold import Pasts, warning
from .uptime import Span, bad_spans, length, merged, pieces, without
from .verdict import JobState, Transition
from .votes import Vote, is_void_of_sick


class Backtest(Struct, frozen=True, kw_only=True):
    """One job under another rule; seconds, against the verdicts that were recorded.

    ``then`` and ``now`` count the incidents. ``missed_s`` were degraded or down and
    would not be, ``false_s`` would be and were not. ``delay_s`` is how much later,
    in the mean, an incident would begin that there is both times; None if none is.
    ``notes`` say what could not be told.
    """

    job: int
    then: int
    now: int
    missed_s: float
    false_s: float
    down_then_s: float
    down_now_s: float
    delay_s: float | None = None
    notes: tuple[str, ...] = ()


def backtest(
    recorded: Recorded,
    said: Sequence[Transition],
    rule: Rule,
    workers: Mapping[int, Worker] = NOBODY,
) -> Backtest:
    """Return what *rule* would have made of what is *recorded*.

    *said* are the transitions that were recorded, from the last one before on.
    """
    return compare(recorded, said, replay(recorded, rule, workers))


def backtest_results(
    recorded: Recorded,
    said: Sequence[Transition],
    rows: Iterable[Result],
    rule: Rule,
    lasts_s: float,
    workers: Mapping[int, Worker] = NOBODY,
) -> Backtest:
    """Return what *rule* would have made of *rows*, all results of the stretch.

    For a rule with thresholds, of which the log of votes knows nothing.
    """
    state = JobState(recorded.job, verdict=recorded.verdict)
    votes = votes_of(rows, rule, lasts_s)
    turns = relive(state, votes, rule, recorded.end_us / 1e6, workers)
    return compare(recorded, said, turns)


def votes_of(rows: Iterable[Result], rule: Rule, lasts_s: float) -> list[Vote]:
    """Return what results say under *rule*, thresholds and all."""
    found, pasts = [], Pasts()
    for row in sorted(rows, key=lambda r: r.started_at_us):
        value, why = row.vote, None
        if value is None:
            continue
        sick = bool(row.flags & Flag.SICK)
        if sick and is_void_of_sick(value, expect_fail=rule.expect_fail):
            continue
        if value is VoteValue.OK:
            timed = not row.flags & (Flag.SICK | Flag.LAGGED)
            why = warning(row, rule, pasts, timed=timed)
            value = VoteValue.WARN if why else value
        reason, at = why[0] if why else row.reason, row.started_at_us / 1e6
        vote = Vote(row.worker, value, at, at + lasts_s, row.duration_ms, reason)
        found.append(vote)
    return found


def compare(
    recorded: Recorded,
    said: Sequence[Transition],
    found: Sequence[Transition],
) -> Backtest:
    """Return how the transitions *found* differ from those that were *said*.

    What was planned, or done on purpose, is in neither.
    """
    whole = Span(recorded.begin_us, recorded.end_us)
    before = [Transition(recorded.job, 0, recorded.verdict, recorded.verdict, "")]
    found = [*before, *found]
    then, now = bad_spans(said, whole), bad_spans(found, whole)
    aside = merged([*recorded.planned, *_drilled(recorded.drills, [*then, *now])])
    then, now = without(then, aside), without(now, aside)
    delays = [_first(span, now) - span.begin_us for span in then if _hit(span, now)]
    return Backtest(
        job=recorded.job,
        then=_incidents(then),
        now=_incidents(now),
        missed_s=length(without(then, merged(now))) / 1e6,
        false_s=length(without(now, merged(then))) / 1e6,
        down_then_s=_down(said, whole, aside),
        down_now_s=_down(found, whole, aside),
        delay_s=sum(delays) / len(delays) / 1e6 if delays else None,
    )


def _incidents(spans: Sequence[Span]) -> int:
    """Return how many incidents *spans* are: what fails again soon is the same one."""
    apart = [
        later.begin_us - earlier.end_us > REOPEN_S * 1e6
        for earlier, later in pairwise(spans)
    ]
    return sum(apart) + bool(spans)


def _hit(span: Span, others: Sequence[Span]) -> bool:
    return any(s.begin_us < span.end_us and s.end_us > span.begin_us for s in others)


def _first(span: Span, others: Sequence[Span]) -> int:
    """Return when the first of *others* begins that has a part in *span*."""
    return next(
        s.begin_us
        for s in others
        if s.begin_us < span.end_us and s.end_us > span.begin_us
    )


def _drilled(drills: Sequence[Span], bad: Iterable[Span]) -> list[Span]:
    """Return *drills* with what began in one, for it may take longer to be over."""
    begun = [s for s in bad if any(d.begin_us <= s.begin_us < d.end_us for d in drills)]
    return [*drills, *begun]


def _down(turns: Sequence[Transition], whole: Span, aside: Sequence[Span]) -> float:
    down = [s for verdict, s in pieces(turns, whole) if verdict is Verdict.DOWN]
    return length(without(down, aside)) / 1e6
